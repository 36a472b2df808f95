"""The scene player with a kernel: other scenes are composed while the reader looks."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np

from avslib.data.mini.scene import Scene
from avslib.figures.audio import audio_data_uri
from avslib.figures.colours import OKABE_ITO
from avslib.figures.explorers.scene.player import Track
from avslib.figures.explorers.scene.tracks import scene_tracks
from avslib.figures.html import encode
from avslib.figures.overlay import paint

SAMPLE_RATE = 16_000


class LiveScenePlayer:
    """Widgets over `scene(index)`: which scene, who sounds, which second; picture and sound follow.

    index, second: sliders; ticks: a tick box for each track; picture: the image; sound: the audio player
    """

    def __init__(self, scene: Callable[[int], Scene], *, scenes: int) -> None:
        self.compose = scene
        self.index = ipywidgets.IntSlider(0, 0, scenes - 1, description="scene")
        self.second = ipywidgets.IntSlider(0, 0, 0, description="second")
        self.picture = ipywidgets.Image(format="png", width=380)
        self.sound = ipywidgets.Audio(format="mp3", autoplay=False, loop=False)
        self.who = ipywidgets.VBox()
        self.tracks: list[Track] = []
        self.index.observe(self._open, "value")
        self.second.observe(self._draw, "value")
        self._open()
        controls = [self.index, ipywidgets.HTML("<b>Who sounds?</b>"), self.who, self.second, self.sound]
        self.box = ipywidgets.HBox([self.picture, ipywidgets.VBox(controls)])

    @property
    def ticks(self) -> list[Any]:
        """The tick boxes, one for each of `tracks`."""
        return list(self.who.children)

    def _open(self, _change: object = None) -> None:
        """Compose the chosen scene and lay out its tracks."""
        self.scene = self.compose(self.index.value)
        self.tracks = scene_tracks(self.scene)
        self.second.max = self.scene.seconds - 1
        self.who.children = [self._tick(track) for track in self.tracks]
        self._choose()

    def _tick(self, track: Track) -> Any:
        able = track.waveform is not None
        where = "" if track.mask is not None else " (off screen)"
        tick = ipywidgets.Checkbox(track.heard and able, description=track.name + where, disabled=not able)
        tick.observe(self._choose, "value")
        return tick

    def _choose(self, _change: object = None) -> None:
        """Mix what is ticked, and draw."""
        mix = np.zeros((2, self.scene.seconds * SAMPLE_RATE), np.float32)
        for track, tick in zip(self.tracks, self.ticks, strict=True):
            if tick.value and track.waveform is not None:
                mix = mix + track.waveform
        self.sound.value = base64.b64decode(audio_data_uri(mix, SAMPLE_RATE).partition(",")[2])
        self._draw()

    def _draw(self, _change: object = None) -> None:
        labels = np.zeros(self.scene.picture.shape[1:], int)
        for number, (track, tick) in enumerate(zip(self.tracks, self.ticks, strict=True)):
            if tick.value and track.mask is not None and track.sounding[self.second.value]:
                labels[track.mask] = 1 + number
        self.picture.value = encode(paint(self.scene.picture, labels, colours=OKABE_ITO), "PNG")

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.box._repr_mimebundle_(**kwargs)
