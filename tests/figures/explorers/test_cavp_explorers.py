"""The explorers of chapter 8, in a browser: attention, anchors, points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from figure_pages import move, pixels

from avslib.errors import UserError
from avslib.figures import Anchors, AnchorsExplorer, AttentionExplorer, PointsExplorer

WORDS = {"caption": "What to see.", "alt": "What it shows."}
Page = Callable[[str], Any]


@pytest.fixture
def attention(picture: np.ndarray, masks: np.ndarray) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "picture": picture, "maps": {"sigmoid": rng.random((2, 3, 4)), "softmax": rng.random((2, 3, 4))},
        "steps": ("left", "right"), "along": "sound stands", "places": (0.2, 0.8), "truth": masks[:2], **WORDS,
    }  # fmt: skip


def test_attention_follows_kind_and_step(attention: dict[str, Any], open_page: Page) -> None:
    page = open_page(AttentionExplorer(**attention)._repr_html_())
    first = pixels(page, "map")
    move(page, "step", 1)
    second = pixels(page, "map")
    page.get_by_text("softmax").click()
    assert len({first, second, pixels(page, "map")}) == 3
    assert "softmax; sound stands right" in page.locator("[data-part=say]").inner_text()


def test_attention_tells_where_the_mass_lies(attention: dict[str, Any], open_page: Page) -> None:
    left = np.zeros((2, 1, 4))
    left[:, :, 0] = 1.0
    page = open_page(AttentionExplorer(**attention | {"maps": {"one": left}})._repr_html_())
    assert "its centre at 0.13" in page.locator("[data-part=say]").inner_text()


@pytest.mark.parametrize(
    "wrong",
    [
        {"maps": {}}, {"maps": {"one": np.full((2, 3, 4), np.nan)}}, {"maps": {"one": np.zeros((3, 3, 4))}},
        {"maps": {"one": -np.ones((2, 3, 4))}}, {"places": (0.5,)}, {"start": 2}, {"steps": ("one",)},
    ],
)  # fmt: skip
def test_attention_refuses(wrong: dict[str, Any], attention: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        AttentionExplorer(**attention | wrong)


def anchors() -> Anchors:
    """A dog under its sound, twice; the same dog under a cat's; what is behind it; a cat under its own sound."""
    return Anchors(
        panel=np.array([0, 0, 1, 0, 1]),
        place=np.array([[0.2, 0.2], [0.3, 0.3], [0.2, 0.2], [0.9, 0.9], [0.5, 0.5]]),
        sound=np.array([1, 1, 2, 1, 2]),
        seen=np.array([1, 1, 1, 0, 2]),
        embedding=np.eye(5)[:, :3] + 0.1,
    )


def test_kinds_are_those_of_equation_3() -> None:
    kinds = anchors().kinds()
    assert kinds[0].tolist() == [0, 1, 2, 2, 3], "itself, positive, other sound, other pixel, both"
    assert kinds[2, 3] == 1, "a dog that is not heard is background, as what lies behind it"
    assert (kinds == kinds.T).all()


def test_anchors_are_stepped_through(picture: np.ndarray, open_page: Page) -> None:
    explorer = AnchorsExplorer(
        pictures=[picture, picture], titles=["own", "exchanged"], anchors=anchors(), names={0: "nothing", 1: "dog", 2: "cat"},
        **WORDS,
    )  # fmt: skip
    page = open_page(explorer._repr_html_())
    said = page.locator("[data-part=say]")
    assert "A pixel of dog under the sound of dog: 1 positives" in said.inner_text()
    first = pixels(page, "panel")
    move(page, "anchor", 2)
    assert pixels(page, "panel") != first and "under the sound of cat" in said.inner_text()
    page.get_by_text("easy negative", exact=True).click()
    move(page, "anchor", 0)
    assert pixels(page, "panel") != first


def test_anchors_refuse(picture: np.ndarray) -> None:
    given: dict[str, Any] = {
        "pictures": [picture, picture],
        "titles": ["a", "b"],
        "anchors": anchors(),
        "names": {},
        **WORDS,
    }
    for wrong in ({"titles": ["a"]}, {"pictures": [picture], "titles": ["a"]}, {"start": 5}):
        with pytest.raises(UserError):
            AnchorsExplorer(**given | wrong)


def test_points_of_a_class_come_to_the_front(open_page: Page) -> None:
    rng = np.random.default_rng(0)
    points = {name: rng.normal(size=(6, 2)) for name in ("with", "without")}
    labels = {name: np.array([0, 0, 1, 1, 2, 2]) for name in points}
    classes = {0: "background", 1: "dog", 2: "cat"}
    page = open_page(PointsExplorer(points=points, labels=labels, classes=classes, **WORDS)._repr_html_())
    first = pixels(page, "plane")
    move(page, "front", 2)
    second = pixels(page, "plane")
    page.get_by_text("without").click()
    assert len({first, second, pixels(page, "plane")}) == 3
    assert "without: 2 pixels of dog" in page.locator("[data-part=say]").inner_text()
    for wrong in ({"classes": {0: "background"}}, {"labels": {name: np.zeros(5, int) for name in points}}):
        with pytest.raises(UserError):
            PointsExplorer(**{"points": points, "labels": labels, "classes": classes, **WORDS} | wrong)  # type: ignore[arg-type]
