"""The sound explorer: window, hop, mel bins and range of a log-mel picture, to look at and to listen to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from avslib.audio.frontends import RATE
from avslib.audio.resynthesis import FLOOR, LogMelSettings, resynthesise
from avslib.errors import UserError
from avslib.figures.audio import audio_data_uri
from avslib.figures.explorers.frame import Explorer, canvas, slider
from avslib.figures.explorers.packing import colour_bytes
from avslib.figures.html import Array, Pixels, picture_uri
from avslib.figures.live import Live

CAPTION = (
    "What a log-mel picture keeps. Move the sliders and look; then play both sounds. The second is made from the "
    "picture alone, so what you hear in it is in the picture; what you miss is mostly not."
)
LONGEST = 5.0
"""Seconds; the page holds one sound for every position of the four sliders."""


class SoundExplorer(Explorer):
    """An explorer of one sound: a log-mel picture for each setting, and the sound made from it.

    waveform: (S,) or (1, S) at 16 kHz, at most 5 seconds
    sections: {name: second at which it begins}, written above the picture; the first begins at 0
    windows, hops: seconds; bins: M; highs: hertz. All combinations are computed, about a tenth of a second each.

    The sliders start at VGGish's setting where it is among them. Raises UserError for a sound that is not mono
    or too long, or for no setting.
    """

    name = "sound-explorer"

    def __init__(
        self,
        waveform: Tensor | Array,
        *,
        sections: Mapping[str, float] | None = None,
        windows: Sequence[float] = (0.005, 0.025, 0.1),
        hops: Sequence[float] = (0.005, 0.01, 0.04),
        bins: Sequence[int] = (8, 32, 64, 128),
        highs: Sequence[float] = (2000.0, 3800.0, 7500.0),
        caption: str = CAPTION,
        alt: str | None = None,
        licence: str | None = None,
    ) -> None:
        self.waveform = mono(waveform)
        if not all((windows, hops, bins, highs)):
            raise UserError("every slider needs a position: give windows, hops, bins and highs")
        self.windows, self.hops = tuple(windows), tuple(hops)
        self.bins, self.highs = tuple(bins), tuple(highs)
        self.sections = dict(sections or {})
        super().__init__(caption=caption, alt=alt or self._alt(), licence=licence)

    @classmethod
    def live(cls, sounds: Mapping[str, Tensor | Array]) -> Live:
        """For a notebook with a kernel: any setting, of any of `sounds` {name: waveform at 16 kHz}."""

        def draw(sound: str, window_ms: int, hop_ms: int, bins: int, up_to_hz: int) -> SoundExplorer:
            window, hop = window_ms / 1000, hop_ms / 1000
            return cls(sounds[sound], windows=[window], hops=[hop], bins=[bins], highs=[float(up_to_hz)])

        return Live(
            draw, sound=list(sounds), window_ms=range(4, 201), hop_ms=range(2, 101), bins=range(4, 201),
            up_to_hz=range(500, 8001, 100), start={"window_ms": 25, "hop_ms": 10, "bins": 64, "up_to_hz": 7500},
        )  # fmt: skip

    @property
    def settings(self) -> list[LogMelSettings]:
        """Every combination; the last slider moves fastest."""
        every = product(self.windows, self.hops, self.bins, self.highs)
        return [LogMelSettings(window=w, hop=h, bins=b, high=f) for w, h, b, f in every]

    def _alt(self) -> str:
        heard = f" of {', '.join(self.sections)}" if self.sections else ""
        return (
            f"A log-mel picture{heard}, time to the right and pitch upwards, with sliders for window, hop, mel bins "
            "and highest frequency, and two sounds: the recording, and what can be heard in the picture."
        )

    def data(self) -> dict[str, Any]:
        shots, pictures = [], []
        for setting in self.settings:
            log_mel = setting.log_mel(self.waveform)
            kept = resynthesise(log_mel, setting, samples=len(self.waveform), iterations=24)
            pictures.append(picture_uri(grey(log_mel)))
            shots.append({"sound": audio_data_uri(kept, RATE), "empty": setting.empty_bins})
        return {
            "pictures": pictures,
            "shots": shots,
            "colours": colour_bytes("magma"),
            "seconds": len(self.waveform) / RATE,
            "rate": RATE,
            "sections": list(self.sections.items()),
            "low": 125.0,
            "window": self.windows,
            "hop": self.hops,
            "bins": self.bins,
            "high": self.highs,
        }

    def body(self) -> str:
        usual = LogMelSettings()
        sliders = "".join(
            slider(part, label=label, last=len(values) - 1, start=_nearest(values, start))
            for part, label, values, start in (
                ("window", "window", self.windows, usual.window),
                ("hop", "hop", self.hops, usual.hop),
                ("bins", "bins", self.bins, usual.bins),
                ("high", "up to", self.highs, usual.high),
            )
        )
        sound = audio_data_uri(self.waveform, RATE)
        return (
            f"{canvas('picture', width=1240, height=460, label=self.alt)}"
            f'<div class="avs-columns" style="margin-top:12px"><div class="avs-act">{sliders}</div>'
            f'<div class="avs-act">{_audio("recording", "the recording", sound)}'
            f"{_audio('kept', 'made from the picture alone', sound)}</div></div>"
        )


def _nearest(values: Sequence[float], wanted: float) -> int:
    return int(np.abs(np.log(np.asarray(values) / wanted)).argmin())


def _audio(part: str, label: str, uri: str) -> str:
    return (
        f'<p class="avs-title">{label}</p><audio data-part="{part}" controls preload="metadata" '
        f'aria-label="{label}" src="{uri}" style="display:block;width:100%;height:34px;margin-bottom:10px"></audio>'
    )


def mono(waveform: Tensor | Array) -> Tensor:
    """(S,) or (1, S) -> (S,) float32. Raises UserError for stereo, or for more than five seconds."""
    sound = torch.as_tensor(waveform, dtype=torch.float32)
    sound = sound[0] if sound.ndim == 2 and len(sound) == 1 else sound
    if sound.ndim != 1 or not 0 < len(sound) <= LONGEST * RATE:
        raise UserError(
            f"waveform of shape {tuple(sound.shape)}: give mono sound at 16 kHz, at most {LONGEST:.0f} seconds"
        )
    return sound


def grey(log_mel: Tensor) -> Pixels:
    """(F, M) -> (M, F) uint8, low pitches below: 0 at the floor of the logarithm, 255 at the loudest."""
    low = float(np.log(FLOOR))
    scaled = (log_mel - low) / max(1e-6, float(log_mel.max()) - low)
    return (255 * scaled.clamp(0, 1)).round().byte().T.flip(0).numpy()
