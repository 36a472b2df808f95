"""The response explorer with a kernel: the model answers to whatever sound the reader chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np
import numpy.typing as npt
from PIL import Image

from avslib.figures.colours import PREDICTION, SIGNED, TRUTH, VALUES, table
from avslib.figures.explorers.response.explorer import Floats, Masks, Responses
from avslib.figures.html import encode
from avslib.figures.overlay import outline, paint

Compute = Callable[[str], tuple[Responses, Mapping[str, Masks]]]


class LiveResponseExplorer:
    """Widgets over `compute(sound)`; every sound is computed once, when it is first chosen.

    sound, state, stage: lists; second, across, down: sliders; map, prediction: images; says: the pixel
    """

    def __init__(
        self, compute: Compute, *, picture: npt.NDArray[np.uint8], truth: Masks, sounds: Sequence[str]
    ) -> None:
        self.picture, self.truth, self.compute = picture, np.asarray(truth, bool), compute
        self.answers = {sounds[0]: compute(sounds[0])}
        responses = self.answers[sounds[0]][0]
        states, stages = list(responses), len(next(iter(responses.values())))
        height, width = picture.shape[1:]
        self.sound = ipywidgets.Dropdown(options=list(sounds), description="sound")
        self.state = ipywidgets.ToggleButtons(options=states, value=states[-1], description="model")
        self.stage = ipywidgets.ToggleButtons(options=list(range(1, stages + 1)), description="stage")
        self.second = ipywidgets.IntSlider(0, 0, len(truth) - 1, description="second")
        self.across = ipywidgets.IntSlider(width // 2, 0, width - 1, description="across")
        self.down = ipywidgets.IntSlider(height // 2, 0, height - 1, description="down")
        self.map, self.prediction = (ipywidgets.Image(format="png", width=w) for w in (380, 180))
        self.says = ipywidgets.HTML()
        self.controls = [self.sound, self.state, self.stage, self.second, self.across, self.down]
        for control in self.controls:
            control.observe(self._draw, "value")
        self._draw()
        side = ipywidgets.VBox([*self.controls, self.says, self.prediction])
        self.box = ipywidgets.HBox([self.map, side])

    def _draw(self, _change: object = None) -> None:
        sound, second = self.sound.value, self.second.value
        if sound not in self.answers:
            self.answers[sound] = self.compute(sound)
        responses, predictions = self.answers[sound]
        response = np.asarray(responses[self.state.value][self.stage.value - 1])  # (T, h, w)
        self.map.value = encode(self._map(response, second), "PNG")
        prediction = np.asarray(predictions[self.state.value])[second]
        self.prediction.value = encode(paint(self.picture, prediction, colours=[PREDICTION]), "PNG")
        at = self._cell(response)
        told = ", ".join(f"{value:+.3g}" for value in response[:, at[0], at[1]])
        self.says.value = f"<b>the pixel's response, second by second</b><br>{told}"

    def _cell(self, response: Floats) -> tuple[int, int]:
        """(row, column) of the query pixel in the stage's grid."""
        (height, width), (rows, columns) = self.picture.shape[1:], response.shape[1:]
        return self.down.value * rows // height, self.across.value * columns // width

    def _map(self, response: Floats, second: int) -> npt.NDArray[np.uint8]:
        """(3, H, W): the heat map over the grey picture, the truth outlined, the query pixel framed."""
        top = float(np.abs(response).max()) or 1.0
        signed = float(response.min()) < 0
        index = 128 + 127 * response[second] / top if signed else 255 * response[second] / top
        heat = table(SIGNED if signed else VALUES)[index.astype(np.uint8)].copy()
        size = (self.picture.shape[2], self.picture.shape[1])
        large = np.asarray(Image.fromarray(heat).resize(size, Image.Resampling.NEAREST))
        grey = self.picture.mean(axis=0)[..., None]
        blend = (0.3 * grey + 0.7 * large).astype(np.uint8).transpose(2, 0, 1)
        blend = outline(blend, self.truth[second], TRUTH)
        cell = np.zeros(response.shape[1:], np.uint8)
        cell[self._cell(response)] = 1
        frame = np.asarray(Image.fromarray(cell).resize(size, Image.Resampling.NEAREST), dtype=bool)
        return outline(blend, frame, "#000000")

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.box._repr_mimebundle_(**kwargs)
