"""The exercises of chapter 4: no answer is no error, a wrong one is refused, the solution passes."""

from __future__ import annotations

from typing import Any

import pytest
from chapter_cells import all_names

EXERCISES = {
    "check_mute": "mute",
    "check_ranking": "ranking",
    "check_batches": "f_of",
    "check_speck": "speck",
}
"""Name of the check -> name of what the reader fills in."""


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    return all_names("04_evaluation.ipynb")


WRONG = {
    "check_mute": lambda s, p: (s, 0.0),
    "check_ranking": {"first": (900, 9), "second": (700, 2)},
    "check_batches": lambda curves, sizes: float(curves.max(1).values.mean()),
    "check_speck": lambda n, q, k: q * (1 - k / n),
}
"""Tempting answers that are not right."""


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


def test_the_rulers_disagree_as_the_prose_says(chapter: dict[str, Any]) -> None:
    """Statements about the invented model and the answers without a model."""
    scored, by_size = chapter["scored"], chapter["by_size"]
    nothing, cut = scored["marks nothing"], scored["the same, cut at 0.5"]
    assert nothing[0] == pytest.approx(chapter["silent"]) and nothing[2] == 0
    assert cut[0] == scored["the invented model"][0] and cut[1] < scored["the invented model"][1]
    assert by_size[1] > by_size[4] > by_size[chapter["sizes"][-1]]
    assert chapter["with_silent"][1] < by_size[1]
