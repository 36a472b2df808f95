"""The recovery explorer: a sound, the same under another one, and what the prompts of the picture's classes get back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from avslib.audio.frontends import RATE
from avslib.errors import UserError
from avslib.figures.audio import audio_data_uri
from avslib.figures.colours import VALUES
from avslib.figures.explorers.frame import Explorer, canvas, choice
from avslib.figures.explorers.packing import colour_bytes, upright
from avslib.figures.explorers.recovery.scenes import Recovered
from avslib.figures.html import Floats, Pixels, escape, picture_uri

SOUNDS = ("the scene's sound", "with a sound off screen", "what is recovered")
MASKS = ("the mask that is due", "the mask of the prompts")


class RecoveryExplorer(Explorer):
    """Three spectrograms that can be heard and two masks, of the scene that is chosen.

    scenes: see `recover`; all of them are in the page, 100 to 200 kB each. Raises UserError without any.
    """

    name = "recovery-explorer"

    def __init__(
        self, scenes: Sequence[Recovered], *, caption: str, alt: str, licence: str | None = None
    ) -> None:
        self.scenes = list(scenes)
        if not self.scenes:
            raise UserError("no scene: give at least one, made by recover")
        super().__init__(caption=caption, alt=alt, licence=licence)

    def data(self) -> dict[str, Any]:
        return {
            "pictures": [picture_uri(each) for scene in self.scenes for each in _pictures(scene)],
            "colours": {"sound": colour_bytes("magma"), "mask": colour_bytes(VALUES)},
            "scenes": [
                {
                    "name": scene.name,
                    "looked": scene.clean.shape[0] * 0.96,
                    "prompted": scene.prompted.tolist(),
                    "errors": [round(error, 4) for error in scene.errors] if scene.prompted.any() else None,
                }
                for scene in self.scenes
            ],
            # The first scene's stand in the players.
            "sounds": [[audio_data_uri(wave, RATE) for wave in scene.waveforms] for scene in self.scenes[1:]],
        }

    def body(self) -> str:
        cards = "".join(
            f'<div class="avs-card"><p class="avs-title">{escape(title)}</p>'
            f"{canvas('picture', width=640, height=256, label=f'{kind}: {title}')}"
            f"{_audio(title, self.scenes[0], number) if kind == 'spectrogram' else ''}</div>"
            for kind, titles in (("spectrogram", SOUNDS), ("mask over the spectrogram", MASKS))
            for number, title in enumerate(titles)
        )
        scale = (
            f'<div class="avs-card"><p class="avs-title">the mask lets through</p><div class="avs-scale"><span>nothing</span>'
            f"{canvas('legend', width=256, height=1, label='colour scale of the masks')}<span>all</span></div>"
            "<small>Blank: seconds without a prompt. There nothing is asked for.</small></div>"
        )
        names = [scene.name for scene in self.scenes]
        return f'{choice("scene", label="scene", options=names)}<div class="avs-cards">{cards}{scale}</div>'


def _audio(title: str, scene: Recovered, number: int) -> str:
    return (
        f'<audio data-part="sound" controls preload="metadata" aria-label="{escape(title)}" '
        f'src="{audio_data_uri(scene.waveforms[number], RATE)}"></audio>'
    )


def _pictures(scene: Recovered) -> list[Pixels]:
    """Five (M, T * F) uint8: the sounds on one scale, from the floor of the logarithm to the loudest, and the masks."""
    sounds = np.stack([scene.clean, scene.corrupted, scene.recovered])
    low, high = float(np.log(0.01)), float(sounds.max())
    return [upright(_joined(x), low, high) for x in sounds] + [
        upright(_joined(x), 0, 1) for x in (scene.due, scene.asked)
    ]


def _joined(seconds: Floats) -> Floats:
    """(T, F, M) -> (T * F, M)."""
    whole: Floats = seconds.reshape(-1, seconds.shape[-1])
    return whole
