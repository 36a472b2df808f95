"""The exercises of chapter 7: no answer is no error, a wrong one is refused, the solution passes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from chapter_cells import names_of
from torch import nn

from avslib.data import MiniScenes, collate
from avslib.figures import say

NEEDED = ("from avslib import figures", "def check_", "def in_order(")
"""What the cells hold that the exercises need; the rest of the chapter trains."""


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    """The names that the exercises and their solutions use; the model is untrained, and sure of itself."""
    names = names_of("07_pcmanet.ipynb", NEEDED, WRONG)
    torch.manual_seed(0)
    model = names["model"] = names["run"].model().eval()
    head: nn.Conv2d = model.score[-1][-1]
    head.weight.data *= 1000
    scenes = MiniScenes("ms3", split="test", size=64, length=4)
    names["batch"] = collate([scenes[i] for i in range(4)], names["run"].front_end())
    return names


def threshold(chapter: dict[str, Any]) -> float:
    """The solution of the last exercise."""
    return next((c for c in (0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.6) if chapter["kept_at"](c) < 0.5), 0)


WRONG = {
    "check_fold": lambda v, W_q, key: v @ W_q.T @ key.T,
    "check_classes": 99,
    "check_order": lambda maps: maps,
    "check_threshold": 0.123,
}


@pytest.mark.parametrize("check", WRONG)
def test_a_wrong_answer_is_refused_with_a_reason(chapter: dict[str, Any], check: str) -> None:
    with pytest.raises(AssertionError, match=r"\w+ \w+"):
        chapter[check](WRONG[check])


def test_the_solutions_pass(chapter: dict[str, Any]) -> None:
    assert chapter["check_fold"](lambda v, W_q, key: v @ (key @ W_q).T).startswith("right: 8%")
    assert chapter["check_classes"](100).startswith("right")
    assert chapter["check_order"](chapter["in_order"]).startswith("right")
    before = chapter["model"].mask.threshold
    answer = threshold(chapter)
    assert answer > 0, "else the exercise is not tested"
    assert chapter["check_threshold"](answer).startswith("right")
    assert chapter["model"].mask.threshold == before, "the check leaves the model as it was"


def test_an_empty_answer_is_told_so(chapter: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    say(chapter["check_classes"], None)
    assert capsys.readouterr().out.strip() == "not answered yet"
