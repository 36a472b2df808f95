"""The "does it listen?" panel: its scores, and what a page shows of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from figure_pages import move, pixels, telling_scene

from avslib.data import MiniScenes
from avslib.errors import UserError
from avslib.figures import Heard, ListenPanel
from avslib.types import Clip


@pytest.fixture
def panel(picture: np.ndarray, masks: np.ndarray) -> ListenPanel:
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 32_000)).astype(np.float32)
    truth = np.stack([masks[0], 0 * masks[0]]).astype(int)
    half = truth * (np.arange(32)[:, None] < 16)
    heard = [
        Heard("right sound", noise, half),
        Heard("silence", 0 * noise, np.stack([0 * masks[0], masks[1]])),
    ]
    return ListenPanel(heard, picture=picture, truth=truth, names=("hen",))


def test_scores_are_intersection_over_union(panel: ListenPanel) -> None:
    assert panel.scores() == {"right sound": 0.5, "silence": 0.0}
    nothing = ListenPanel(
        [Heard("silence", np.zeros((1, 16_000)), 0 * panel.truth)],
        picture=panel.picture,
        truth=0 * panel.truth,
    )
    assert nothing.scores() == {"silence": None}


def test_the_second_changes_every_mask(panel: ListenPanel, open_page: Callable[[str], Any]) -> None:
    html = panel._repr_html_()
    assert html.count("data:audio/mpeg") == 2 and "http" not in html and html.count(' alt="') == 2
    page = open_page(html)
    before = [pixels(page, "mask", k) for k in range(2)]
    told = page.locator("[data-part=say]").inner_text()
    assert "Truth: 13 % of the picture" in told and "right sound 6 % (hen)" in told and "silence 0 %" in told
    move(page, "second", 1)
    assert all(pixels(page, "mask", k) != before[k] for k in range(2))


def test_the_panel_of_a_model() -> None:
    scenes = MiniScenes("ms3", split="test", fold=2, size=64, family="CC-BY-SA")
    scene = scenes.scene(telling_scene(scenes))

    def looks_only(clip: Clip) -> np.ndarray:
        return np.asarray(scene.labels)

    panel = ListenPanel.of(scene, looks_only)
    assert len(panel.heard) == 6 and set(panel.scores().values()) == {1.0}
    assert f'data-licence="{scene.licence}"' in panel._repr_html_()
    with pytest.raises(UserError, match="resize"):
        ListenPanel.of(scene, lambda clip: np.zeros((5, 8, 8)))
