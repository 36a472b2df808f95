"""The exercises of chapter 6: no answer is no error, a wrong one is refused, the solution passes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from chapter_cells import names_of

from avslib.figures import say

NEEDED = (
    "from avslib import figures",
    "def dice(",
    "def check_",
    "def same(",
    "def silence(",
    "def smooth_dice(",
)
"""What the cells hold that the exercises need; the rest of the chapter trains."""


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    """The names that the exercises and their solutions use."""
    return names_of("06_avsegformer.ipynb", NEEDED, WRONG)


WRONG = {
    "check_same": lambda head, pixels, query: head.score(pixels),
    "check_weights": 768 * 256,
    "check_silence": lambda mixer, pixels: torch.zeros(pixels.shape[:2]),
    "check_dice": lambda x, y: 1 - (2 * (x.sigmoid() * y).sum()) / (x.sigmoid().sum() + y.sum()),
}


@pytest.mark.parametrize("check", WRONG)
def test_a_wrong_answer_is_refused_with_a_reason(chapter: dict[str, Any], check: str) -> None:
    with pytest.raises(AssertionError, match=r"\w+ \w+"):
        chapter[check](WRONG[check])


@pytest.mark.parametrize(
    ("check", "solution"),
    [("check_same", "same"), ("check_silence", "silence"), ("check_dice", "smooth_dice")],
)
def test_the_solution_passes(chapter: dict[str, Any], check: str, solution: str) -> None:
    assert chapter[check](chapter[solution]).startswith("right")


def test_an_empty_answer_is_told_so(chapter: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    say(chapter["check_weights"], None)
    assert capsys.readouterr().out.strip() == "not answered yet"
    assert chapter["check_weights"](6 * 512 * 256).startswith("right")
