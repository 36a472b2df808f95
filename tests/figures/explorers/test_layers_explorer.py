"""The layers explorer: a decoder before its first layer and after each, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from figure_pages import move, pixels

from avslib.errors import UserError
from avslib.figures import LayersExplorer
from avslib.layers.masked_attention import semantic_scores
from avslib.types import Prediction

WORDS = {"caption": "What to see.", "alt": "What it shows."}
Page = Callable[[str], Any]


def said(page: Any) -> str:
    return str(page.locator("[data-part=say]").inner_text())


def prediction(layers: int = 2, queries: int = 3, classes: int = 3) -> Prediction:
    """Of one still of two seconds."""
    torch.manual_seed(0)
    steps = [
        {"class_logits": torch.randn(1, 2, queries, classes + 1), "mask_logits": 3 * torch.randn(1, 2, queries, 8, 12)}
        for _ in range(layers + 1)
    ]  # fmt: skip
    return Prediction(
        torch.zeros(1, 2, classes, 32, 48), steps[-1] | {"other": torch.zeros(1)}, tuple(steps[:-1])
    )


@pytest.fixture
def layers(picture: np.ndarray) -> dict[str, Any]:
    """Query 1 grows into a dog on the left; query 2 stays empty."""
    masks = np.full((3, 2, 4, 6), 0.1)
    masks[1, 0, :, :1] = masks[2, 0, :, :3] = 0.9
    classes = np.tile([0.1, 0.1, 0.1, 0.7], (3, 2, 1))
    classes[1:, 0] = [0.0, 0.8, 0.1, 0.1]
    return {
        "picture": picture, "masks": masks, "classes": classes, "names": ("background", "dog", "cat"),
        "looks": ("sound", "stride 32"), **WORDS
    }  # fmt: skip


def test_a_query_is_followed_through_the_layers(layers: dict[str, Any], open_page: Page) -> None:
    html = LayersExplorer(**layers)._repr_html_()
    assert "http" not in html
    page = open_page(html)
    last = pixels(page, "map")
    assert (
        said(page) == "Layer 2 looked at stride 32: query 1 says dog (0.80); its mask is 50 % of the picture."
    )
    page.locator("input[data-part=step]").focus()
    page.keyboard.press("ArrowLeft")
    assert "Layer 1 looked at sound: query 1 says dog (0.80); its mask is 17 %" in said(page)
    assert pixels(page, "map") != last
    page.keyboard.press("ArrowLeft")
    assert "No layer has looked at anything yet: query 1 says no object (0.70)" in said(page)
    assert page.locator("[data-part=step-says]").inner_text() == "before layer 1"


def test_all_queries_together_make_a_map_with_a_key(layers: dict[str, Any], open_page: Page) -> None:
    layers["masks"][2, 1], layers["classes"][2, 1] = 0.5, [0.6, 0.0, 0.0, 0.4]  # what is left
    page = open_page(LayersExplorer(**layers)._repr_html_())
    one = pixels(page, "map")
    page.get_by_text("all together", exact=True).click()
    assert pixels(page, "map") != one and page.locator(".avs-key").all_inner_texts() == ["dog"]
    assert "all queries together say dog in 50 % of the picture (mean score 0.72)." in said(page)
    assert page.locator("input[data-part=query]").is_disabled()
    empty = LayersExplorer(**layers | {"classes": np.tile([0.9, 0.1, 0.0, 0.0], (3, 2, 1))})
    page = open_page(empty._repr_html_())
    page.get_by_text("all together", exact=True).click()
    assert said(page).endswith("say nothing but background.")


def test_layers_are_those_of_a_prediction(picture: np.ndarray) -> None:
    given = prediction()
    shown: dict[str, Any] = {
        "picture": picture,
        "names": ("background", "dog", "cat"),
        "looks": ("sound",),
        **WORDS,
    }
    explorer = LayersExplorer.of(given, second=1, queries=(2, 0), **shown)
    assert explorer.masks.shape == (3, 3, 8, 12)
    steps = (*given.layers, given.extras)
    for step, labels, score in zip(steps, *explorer.labels()):
        due = semantic_scores({n: step[n][:, 1] for n in ("class_logits", "mask_logits")}, (8, 12))[0]
        assert (due.argmax(dim=0).numpy() == labels).all()
        assert np.allclose(due.amax(dim=0).numpy(), score, atol=1e-6)
    data = explorer.data()
    assert data["queries"] == [2, 0]
    assert data["answers"][-1][0][0] == int(given.extras["class_logits"][0, 1, 2].argmax())


def test_the_truth_is_outlined(layers: dict[str, Any], masks: np.ndarray, open_page: Page) -> None:
    without = pixels(open_page(LayersExplorer(**layers)._repr_html_()), "map")
    assert without != pixels(open_page(LayersExplorer(**layers, truth=masks[1])._repr_html_()), "map")


@pytest.mark.parametrize(
    "wrong",
    [
        {"masks": np.zeros((3, 2, 24))}, {"masks": np.full((3, 2, 4, 6), 2.0)}, {"names": ("background", "dog")},
        {"masks": np.full((3, 2, 4, 6), np.nan)}, {"classes": np.zeros((2, 2, 4))}, {"looks": ()}, {"queries": (2,)},
        {"queries": ()}, {"truth": np.zeros((4, 6), bool)}, {"classes": -np.ones((3, 2, 4))}, {"caption": ""},
    ],
)  # fmt: skip
def test_layers_refuse(wrong: dict[str, Any], layers: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        LayersExplorer(**layers | wrong)


def test_another_query_may_be_chosen(layers: dict[str, Any], open_page: Page) -> None:
    page = open_page(LayersExplorer(**layers)._repr_html_())
    move(page, "query", 1)
    assert "query 2 says no object (0.70); its mask is 0 %" in said(page)
