"""The exercises of chapter 1: no answer is no error, a wrong one is refused, the solution passes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "book" / "01_task.ipynb"
EXERCISES = {
    "check_half_wrong": "half_wrong",
    "check_frame_score": "frame_score",
    "check_nearest": "nearest",
    "check_cheat": "cheat",
}
"""Name of the check -> name of what the reader fills in."""


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    """All names of the chapter after it ran at the smoke schedule, as plain Python."""
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] != "code" or "remove-cell" in tags:
            continue
        source = "".join(cell["source"])
        if "parameters" in tags:
            source = 'SCHEDULE, LIVE = "smoke", False'
        exec(compile(source, cell["id"], "exec"), names)
    return names


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
