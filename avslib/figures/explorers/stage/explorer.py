"""The stage: drag a source over the picture, hear it move, see which mask it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from avslib.audio.stereo import pan
from avslib.errors import UserError
from avslib.figures.audio import audio_data_uri
from avslib.figures.colours import OKABE_ITO, TRUTH
from avslib.figures.explorers.frame import Explorer, canvas, choice, slider
from avslib.figures.html import Pixels, picture_uri
from avslib.figures.live import Live

CAPTION = (
    "Drag the source, or move the slider, and listen with headphones. Each ear's share of the sound follows "
    "the centre of mass of the mask. Then mirror the picture, with the sound and without it."
)
FLIPS = ("as composed", "mirrored, the sound too", "mirrored, the sound forgotten")
LEFT, RIGHT = OKABE_ITO[0], OKABE_ITO[5]
SOLID = 127
"""A pixel belongs to the mask when its opacity is above this."""


@dataclass(frozen=True)
class Actor:
    """Who can stand on the stage. cutout: (h, w, 4) uint8, colours and opacity; waveform: (S,) mono."""

    name: str
    cutout: Pixels
    waveform: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.cutout.ndim != 3 or self.cutout.shape[2] != 4 or not (self.cutout[..., 3] > SOLID).any():
            raise UserError(
                f"{self.name}: cut-out {self.cutout.shape}; give (h, w, 4) with some pixels that are opaque"
            )

    @property
    def middle(self) -> float:
        """Centre of mass of the solid pixels from the cut-out's left edge, in pixels."""
        weight = (self.cutout[..., 3] > SOLID).sum(axis=0)
        return float((weight * (np.arange(len(weight)) + 0.5)).sum() / weight.sum())

    def within(self, height: int, width: int) -> Actor:
        """The same actor, made smaller where it is larger than (height, width)."""
        image = Image.fromarray(self.cutout)
        image.thumbnail((width, height), Image.Resampling.BILINEAR)
        return replace(self, cutout=np.asarray(image))

    def heard_at(self, position: float) -> npt.NDArray[np.float32]:
        """(2, S): left and right, for a centre of mass at `position`, 0 left to 1 right (CAVP, VPO)."""
        stereo: npt.NDArray[np.float32] = pan(torch.from_numpy(self.waveform), position).numpy()
        return stereo


class StageExplorer(Explorer):
    """An explorer of stereo by position: one actor, moved over a picture in `places` steps.

    picture: (3, H, W) uint8, what stands behind the actor; top: row of the cut-out's upper edge
    places:  how many positions have a sound, evenly from the left edge to the right one

    Raises UserError for a cut-out that does not fit on the picture, or fewer than two places.
    """

    name = "stage-explorer"

    def __init__(
        self,
        *,
        picture: Pixels,
        actor: Actor,
        top: int,
        places: int = 11,
        start: int = 0,
        sample_rate: int = 16_000,
        caption: str = CAPTION,
        alt: str | None = None,
        licence: str | None = None,
    ) -> None:
        height, width = actor.cutout.shape[:2]
        if width >= picture.shape[2] or not 0 <= top <= picture.shape[1] - height:
            raise UserError(
                f"{actor.name}: {height} x {width} pixels from row {top} do not fit on a picture of "
                f"{picture.shape[1]} x {picture.shape[2]} with room to move; make it smaller"
            )
        if places < 2 or not 0 <= start < places:
            raise UserError(f"places {places}, start {start}: at least two places, start among them")
        self.picture, self.actor, self.top, self.start = picture, actor, top, start
        self.sample_rate = sample_rate
        self.lefts = np.linspace(0, picture.shape[2] - width, places).round().astype(int).tolist()
        told = f"A {actor.name} on a picture; its sound in the left and in the right ear."
        super().__init__(caption=caption, alt=alt or told, licence=licence)

    @classmethod
    def live(cls, picture: Pixels, actors: Sequence[Actor]) -> Live:
        """For a notebook with a kernel: any of `actors`, in any size (percent of the picture), at any height."""
        known = {actor.name: actor for actor in actors}
        height, width = picture.shape[1:]

        def draw(who: str, size: int, down: int) -> StageExplorer:
            actor = known[who].within(height * size // 100, (width - 1) * size // 100)
            top = (height - len(actor.cutout)) * down // 100
            return cls(picture=picture, actor=actor, top=top, places=21)

        start = {"size": 80, "down": 80}
        return Live(draw, who=list(known), size=range(30, 101, 2), down=range(0, 101, 2), start=start)

    @property
    def positions(self) -> list[float]:
        """Where the actor's centre of mass lies at each place, 0 left to 1 right."""
        return [(left + self.actor.middle) / self.picture.shape[2] for left in self.lefts]

    def data(self) -> dict[str, Any]:
        return {
            "pictures": [
                picture_uri(self.picture),
                picture_uri(Image.fromarray(self.actor.cutout), exact=True),
            ],
            "name": self.actor.name,
            "top": self.top,
            "solid": SOLID,
            "places": [{"left": x, "position": round(p, 4)} for x, p in zip(self.lefts, self.positions)],
            "shape": envelope(self.actor.waveform),
            "colours": [LEFT, RIGHT, TRUTH],
        }

    def body(self) -> str:
        height, width = self.picture.shape[1:]
        return (
            '<div class="avs-columns"><div class="avs-look">'
            f"{canvas('stage', width=2 * width, height=2 * height, label=self.alt, keys=True)}</div>"
            '<div class="avs-act">'
            f"{slider('place', label='place', last=len(self.lefts) - 1, start=self.start)}"
            '<p class="avs-title">What each ear gets</p>'
            f"{canvas('ears', width=480, height=200, label='the waveform in the left and the right ear')}"
            f'<div style="height:10px"></div>{choice("flip", label="The picture is", options=FLIPS)}'
            f'<button type="button" data-part="play">&#9654; play</button></div></div>{self._sounds()}'
        )

    def _sounds(self) -> str:
        """One sound for each place, then the same with the sides swapped, as a mirrored picture asks for."""
        heard = [self.actor.heard_at(position) for position in self.positions]
        heard += [stereo[::-1] for stereo in heard]
        return "".join(
            f'<audio data-part="sound" preload="auto" loop src="{audio_data_uri(h, self.sample_rate)}"></audio>'
            for h in heard
        )


def envelope(mono: npt.NDArray[np.float32], steps: int = 160) -> list[float]:
    """The wave's shape: its largest value in each of `steps` parts, the loudest being 1."""
    loud = np.array([np.abs(part).max(initial=0.0) for part in np.array_split(mono, steps)])
    return [round(float(value), 3) for value in loud / max(1e-6, float(loud.max()))]
