"""The exercises of chapter 2: no answer is no error, a wrong one is refused, the solution passes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from chapter_cells import all_names

EXERCISES = {
    "check_louder": "louder",
    "check_examples": "count_examples",
    "check_where": "where_from",
    "check_empty": "too_many",
}
"""Name of the check -> name of what the reader fills in."""

WRONG = {
    "check_louder": lambda log_mel, g: log_mel + math.log(g),  # forgets the floor
    "check_examples": lambda samples: samples // 15_360,  # forgets that the last window must fit
    "check_where": lambda picture: 1 / (1 + 10 ** ((picture[0] - picture[1]).mean() / 0.4)),  # floor and all
    "check_empty": 100,
}
"""Tempting answers that are not the right ones."""


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    return all_names("02_sound.ipynb")


@pytest.mark.parametrize(("check", "reader"), EXERCISES.items())
def test_an_empty_answer_is_told_so(chapter: dict[str, Any], check: str, reader: str) -> None:
    assert chapter[check](chapter[reader]) == "not answered yet"


@pytest.mark.parametrize("check", EXERCISES)
def test_a_wrong_answer_is_refused_with_a_reason(chapter: dict[str, Any], check: str) -> None:
    with pytest.raises(AssertionError, match=r"\w+ \w+"):
        chapter[check](WRONG[check])


@pytest.mark.parametrize(("check", "reader"), EXERCISES.items())
def test_the_solution_passes(chapter: dict[str, Any], check: str, reader: str) -> None:
    assert chapter[check](chapter[f"{reader}_solved"]).startswith("right")


def test_a_shortcut_is_taken_where_one_is_planted(chapter: dict[str, Any]) -> None:
    """It needs no training, so it holds at every schedule."""
    plain, planted = chapter["plain"], chapter["planted"]
    assert planted["man", True] > plain["man", True] + 0.3
    assert planted["woman", False] < plain["woman", False]


def test_frames_hear_what_the_chapter_says(chapter: dict[str, Any]) -> None:
    """The last of ten frames: VGGish's window has fallen behind, CAVP's second has not."""
    spans = chapter["spans"]
    assert spans["VGGish"][9] == pytest.approx([8.65, 9.55], abs=0.11)
    assert spans["CAVP, 1 s"][9] == pytest.approx([9.05, 9.95], abs=0.01)


def test_swapped_sides_are_not_noticed(chapter: dict[str, Any]) -> None:
    listening = chapter["listening"]
    assert listening["left and right swapped"] == listening["as it is"]
