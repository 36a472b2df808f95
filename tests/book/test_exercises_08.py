"""The exercises of chapter 8: no answer is no error, a wrong one is refused, the solution passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from chapter_cells import names_of

NEEDED = ("from avslib import figures", "def check_", "def place(")
"""What the cells hold that the exercises need; the rest of the chapter trains."""
WRONG = {
    "check_place": lambda waveform: 0.5,
    "check_collapse": lambda n: np.log(n),
    "check_larger": (1, 1),
    "check_match": (1 / 3, 2 / 3),
}


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    return names_of("08_cavp.ipynb", NEEDED, WRONG)


@pytest.mark.parametrize("check", WRONG)
def test_a_wrong_answer_is_refused_with_a_reason(chapter: dict[str, Any], check: str) -> None:
    with pytest.raises(AssertionError, match=r"\w+ \w+"):
        chapter[check](WRONG[check])


def test_the_solutions_pass(chapter: dict[str, Any]) -> None:
    assert chapter["check_place"](chapter["place"]).startswith("right")
    assert chapter["check_collapse"](lambda n: np.log(1 + n)).startswith("right")
    assert chapter["check_larger"]((1, 1 / 4)).startswith("right")
    assert chapter["check_match"]((0.66, 0.83)).startswith("right")
