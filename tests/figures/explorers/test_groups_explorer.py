"""The groups explorer: whose each pixel is, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from figure_pages import pixels

from avslib.errors import UserError
from avslib.figures import GroupsExplorer
from avslib.layers.recording import recording
from avslib.methods.vct.pixel_grouping import PixelGrouping

WORDS = {"caption": "What to see.", "alt": "What it shows."}
Page = Callable[[str], Any]


@pytest.fixture
def groups(picture: np.ndarray) -> dict[str, Any]:
    """Query 1 has the left half, query 3 the right one; query 2 has nothing."""
    halves = np.repeat([[0, 0, 0, 2, 2, 2]], 4, axis=0)
    weights = np.array([[0.7, 0.2, 0.1], [0.4, 0.3, 0.3], [0.0, 0.1, 0.9]])
    return {
        "picture": picture, "groups": halves, "weights": weights, "names": ("dog", "<cat>", "hen"), "bars": 2, **WORDS
    }  # fmt: skip


def said(page: Any) -> str:
    return str(page.locator("[data-part=say]").inner_text())


def test_a_query_is_brought_out_with_its_prototypes(groups: dict[str, Any], open_page: Page) -> None:
    html = GroupsExplorer(**groups)._repr_html_()
    assert "http" not in html
    page = open_page(html)
    first = pixels(page, "map")
    assert (
        said(page) == "Query 1 has 12 pixels, 50 % of the picture. Of the prototypes it takes dog most: 0.70."
    )
    page.locator("input[data-part=query]").focus()
    page.keyboard.press("ArrowRight")
    assert "Query 2 has no pixel." in said(page)
    page.keyboard.press("ArrowRight")
    assert "hen most: 0.90" in said(page) and pixels(page, "map") != first
    bars = page.locator(".avs-bar")
    assert [bars.nth(n).inner_text().split() for n in range(bars.count())] == [
        ["hen", "0.90"],
        ["<cat>", "0.10"],
    ]


def test_a_click_chooses_the_query_of_the_pixel(groups: dict[str, Any], open_page: Page) -> None:
    page = open_page(GroupsExplorer(**groups)._repr_html_())
    canvas = page.locator("canvas[data-part=map]")
    box = canvas.bounding_box()
    canvas.click(position={"x": 0.9 * box["width"], "y": 0.5 * box["height"]})
    assert page.locator("input[data-part=query]").input_value() == "2" and "Query 3 has 12 pixels" in said(
        page
    )


def test_groups_are_what_the_grouping_records(picture: np.ndarray) -> None:
    grouping = PixelGrouping(dim=8).eval()
    with torch.no_grad(), recording() as tape:
        grouping(torch.randn(1, 5, 8), torch.randn(1, 24, 8))
    found = tape["vct.group"][0][0].unflatten(0, (4, 6)).numpy()
    weights = torch.randn(5, 3).softmax(dim=-1).numpy()
    explorer = GroupsExplorer(picture=picture, groups=found, weights=weights, names=("a", "b", "c"), **WORDS)
    assert explorer.start == np.bincount(found.ravel()).argmax()
    assert explorer.data()["takes"][2][0][0] == weights[2].argmax()


@pytest.mark.parametrize(
    "wrong",
    [
        {"groups": np.full((4, 6), 3)}, {"groups": np.full((4, 6), -1)}, {"groups": np.zeros((4, 6))},
        {"groups": np.zeros(24, int)}, {"weights": np.ones((3, 3))}, {"names": ("dog", "cat")}, {"start": 3},
        {"weights": np.array([[2.0, -1.0, 0.0]] * 3)}, {"weights": np.full((3, 3), np.nan)}, {"alt": " "},
    ],
)  # fmt: skip
def test_groups_refuse(wrong: dict[str, Any], groups: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        GroupsExplorer(**groups | wrong)
