"""The exercises of chapter 1: no answer is no error, a wrong one is refused, the solution passes."""

from __future__ import annotations

from typing import Any

import pytest
from chapter_cells import all_names

EXERCISES = {
    "check_half_wrong": "half_wrong",
    "check_frame_score": "frame_score",
    "check_nearest": "nearest",
    "check_cheat": "cheat",
}
"""Name of the check -> name of what the reader fills in."""


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    return all_names("01_task.ipynb")


def wrong(chapter: dict[str, Any], check: str) -> Any:
    """A tempting answer that is not the right one."""
    return {
        "check_half_wrong": {"too_large": 1.0, "too_small": 0.5, "all": 0.08},
        "check_frame_score": lambda p, t: (p & t).sum() / max(1, (p | t).sum()),
        "check_nearest": chapter["switch"],
        "check_cheat": chapter["of_class"],
    }[check]


@pytest.mark.parametrize(("check", "reader"), EXERCISES.items())
def test_an_empty_answer_is_told_so(chapter: dict[str, Any], check: str, reader: str) -> None:
    assert chapter[check](chapter[reader]) == "not answered yet"


@pytest.mark.parametrize("check", EXERCISES)
def test_a_wrong_answer_is_refused_with_a_reason(chapter: dict[str, Any], check: str) -> None:
    with pytest.raises(AssertionError, match=r"\w+ \w+"):
        chapter[check](wrong(chapter, check))


@pytest.mark.parametrize(("check", "reader"), list(EXERCISES.items())[1:])
def test_the_solution_passes(chapter: dict[str, Any], check: str, reader: str) -> None:
    assert chapter[check](chapter[f"{reader}_solved"]).startswith("right")


def test_who_listens_drops_and_who_does_not_stays(chapter: dict[str, Any]) -> None:
    """Not of the classifier, which at this schedule has hardly learned anything."""
    mean = chapter["mean"]
    for looks_only in ("everything", "biggest"):
        assert len({mean(looks_only, sound) for sound in chapter["SOUNDS"]}) == 1
    assert mean("switch", "silence") == 0 < mean("switch", "visible")
    assert mean("loud side", "mirrored") < mean("loud side", "right")
