"""The prompts explorer: draw a prompt from a class's mixture, and see what it asks for in the picture and in the sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from avslib.errors import UserError
from avslib.evaluation.counterfactual import foreground_iou
from avslib.figures.colours import TRUTH, class_colour
from avslib.figures.explorers.frame import Explorer, canvas, choice, slider
from avslib.figures.explorers.packing import mask_sheet, upright
from avslib.figures.explorers.prompts.plane import Plane, placed
from avslib.figures.explorers.prompts.shots import PromptShot
from avslib.figures.html import Floats, Pixels, escape, picture_uri

LARGEST = 48
"""Rows of a mask in the page, at most."""
SIGNS = ("●", "■", "▲", "◆")
"""Of the classes that are shown, as the script draws them."""


class PromptsExplorer(Explorer):
    """A class, a component of its mixture and a draw are chosen; a slider goes through the moments of a training.

    shots:   S of the same classes, components and draws; see `Watch` and `shoot`
    picture: (3, H, W) uint8, what `shoot` saw; labels: (H, W) whole numbers, what is to be found in it
    log_mel: (F, M), what it heard
    names:   of all classes, the first that of the background

    The plane is laid through the embeddings of all shots, once: what moves in it has moved. Ellipses are two standard
    deviations wide. Raises UserError when the shots, the picture, the labels and the names do not agree.
    """

    name = "prompts-explorer"

    def __init__(
        self,
        shots: Sequence[PromptShot],
        *,
        picture: Pixels,
        labels: npt.NDArray[np.integer[Any]],
        log_mel: Floats,
        names: Sequence[str],
        caption: str,
        alt: str,
        licence: str | None = None,
    ) -> None:
        self.shots, self.picture, self.labels = list(shots), picture, np.asarray(labels)
        self.log_mel, self.names = np.asarray(log_mel), list(names)
        self._check()
        self.plane = Plane.through(np.concatenate([shot.embeddings for shot in self.shots]))
        super().__init__(caption=caption, alt=alt, licence=licence)

    def _check(self) -> None:
        kinds = {(shot.shown, shot.prompts.shape) for shot in self.shots}
        if len(kinds) != 1:
            raise UserError(f"shots of {kinds or 'nothing'}: give some of the same classes and draws")
        shown = self.shots[0].shown
        if not 1 <= len(shown) <= len(SIGNS) or max(shown) >= len(self.names):
            raise UserError(f"classes {shown} of {len(self.names)} names: give a name each, and show 1 to 4")
        if sum(len(shot.embeddings) for shot in self.shots) < 2:
            raise UserError("nothing has been remembered yet: take the shots later")
        if self.labels.shape != self.picture.shape[1:] or self.log_mel.ndim != 2:
            sizes = f"labels {self.labels.shape}, picture {self.picture.shape}, log-mel {self.log_mel.shape}"
            raise UserError(f"{sizes}: give (H, W), (3, H, W) and (F, M)")

    def overlaps(self, shot: PromptShot) -> Floats:
        """(c, M, P): IoU of each mask with the pixels of its class; NaN for a class that is not to be found."""
        masks = torch.from_numpy(shot.masks).float()  # c M P h w
        size = (self.labels.shape[0], self.labels.shape[1])
        whole = F.interpolate(masks.flatten(0, 1), size, mode="bilinear", align_corners=False)  # cM P H W
        found = torch.unflatten(whole > 0, 0, masks.shape[:2]).numpy()
        out = np.full(shot.own.shape, np.nan)
        for place in np.ndindex(shot.own.shape):
            true = self.labels == shot.shown[place[0]]
            if true.any():
                out[place] = foreground_iou(found[place][None], true[None])
        return out

    def data(self) -> dict[str, Any]:
        shots, shown = self.shots, self.shots[0].shown
        truth = mask_sheet(*(self.labels == label for label in shown))
        grey = upright(self.log_mel, float(self.log_mel.min()), float(self.log_mel.max()))
        masks = [_small(shot.masks) for shot in shots]
        sounds = [upright(_sigmoid(shot.sound_masks), 0, 1) for shot in shots]
        sheets = [each.reshape(-1, each.shape[-1]) for pair in zip(masks, sounds) for each in pair]
        return {
            "pictures": [
                picture_uri(self.picture),
                picture_uri(grey),
                *(picture_uri(sheet, exact=True) for sheet in (truth, *sheets)),
            ],
            "sizes": [list(masks[0].shape[-2:]), list(sounds[0].shape[-2:])],
            "names": [self.names[label] for label in shown],
            "colours": [class_colour(number + 1) for number in range(len(shown))],
            "truth": TRUTH,
            "shots": [self._told(shot) | places for shot, places in zip(shots, placed(shots, self.plane))],
        }

    def _told(self, shot: PromptShot) -> dict[str, Any]:
        """What the script says of a shot; an overlap of -1 for none."""
        return {
            "name": shot.name,
            "kinds": self._kinds(shot),
            "weights": shot.weights.round(3).tolist(),
            "fitted": shot.fitted.tolist(),
            "own": shot.own.round(3).tolist(),
            "overlaps": np.nan_to_num(self.overlaps(shot), nan=-1).round(3).tolist(),
        }

    def _kinds(self, shot: PromptShot) -> list[int]:
        """Of each embedding: its place among the classes shown; -1 for other classes, -2 for "no object"."""
        place = {label: number for number, label in enumerate(shot.shown)} | {len(self.names): -2}
        return [place.get(int(label), -1) for label in shot.classes]

    def body(self) -> str:
        shot, (height, width) = self.shots[0], self.picture.shape[1:]
        _, components, draws = shot.prompts.shape[:3]
        scale = max(1, round(512 / width))
        names = [self.names[label] for label in shot.shown]
        numbers = [str(number + 1) for number in range(max(components, draws))]
        plane = "the embeddings and the class's mixture in a plane, the prompt marked"
        heard = "the spectrogram, and the part that the prompt asks for"
        last = len(self.shots) - 1
        return (
            '<div class="avs-columns"><div class="avs-look">'
            f'<p class="avs-title">what is remembered, and the prompt</p>{canvas("plane", width=720, height=720, label=plane)}'
            f"{self._key(names)}</div>"
            '<div class="avs-look"><p class="avs-title">what the prompt asks for in the picture</p>'
            f"{canvas('map', width=scale * width, height=scale * height, label=self.alt)}"
            '<p class="avs-title" style="margin-top:8px">and in the sound</p>'
            f"{canvas('sound', width=768, height=320, label=heard)}</div></div>"
            '<div class="avs-columns" style="margin-top:12px"><div class="avs-act">'
            f"{choice('class', label='class', options=names)}{slider('shot', label='moment', last=last, start=last)}</div>"
            f'<div class="avs-act avs-columns">{choice("component", label="component", options=numbers[:components])}'
            f"{choice('draw', label='draw', options=numbers[:draws])}</div></div>"
        )

    def _key(self, names: Sequence[str]) -> str:
        marks = [
            f'<b style="color:{class_colour(number + 1)};-webkit-text-stroke:.5px var(--ink)">{sign}</b> {escape(name)}'
            for number, (name, sign) in enumerate(zip(names, SIGNS))
        ]
        every = [
            *marks,
            "<b>·</b> other classes",
            "<b>×</b> no object",
            "<b>✚</b> the prompt, and small the other draws",
        ]
        told = "".join(f'<span style="white-space:nowrap;margin-right:1em">{mark}</span> ' for mark in every)
        share = f"Ellipses: the components of the class. The plane has {100 * self.plane.share:.0f} % of the variance."
        return f'<p style="margin:6px 0 0">{told}<br><small>{share}</small></p>'


def _sigmoid(logits: Floats) -> Floats:
    shares: Floats = torch.from_numpy(logits).float().sigmoid().numpy()
    return shares


def _small(masks: Floats) -> Pixels:
    """(..., h, w) logits -> their sigmoid as bytes, of at most `LARGEST` rows and columns."""
    height, width = masks.shape[-2:]
    factor = -(-max(height, width) // LARGEST)
    flat = torch.from_numpy(_sigmoid(masks)).reshape(-1, 1, height, width)
    small = F.interpolate(flat, (-(-height // factor), -(-width // factor)), mode="area")
    shares = (255 * small).round().byte().numpy()
    found: Pixels = shares.reshape(*masks.shape[:-2], *small.shape[-2:])
    return found
