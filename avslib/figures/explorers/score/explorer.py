"""The score explorer: threshold, batch size, silent-frame rule and protocol over the same masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.figures.colours import PREDICTION, TRUTH
from avslib.figures.explorers.frame import Explorer, canvas, choice, slider
from avslib.figures.html import Array, Floats, Masks, Pixels, picture_uri
from avslib.metrics.avsbench_binary import f_curve, mask_iou
from avslib.metrics.j_and_f import contour_f, region_j
from avslib.metrics.protocols import DatasetLevel

RULES = ("what is left unmarked", "all or nothing", "not counted")
"""What a silent frame earns: the share of its pixels that are unmarked (AVSBench); 1 if nothing is marked,
else 0 (DAVIS); or it is left out."""
SHOWN = ("avsbench-binary", "dataset-level", "J&F", "J&F-papers")
CERTAIN = 30.0  # a logit whose sigmoid is 1 in float32
CAPTION = (
    "The same masks, scored. Yellow outlines: the truth. Vermilion: what is marked at this threshold; under each "
    "frame, what the chosen protocol makes of it. The bars are the scores of all protocols, the thin lines where "
    "they stood at first."
)
Scores = dict[str, dict[str, float]]


class ScoreExplorer(Explorer):
    """An explorer of one set of masks under all binary protocols.

    pictures:      (B, 3, H, W) uint8, a still for each clip
    probabilities: (B, T, H, W) in 0..1, kept with 8 bits; of the foreground
    truth:         (B, T, H, W) bool

    A batch may have any number of frames, at first those of four clips. `scores` gives the same numbers.
    Raises UserError when the arrays do not agree.
    """

    name = "score-explorer"

    def __init__(
        self,
        *,
        pictures: Pixels,
        probabilities: Floats,
        truth: Masks,
        caption: str = CAPTION,
        alt: str | None = None,
        licence: str | None = None,
    ) -> None:
        _check(pictures, probabilities, truth)
        self.pictures, self.truth = pictures, np.asarray(truth, bool)
        self.bytes = np.rint(255 * np.asarray(probabilities, np.float64)).astype(np.uint8)
        self.clips, self.seconds = self.truth.shape[:2]
        super().__init__(caption=caption, alt=alt or self._alt(), licence=licence)

    def scores(self, *, frames_per_batch: int, threshold: float = 0.5, rule: str = RULES[0]) -> Scores:
        """{protocol: {number: value}} as the page shows them."""
        kept = torch.from_numpy(self.bytes).flatten(0, 1).float() / 255  # N H W
        true = torch.from_numpy(self.truth).flatten(0, 1)  # N H W
        return all_scores(kept, true, threshold=threshold, frames_per_batch=frames_per_batch, rule=rule)

    def _alt(self) -> str:
        return (
            f"{self.clips} clips of {self.seconds} frames with true and predicted masks, each frame with its score; "
            f"below, bars with the numbers of {', '.join(SHOWN)}. Sliders move the threshold and the frames in a "
            "batch; buttons choose the protocol and what a silent frame earns."
        )

    def data(self) -> dict[str, Any]:
        width = self.truth.shape[3]
        masks = np.stack([self.bytes, 255 * self.truth.astype(np.uint8), np.zeros_like(self.bytes)], axis=-1)
        stills = self.pictures.transpose(0, 2, 3, 1).reshape(-1, width, 3)
        return {
            "pictures": [picture_uri(stills), picture_uri(masks.reshape(-1, width, 3), exact=True)],
            "clips": self.clips,
            "seconds": self.seconds,
            "shown": SHOWN,
            "truth": TRUTH,
            "prediction": PREDICTION,
        }

    def body(self) -> str:
        height, width = self.truth.shape[2:]
        start = min(4, self.clips) * self.seconds - 1
        rows = -(-self.clips // 2)
        wide = 2 * (self.seconds * (width + 4) + 12)
        return (
            f"{choice('protocol', label='protocol', options=SHOWN)}"
            f"{choice('rule', label='a silent frame earns', options=RULES)}"
            f"{slider('batch', label='batch', last=self.clips * self.seconds - 1, start=start)}"
            f"{slider('threshold', label='threshold', last=254, start=127)}"
            f"{canvas('frames', width=wide, height=rows * (height + 44), label=self.alt)}"
            '<div style="height:14px"></div>'
            f"{canvas('bars', width=wide, height=300, label='the scores of all protocols, as bars')}"
        )


def all_scores(
    probabilities: Tensor, truth: Tensor, *, threshold: float, frames_per_batch: int, rule: str = RULES[0]
) -> Scores:
    """{protocol: {number: value}} of probabilities (N, H, W) against truth (N, H, W) bool.

    With `threshold` 0.5 and the first of `RULES` these are the numbers of `avslib.metrics`. Of mIoU and J the
    rule says what a silent frame earns, and of the F of contours; "all or nothing" is what J&F does by itself.
    Raises UserError for an unknown rule.
    """
    if rule not in RULES:
        raise UserError(f"unknown rule {rule!r}; choose one of: {', '.join(RULES)}")
    marked = probabilities > threshold
    certain = torch.where(marked, CERTAIN, -CERTAIN)
    silent = ~truth.flatten(1).any(1)
    level = DatasetLevel()
    level.update(certain, truth.long())
    whole = level.compute()
    miou = _batched(ruled(mask_iou(certain, truth), marked, silent, rule), frames_per_batch)
    logits = torch.logit(probabilities.double()).clamp(-CERTAIN, CERTAIN).float()
    f = _best_of_batches(f_curve(logits, truth), silent, frames_per_batch)
    j = _mean(ruled(region_j(marked, truth), marked, silent, RULES[1] if rule == RULES[0] else rule))
    contours = _mean(torch.where(silent & (rule == RULES[2]), torch.nan, contour_f(marked, truth)))
    return {
        "avsbench-binary": {"mIoU": miou, "F": f},
        "dataset-level": {name: whole[name] for name in ("IoU", "mIoU", "F", "FDR")},
        "J&F": {"J&F": (j + contours) / 2, "J": j, "F": contours},
        "J&F-papers": {"J&F": (miou + f) / 2},
    }


def ruled(scores: Tensor, marked: Tensor, silent: Tensor, rule: str) -> Tensor:
    """(N,) scores of frames, those of `silent` ones by the rule; NaN where a frame is not counted."""
    if rule == RULES[0]:
        return scores
    earned = (~marked.flatten(1).any(1)).double() if rule == RULES[1] else torch.full_like(scores, torch.nan)
    return torch.where(silent, earned, scores)


def _batched(scores: Tensor, frames: int) -> float:
    """The mean over batches of the mean over their frames; batches without a counted frame are left out."""
    return _mean(torch.stack([part.nanmean() for part in torch.split(scores, frames)]))


def _best_of_batches(curves: Tensor, silent: Tensor, frames: int) -> float:
    """The mean over batches of the best F of their mean curve; 0 for a batch that is silent throughout."""
    best = [
        float(curve[~quiet].mean(0).max()) if not bool(quiet.all()) else 0.0
        for curve, quiet in zip(torch.split(curves, frames), torch.split(silent, frames))
    ]
    return sum(best) / len(best)


def _mean(values: Tensor) -> float:
    return float(values.double().nanmean())


def _check(pictures: Array, probabilities: Array, truth: Array) -> None:
    """Raises UserError unless the arrays are B stills, and masks (B, T, H, W) of their size in 0..1."""
    if probabilities.ndim != 4 or probabilities.shape != truth.shape:
        raise UserError(f"probabilities {probabilities.shape}, truth {truth.shape}: give both (B, T, H, W)")
    due = (len(truth), 3, *truth.shape[2:])
    if pictures.shape != due or pictures.dtype != np.uint8:
        raise UserError(f"pictures {pictures.shape} of {pictures.dtype}: give uint8 {due}, one a clip")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise UserError("probabilities must lie in 0..1; take the sigmoid of logits first")
    if not truth.any():
        raise UserError("nothing sounds in these clips; show some in which something does")
