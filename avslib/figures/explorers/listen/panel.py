"""The "does it listen?" panel: one scene with its own and with counterfactual sounds, and what a model paints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from avslib.audio.frontends import VGGishLogMel
from avslib.data.mini.scene import Scene
from avslib.errors import UserError
from avslib.figures.audio import audio_data_uri
from avslib.figures.colours import MASKS, PREDICTION, TRUTH, lookup_table
from avslib.figures.explorers.frame import Explorer, canvas, slider
from avslib.figures.html import Array, Pixels, escape, picture_uri
from avslib.types import IGNORE, Clip

TITLES = {
    "right": "right sound",
    "silence": "silence",
    "noise": "noise",
    "absent": "a class that is not here",
    "visible": "the silent object's class",
    "mirrored": "left and right swapped",
}
CAPTION = (
    "Does it listen? The same picture, with its own and with counterfactual sounds: what the model paints, under "
    "the outline of what really sounds with the right one. Only that one should score high; a model that paints "
    "the same everywhere has only looked. Swapped sides change nothing for a model that hears in mono."
)


@dataclass(frozen=True)
class Heard:
    """A scene with one sound, and the answer to it.

    title: shown above; waveform: (A, S) in [-1, 1]; prediction: (T, H, W) bool, or class indices
    """

    title: str
    waveform: Array
    prediction: Array


class ListenPanel(Explorer):
    """An explorer with one column for each `Heard`: its sound, its log-mel, the painted mask, the IoU.

    picture: (3, H, W) uint8, a still; truth: (T, H, W) bool or class indices, of the right sound
    names:   of label 1, 2, ... when predictions are class indices; leave it out for binary masks

    The IoU is that of the foreground, intersection over union of all seconds together, as in
    `avslib.evaluation.counterfactual`. `ListenPanel.of(scene, predict)` makes the panel of a model.
    Raises UserError when sizes do not agree.
    """

    name = "listen-panel"

    def __init__(
        self,
        heard: Sequence[Heard],
        *,
        picture: Pixels,
        truth: Array,
        names: Sequence[str] = (),
        sample_rate: int = 16_000,
        caption: str = CAPTION,
        alt: str | None = None,
        licence: str | None = None,
    ) -> None:
        self.heard, self.picture, self.names = tuple(heard), picture, tuple(names)
        self.sample_rate = sample_rate
        self.truth = np.where(np.asarray(truth) == IGNORE, 0, truth).astype(np.uint8)
        for way in self.heard:
            if np.shape(way.prediction) != self.truth.shape or self.truth.shape[1:] != picture.shape[1:]:
                raise UserError(
                    f"{way.title}: prediction {np.shape(way.prediction)}, truth {self.truth.shape} and picture "
                    f"{picture.shape[1:]} differ in size; resize them"
                )
        super().__init__(caption=caption, alt=alt or self._alt(), licence=licence)

    @classmethod
    def of(
        cls,
        scene: Scene,
        predict: Callable[[Clip], Array],
        *,
        caption: str = CAPTION,
        alt: str | None = None,
    ) -> ListenPanel:
        """The panel of a composed scene. predict: clip -> (T, H, W) bool or class indices.

        Sounds that this scene does not have, such as a silent object's, are left out.
        """
        heard = []
        for sound, title in TITLES.items():
            try:
                clip = scene.clip(sound)  # type: ignore[arg-type]
            except UserError:
                continue
            heard.append(Heard(title, clip.waveform.numpy(), np.asarray(predict(clip))))
        names = () if scene.binary else scene.classes
        return cls(
            heard, picture=scene.picture, truth=scene.labels, names=names, caption=caption, alt=alt,
            licence=scene.licence,
        )  # fmt: skip

    def scores(self) -> dict[str, float | None]:
        """{title: foreground IoU}; None where neither the truth nor the prediction has any pixel."""
        out: dict[str, float | None] = {}
        for way in self.heard:
            painted, true = np.asarray(way.prediction) > 0, self.truth > 0
            union = int((painted | true).sum())
            out[way.title] = int((painted & true).sum()) / union if union else None
        return out

    def _alt(self) -> str:
        told = ", ".join(f"{title}: IoU {_number(score)}" for title, score in self.scores().items())
        return f"The same picture with {len(self.heard)} sounds, and the model's masks for each. {told}."

    def data(self) -> dict[str, Any]:
        sheet = np.concatenate([self.truth, *(np.asarray(w.prediction).astype(np.uint8) for w in self.heard)])
        sheet = sheet.reshape(-1, sheet.shape[-1])  # (1 + ways)*T*H W
        return {
            "pictures": [picture_uri(self.picture), picture_uri(sheet, exact=True)],
            "seconds": len(self.truth),
            "titles": [way.title for way in self.heard],
            "scores": list(self.scores().values()),
            "truth": TRUTH,
            "colours": MASKS if self.names else [PREDICTION],
            "names": self.names,
        }

    def body(self) -> str:
        mels = self._mels()
        cards = "".join(self._card(way, mel) for way, mel in zip(self.heard, mels, strict=True))
        return f'{slider("second", label="second", last=len(self.truth) - 1)}<div class="avs-cards">{cards}</div>'

    def _card(self, way: Heard, mel: Array) -> str:
        height, width = self.picture.shape[1:]
        title, score = escape(way.title), _number(self.scores()[way.title])
        share = 100 * (self.scores()[way.title] or 0)
        return (
            f'<div class="avs-card"><p class="avs-title">{title}</p>'
            f"{canvas('mask', width=2 * width, height=2 * height, label=way.title)}"
            f'<img src="{picture_uri(mel)}" alt="log-mel spectrogram: {title}">'
            f'<div class="avs-meter"><b style="width:{share:.0f}%"></b></div><small>IoU {score}</small>'
            f'<audio controls preload="metadata" aria-label="{title}" '
            f'src="{audio_data_uri(way.waveform, self.sample_rate)}"></audio></div>'
        )

    def _mels(self) -> list[Pixels]:
        """One (64, 48 T, 3) picture a sound, low notes below, all on one scale."""
        mels = []
        for way in self.heard:
            windows = VGGishLogMel()(
                torch.from_numpy(np.array(way.waveform)), self.sample_rate, frames=len(self.truth)
            )
            mels.append(windows.flatten(0, 2)[::2].T.flip(0).numpy())  # (M, T*F/2)
        low, high = min(float(mel.min()) for mel in mels), max(float(mel.max()) for mel in mels)
        return [
            lookup_table("magma")[((mel - low) / max(1e-6, high - low) * 255).astype(np.uint8)]
            for mel in mels
        ]


def _number(score: float | None) -> str:
    return "not defined: nothing to find, nothing painted" if score is None else f"{score:.2f}"
