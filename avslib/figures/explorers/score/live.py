"""The score explorer with widgets: batches of any number of frames, for a notebook with a kernel."""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
import numpy.typing as npt
import torch

from avslib.figures.colours import PREDICTION, TRUTH
from avslib.figures.explorers.score.explorer import RULES, all_scores, check_arrays
from avslib.figures.html import encode
from avslib.figures.overlay import outline, paint


class LiveScoreExplorer:
    """Choose threshold, frames per batch and rule; the masks of one clip and all scores follow.

    pictures (B, 3, H, W) uint8, probabilities and truth (B, T, H, W), as in `ScoreExplorer`.
    Raises UserError when they do not agree.
    """

    def __init__(
        self,
        *,
        pictures: npt.NDArray[np.uint8],
        probabilities: npt.NDArray[np.floating[Any]],
        truth: npt.NDArray[np.bool_],
    ) -> None:
        check_arrays(pictures, probabilities, truth)
        self.pictures, self.probabilities, self.truth = pictures, probabilities, np.asarray(truth, bool)
        clips, seconds = truth.shape[:2]
        once = {"continuous_update": False}  # one computation when the slider is let go
        self.threshold = ipywidgets.FloatSlider(0.5, min=0, max=1, step=0.01, description="threshold", **once)
        self.frames_per_batch = ipywidgets.IntSlider(
            min(4, clips) * seconds, 1, clips * seconds, description="batch", **once
        )
        self.rule = ipywidgets.Dropdown(options=RULES, description="silent")
        self.clip = ipywidgets.IntSlider(0, 0, clips - 1, description="clip", **once)
        self.picture = ipywidgets.Image(format="png", width=780)
        self.table = ipywidgets.HTML()
        controls = [self.threshold, self.frames_per_batch, self.rule, self.clip]
        for control in controls:
            control.observe(self._draw, "value")
        self._draw()
        below = ipywidgets.HBox([ipywidgets.VBox(controls), self.table])
        self.box = ipywidgets.VBox([self.picture, below])

    def _draw(self, _change: object = None) -> None:
        scores = all_scores(
            torch.from_numpy(np.asarray(self.probabilities, np.float32)).flatten(0, 1),
            torch.from_numpy(self.truth).flatten(0, 1),
            threshold=self.threshold.value,
            frames_per_batch=self.frames_per_batch.value,
            rule=self.rule.value,
        )
        rows = "".join(
            f"<tr><td>{protocol.replace('&', '&amp;')}</td><td>"
            + ", ".join(f"{name.replace('&', '&amp;')} {value:.3f}" for name, value in numbers.items())
            + "</td></tr>"
            for protocol, numbers in scores.items()
        )
        self.table.value = f"<table>{rows}</table>"
        self.picture.value = encode(self._frames(), "PNG")

    def _frames(self) -> npt.NDArray[np.uint8]:
        """(3, H, T*W): the seconds of the chosen clip side by side, marked and outlined."""
        at = self.clip.value
        grey = self.pictures[at].mean(axis=0).astype(np.uint8)
        still, marked = np.stack([grey] * 3), self.probabilities[at] > self.threshold.value
        shown = [
            outline(paint(still, mask, colours=[PREDICTION]), true, TRUTH)
            for mask, true in zip(marked, self.truth[at])
        ]
        return np.concatenate(shown, axis=2)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.box._repr_mimebundle_(**kwargs)
