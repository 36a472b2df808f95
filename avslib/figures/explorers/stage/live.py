"""The stage with a kernel: any actor, anywhere, in any size."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np
import numpy.typing as npt
from PIL import Image

from avslib.figures.audio import audio_data_uri
from avslib.figures.colours import TRUTH
from avslib.figures.explorers.stage.explorer import SOLID, Actor
from avslib.figures.html import encode
from avslib.figures.overlay import outline

SAMPLE_RATE = 16_000


class LiveStage:
    """Widgets over one picture: who stands on it, where, how large; picture and sound follow.

    who: a menu of the actors; across, down: 0 to 1; size: of the cut-out, 0.3 to 1; image, sound: the result
    `position` is the centre of mass of what is seen of the actor; the sound follows it.
    """

    def __init__(self, picture: npt.NDArray[np.uint8], actors: Sequence[Actor]) -> None:
        self.picture = picture
        self.who = ipywidgets.Dropdown(options=[(actor.name, actor) for actor in actors], description="who")
        self.across, self.down, self.size = (
            ipywidgets.FloatSlider(
                value, min=low, max=1, step=0.02, description=name, continuous_update=False
            )
            for name, value, low in (("across", 0.2, 0), ("down", 0.8, 0), ("size", 0.8, 0.3))
        )
        self.image = ipywidgets.Image(format="png", width=380)
        self.sound = ipywidgets.Audio(format="mp3", autoplay=False, loop=True)
        self.told = ipywidgets.HTML()
        for control in (self.who, self.across, self.down, self.size):
            control.observe(self._draw, "value")
        self._draw()
        controls = [self.who, self.across, self.down, self.size, self.told, self.sound]
        self.box = ipywidgets.HBox([self.image, ipywidgets.VBox(controls)])

    def _draw(self, _change: object = None) -> None:
        actor, (_, rows, columns) = self._cut(), self.picture.shape
        height, width = actor.cutout.shape[:2]
        top = round(self.down.value * (rows - height))
        left = round(self.across.value * (columns - width))
        window = (slice(top, top + height), slice(left, left + width))
        alpha = actor.cutout[..., 3:] / 255
        scene = self.picture.transpose(1, 2, 0).astype(float)  # (H, W, 3)
        scene[window] = (1 - alpha) * scene[window] + alpha * actor.cutout[..., :3]
        mask = np.zeros((rows, columns), bool)
        mask[window] = actor.cutout[..., 3] > SOLID
        self.position = (left + actor.middle) / columns
        pixels = scene.round().astype(np.uint8).transpose(2, 0, 1)
        self.image.value = encode(outline(pixels, mask, TRUTH, thick=2), "PNG")
        stereo = actor.heard_at(self.position)
        self.sound.value = base64.b64decode(audio_data_uri(stereo, SAMPLE_RATE).partition(",")[2])
        self.told.value = f"left ear {1 - self.position:.2f}, right ear {self.position:.2f}"

    def _cut(self) -> Actor:
        """The chosen actor in the chosen size, never larger than the picture."""
        actor: Actor = self.who.value
        height, width = actor.cutout.shape[:2]
        room = min(self.picture.shape[1] / height, self.picture.shape[2] / width, 1.0)
        size = (max(8, int(width * room * self.size.value)), max(8, int(height * room * self.size.value)))
        resized = Image.fromarray(actor.cutout).resize(size, Image.Resampling.BILINEAR)
        return Actor(actor.name, np.asarray(resized), actor.waveform)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.box._repr_mimebundle_(**kwargs)
