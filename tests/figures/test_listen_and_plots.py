"""The "does it listen?" panel, and the plots of runs and clips."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from figure_pages import move, pixels, telling_scene

from avslib.data import MiniScenes
from avslib.errors import UserError
from avslib.figures import Heard, ListenPanel, listen_bars, scene_figure, show, training_curves
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


def test_curves_and_bars() -> None:
    lines = [
        {
            "epoch": e,
            "step": 9 * e,
            "lr": 0.1,
            "loss": 1 / e,
            "bce": 0.5 / e,
            "val": {"dataset-level": {"iou": e / 4}},
        }
        for e in (1, 2, 3)
    ]
    left, right = training_curves(lines).axes
    assert [line.get_label() for line in left.lines] == ["loss", "bce"]
    assert right.lines[0].get_label() == "dataset-level iou" and list(right.lines[0].get_ydata()) == [
        0.25,
        0.5,
        0.75,
    ]
    bars = listen_bars({"right": [0.6, 0.4], "silence": [0.1]}).axes[0]
    assert [round(bar.get_width(), 3) for bar in bars.patches] == [0.5, 0.1]
    with pytest.raises(UserError):
        training_curves([])
    with pytest.raises(UserError):
        listen_bars({"right": []})


@pytest.mark.parametrize("channels", [1, 2])
def test_a_clip_at_a_glance(channels: int) -> None:
    labels = torch.zeros(3, 24, 24, dtype=torch.long)
    labels[1, 4:20, 4:20] = 2
    clip = Clip(
        frames=torch.zeros(1, 3, 24, 24, dtype=torch.uint8), waveform=torch.zeros(channels, 48_000),
        sample_rate=16_000, labels=labels, annotated=torch.ones(3, dtype=torch.bool),
        valid=torch.ones(3, dtype=torch.bool), identifier="clip",
    )  # fmt: skip
    figure = scene_figure(clip, rows={"truth": labels, "model": labels > 0}, names=("hen", "horse"))
    assert len(figure.axes) == 3 * 3 + 2, "three rows of three seconds, the waveform, the log-mel"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["hen", "horse"]
    assert "data:image/webp" in show(figure, caption="c", alt="a").page
