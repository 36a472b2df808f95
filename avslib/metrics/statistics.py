"""Counts of pixels, frame by frame: all that the protocols need to know about a prediction."""

from __future__ import annotations

import torch
from torch import Tensor

from avslib.types import IGNORE

THRESHOLDS = torch.linspace(0, 1 - 1e-10, 255)
"""(255,) float32. In float32 the last one is exactly 1.0, so it marks only saturated pixels."""

BINS = len(THRESHOLDS) + 1


def threshold_counts(probabilities: Tensor, foreground: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels marked at each of the 255 `THRESHOLDS`, out of one pass over the pixels.

    probabilities (N, H, W) float32 in [0, 1]; foreground (N, H, W) bool, the truth
    returns        marked (N, 255): pixels with probability >= threshold; hit (N, 255): those of
                   them that are foreground. Both long.

    A pixel is put into the bin that counts how many thresholds lie at or below its probability; the
    pixels marked at threshold i are then those of all bins above i.
    """
    histograms = [_histogram(p.flatten(), f.flatten()) for p, f in zip(probabilities, foreground)]
    none = torch.zeros(0, dtype=torch.long, device=probabilities.device)  # there may be no frame
    bins = torch.cat([none, *histograms]).view(-1, 2, BINS)  # (N, background or foreground, 256)
    at_least = bins.flip(-1).cumsum(-1).flip(-1)[..., 1:]  # (N, 2, 255)
    return at_least.sum(1), at_least[:, 1]


def _histogram(probabilities: Tensor, foreground: Tensor) -> Tensor:
    """(512,) pixels of one frame by number of thresholds reached: 256 of the background, then 256.

    Frame by frame because the temporaries of one frame stay in the processor's cache. The thresholds
    are evenly spaced, so no search is needed: only the nearest one can be in doubt, and it is
    compared as it is, so that a pixel exactly on a threshold counts as `>=` does.
    """
    thresholds = THRESHOLDS.to(probabilities.device)
    nearest = (probabilities * (BINS - 2) + 0.5).int()  # (H*W,) all thresholds before it are reached
    reached = nearest + (probabilities >= thresholds.index_select(0, nearest))
    return torch.bincount(reached + BINS * foreground.int(), minlength=2 * BINS)


def confusion(predicted: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Confusion matrix of each frame.

    predicted (N, H, W) and labels (N, H, W) long, 0..classes-1, or 255 in `labels` for pixels left out
    returns   (N, K, K) long; [n, i, j] pixels of frame n with label i that were predicted as j
    """
    frame = torch.arange(len(labels), device=labels.device).view(-1, 1, 1) * classes  # (N, 1, 1)
    cells = (frame + labels) * classes + predicted  # (N, H, W)
    counts = torch.bincount(cells[labels != IGNORE], minlength=len(labels) * classes**2)
    return counts.view(-1, classes, classes)
