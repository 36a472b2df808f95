"""The sound explorer with a kernel: any window, hop, number of bins and range, for any of several sounds."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from PIL import Image

from avslib.audio.frontends import RATE
from avslib.audio.resynthesis import LogMelSettings, resynthesise
from avslib.errors import UserError
from avslib.figures.audio import audio_data_uri
from avslib.figures.colours import table
from avslib.figures.explorers.sound.explorer import grey, mono
from avslib.figures.html import Array, encode

if TYPE_CHECKING:
    from torch import Tensor


class LiveSoundExplorer:
    """Widgets over `sounds` {name: waveform at 16 kHz}; the picture and its sound are made as sliders move.

    which: the list of sounds; window, hop: milliseconds; bins, high: sliders; picture: the image;
    recording, kept: audio players; says: what the setting costs. Raises UserError when there is no sound.
    """

    def __init__(self, sounds: Mapping[str, Tensor | Array]) -> None:
        if not sounds:
            raise UserError("no sounds to explore; give at least one waveform with its name")
        self.sounds = {name: mono(waveform) for name, waveform in sounds.items()}
        self.which = ipywidgets.Dropdown(options=list(self.sounds), description="sound")
        once = {"continuous_update": False}  # one computation when the slider is let go
        self.window = ipywidgets.IntSlider(25, 4, 200, description="window, ms", **once)
        self.hop = ipywidgets.IntSlider(10, 2, 100, description="hop, ms", **once)
        self.bins = ipywidgets.IntSlider(64, 4, 200, description="mel bins", **once)
        self.high = ipywidgets.IntSlider(7500, 500, 8000, 100, description="up to, Hz", **once)
        self.picture = ipywidgets.Image(format="png", width=620)
        self.recording, self.kept = (ipywidgets.Audio(format="mp3", autoplay=False, loop=False) for _ in "12")
        self.says = ipywidgets.HTML()
        controls = [self.which, self.window, self.hop, self.bins, self.high]
        for control in controls:
            control.observe(self._draw, "value")
        self._draw()
        heard = [ipywidgets.Label("the recording"), self.recording]
        heard += [ipywidgets.Label("made from the picture alone"), self.kept, self.says]
        below = ipywidgets.HBox([ipywidgets.VBox(controls), ipywidgets.VBox(heard)])
        self.box = ipywidgets.VBox([self.picture, below])

    @property
    def setting(self) -> LogMelSettings:
        """What the sliders stand at."""
        return LogMelSettings(
            window=self.window.value / 1000, hop=self.hop.value / 1000, bins=self.bins.value,
            high=float(self.high.value),
        )  # fmt: skip

    def _draw(self, _change: object = None) -> None:
        sound, setting = self.sounds[self.which.value], self.setting
        log_mel = setting.log_mel(sound)
        shown = Image.fromarray(table("magma")[grey(log_mel)])
        self.picture.value = encode(shown.resize((1240, 400), Image.Resampling.NEAREST), "PNG")
        self.recording.value = _mp3(sound)
        self.kept.value = _mp3(resynthesise(log_mel, setting, samples=len(sound)))
        frames, bins = log_mel.shape
        self.says.value = f"{frames} windows of {bins} numbers for {len(sound):,} samples; {setting.empty_bins} bins are empty"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.box._repr_mimebundle_(**kwargs)


def _mp3(sound: Tensor) -> bytes:
    return base64.b64decode(audio_data_uri(np.asarray(sound), RATE).partition(",")[2])
