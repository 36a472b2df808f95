"""The query explorer with a kernel: the queries listen to whatever sound the reader chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np
import numpy.typing as npt
from PIL import Image

from avslib.figures.colours import PREDICTION, TRUTH, VALUES, table
from avslib.figures.explorers.query.explorer import STRIDES, Masks, QueryLooks, check_looks
from avslib.figures.html import encode
from avslib.figures.overlay import outline, paint

Compute = Callable[[str], Mapping[str, QueryLooks]]


class LiveQueryExplorer:
    """Widgets over `compute(sound)`; every sound is computed once, when it is first chosen.

    sound, state, layer, level: lists; second, query: sliders; map, prediction: images; says: in words
    """

    def __init__(
        self, compute: Compute, *, picture: npt.NDArray[np.uint8], truth: Masks, sounds: Sequence[str]
    ) -> None:
        self.picture, self.truth, self.compute = picture, np.asarray(truth, bool), compute
        self.answers: dict[str, Mapping[str, QueryLooks]] = {}
        states = list(self._answer(sounds[0]))
        some = self.answers[sounds[0]][states[0]]
        layers, (seconds, queries) = len(some.attention), some.attention[0].shape[:2]
        self.sound = ipywidgets.Dropdown(options=list(sounds), description="sound")
        self.state = ipywidgets.ToggleButtons(options=states, value=states[-1], description="model")
        self.layer = ipywidgets.ToggleButtons(
            options=list(range(1, layers + 1)), value=layers, description="layer"
        )
        self.level = ipywidgets.ToggleButtons(options=list(STRIDES), description="stride")
        self.second = ipywidgets.IntSlider(0, 0, seconds - 1, description="second")
        self.query = ipywidgets.IntSlider(0, 0, queries - 1, description="query")
        self.map, self.prediction = (ipywidgets.Image(format="png", width=w) for w in (380, 180))
        self.says = ipywidgets.HTML()
        self.controls = [self.sound, self.state, self.layer, self.level, self.second, self.query]
        for control in self.controls:
            control.observe(self._draw, "value")
        self._draw()
        side = ipywidgets.VBox([*self.controls, self.says, self.prediction])
        self.box = ipywidgets.HBox([self.map, side])

    def _answer(self, sound: str) -> Mapping[str, QueryLooks]:
        if sound not in self.answers:
            self.answers[sound] = self.compute(sound)
            check_looks(self.picture, self.truth, self.answers[sound])
        return self.answers[sound]

    def _draw(self, _change: object = None) -> None:
        looks, second, query = (
            self._answer(self.sound.value)[self.state.value],
            self.second.value,
            self.query.value,
        )
        layer = self.layer.value - 1
        attention = looks.maps(layer)[STRIDES.index(self.level.value)][second, query]  # h w
        self.map.value = encode(self._map(attention, second), "PNG")
        self.prediction.value = encode(
            paint(self.picture, looks.prediction[second], colours=[PREDICTION]), "PNG"
        )
        share, even = looks.inside(layer, self.truth)
        self.says.value = (
            f"<b>{share[second, query]:.2f}</b> of its attention lies on what sounds; without a preference it "
            f"would be {even[second]:.2f}"
        )

    def _map(self, attention: npt.NDArray[Any], second: int) -> npt.NDArray[np.uint8]:
        """(3, H, W): the heat map over the grey picture, the truth outlined."""
        heat = table(VALUES)[(255 * attention / max(float(attention.max()), 1e-12)).astype(np.uint8)]
        size = (self.picture.shape[2], self.picture.shape[1])
        large = np.asarray(Image.fromarray(np.ascontiguousarray(heat)).resize(size, Image.Resampling.NEAREST))
        grey = self.picture.mean(axis=0)[..., None]
        blend = (0.3 * grey + 0.7 * large).astype(np.uint8).transpose(2, 0, 1)
        return outline(blend, self.truth[second], TRUTH)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.box._repr_mimebundle_(**kwargs)
