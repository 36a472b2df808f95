"""The plots of runs and clips."""

from __future__ import annotations

import pytest
import torch

from avslib.errors import UserError
from avslib.figures import listen_bars, scene_figure, show, training_curves
from avslib.types import Clip


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
