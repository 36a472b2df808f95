"""The exercises of chapter 10: no answer is no error, a wrong one is refused, the solution passes."""

from __future__ import annotations

from typing import Any

import pytest
from chapter_cells import names_of

NEEDED = ("from avslib import figures", "def check_", "def prior(", "def sts(", "def apiece(", "def half(")
"""What the cells hold that the exercises need; the rest of the chapter trains."""
WRONG: dict[str, Any] = {
    "check_prior": lambda p, counts: p,
    "check_sts": lambda p, queries: 0.5,
    "check_apiece": lambda number, share: share,
    "check_half": lambda momentum: 2,
}


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    return names_of("10_cpm.ipynb", NEEDED, WRONG)


@pytest.mark.parametrize("check", WRONG)
def test_a_wrong_answer_is_refused_with_a_reason(chapter: dict[str, Any], check: str) -> None:
    with pytest.raises(AssertionError, match=r"\w+ \w+"):
        chapter[check](WRONG[check])


@pytest.mark.parametrize("check", WRONG)
def test_the_solutions_pass(chapter: dict[str, Any], check: str) -> None:
    assert chapter[check](chapter[check.removeprefix("check_")]).startswith("right")
