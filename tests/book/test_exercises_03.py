"""The exercises of chapter 3 and what it claims: blanks are told, wrong answers refused, bias rewarded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from chapter_cells import all_names

EXERCISES = {
    "check_mirror": "mirror",
    "check_remap": "remap",
    "check_ceiling": "ceiling",
    "check_assign": "assign",
}
"""Name of the check -> name of the solution, without `_solved`."""
BLANKS = {"check_ceiling": "ceiling_of"}
"""What the reader fills in, where it is called otherwise than the solution."""


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    return all_names("03_data.ipynb")


def one_after_the_other(mask: np.ndarray) -> np.ndarray:
    """What CAVP's loader does: a car becomes 5, and 5 then becomes an airplane."""
    from avslib.data.readers.layouts import COCO_ID

    labels = mask.copy()
    in_turn = sorted(enumerate(COCO_ID.items(), start=1), key=lambda each: each[1][0] != "car")
    for label, (_, number) in in_turn:
        labels[labels == number] = label
    labels[labels > 21] = 0
    return labels


def wrong(check: str) -> Iterator[Any]:
    """Tempting answers that are not right."""
    yield from {
        "check_mirror": [
            lambda picture, labels, wave: (picture.flip(-1), labels.flip(-1), wave),
            lambda picture, labels, wave: (picture.flip(-1), labels, wave.flip(0)),
            lambda picture, labels, wave: (picture.flip(1), labels.flip(1), wave.flip(0)),
        ],
        "check_remap": [one_after_the_other, lambda mask: mask],
        "check_ceiling": [
            lambda known, cue: max(known["sounds"].float().mean(), 1 - known["sounds"].float().mean()),
            lambda known, cue: (known["sounds"].numpy() == np.asarray(cue)).mean(),
        ],
        "check_assign": [
            lambda clip, upload: "test" if sum(map(ord, clip)) % 4 == 0 else "train",
            lambda clip, upload: "train",
            lambda clip, upload: "test" if upload[-1] < "5" else "train",
        ],
    }[check]


@pytest.mark.parametrize(("check", "name"), EXERCISES.items())
def test_an_empty_answer_is_told_so(chapter: dict[str, Any], check: str, name: str) -> None:
    assert chapter[check](chapter[BLANKS.get(check, name)]) == "not answered yet"


@pytest.mark.parametrize("check", EXERCISES)
def test_a_wrong_answer_is_refused_with_a_reason(chapter: dict[str, Any], check: str) -> None:
    for answer in wrong(check):
        with pytest.raises(AssertionError, match=r"\w+ \w+"):
            chapter[check](answer)


@pytest.mark.parametrize(("check", "name"), EXERCISES.items())
def test_the_solution_passes(chapter: dict[str, Any], check: str, name: str) -> None:
    assert chapter[check](chapter[f"{name}_solved"]).startswith("right")


def test_the_sound_blind_ceiling_is_the_bias(chapter: dict[str, Any]) -> None:
    counts, ceiling = chapter["counts"], chapter["ceiling"]
    assert ceiling(counts["the custom kept"]) == 1.0
    assert 0.5 <= ceiling(counts["as composed"]) < 0.75


def test_bias_is_rewarded_where_it_is_kept_and_punished_where_not(chapter: dict[str, Any]) -> None:
    score = chapter["score"]
    for model in ("sound-blind", "hears"):
        assert np.mean(score("custom", model, "custom kept")) > 0.25 + np.mean(
            score("custom", model, "custom broken")
        )
    blind = {tuple(score("balanced", "sound-blind", "as they come", sound)) for sound in chapter["SOUNDS"]}
    assert len(blind) == 1, "without sound none makes a difference"
    drop = {
        trained_on: np.mean(score(trained_on, "hears", "as they come"))
        - np.mean(score(trained_on, "hears", "as they come", "visible"))
        for trained_on in ("custom", "balanced")
    }
    assert drop["balanced"] > 0.1 + max(0.0, drop["custom"])


def test_a_split_by_scene_promises_too_much(chapter: dict[str, Any]) -> None:
    known, _, new = (np.mean(scores) for scores in chapter["leaks"].values())
    assert known > 0.15 + new
