"""Masks looked at in some points instead of all pixels: PointRend (Kirillov et al., CVPR 2020), as Mask2Former uses it.

A point is (x, y) in [0, 1]; between the centres of pixels values are bilinear, and fall to 0 outside the picture.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Seen(NamedTuple):
    """Masks in P places. logits: (N, C, P); masks: (N, M, P) in [0, 1]; counts: (N, 1, P), 0 where nothing is known."""

    logits: Tensor
    masks: Tensor
    counts: Tensor


def at_points(maps: Tensor, points: Tensor) -> Tensor:
    """maps (N, C, h, w) in points (N, P, 2) -> (N, C, P)."""
    grid = 2 * points.to(maps.dtype)[:, :, None] - 1  # N P 1 2
    return F.grid_sample(maps, grid, align_corners=False)[..., 0]


def seen(logits: Tensor, masks: Tensor, ignored: Tensor, points: Tensor | None) -> Seen:
    """logits (N, C, h, w), bool masks (N, M, H, W) and ignored (N, H, W) in points (N, P, 2); None: in all pixels.

    A point that touches an ignored pixel does not count. All pixels are those of the masks: the logits are enlarged.
    """
    truth, unknown = masks.to(logits.dtype), ignored[:, None].to(logits.dtype)
    if points is None:
        size = (masks.shape[-2], masks.shape[-1])
        large = F.interpolate(logits, size, mode="bilinear", align_corners=False)
        return Seen(large.flatten(2), truth.flatten(2), 1 - unknown.flatten(2))
    touched = at_points(unknown, points) > 0
    return Seen(at_points(logits, points), at_points(truth, points), touched.logical_not().to(logits.dtype))


@torch.no_grad()
def uncertain_points(
    logits: Tensor, ignored: Tensor, number: int, *, oversample: float, importance: float
) -> Tensor:
    """logits (N, 1, h, w), ignored (N, H, W) -> points (N, P, 2): most where the masks are undecided.

    number:     P
    oversample: so many times P points are drawn, of which the most uncertain (logits next to 0) are kept
    importance: share of P that is chosen so; the others are drawn anywhere

    Within half a pixel of the frame values fall to 0, so every mask seems undecided there: Mask2Former's code has it so.
    """
    drawn = torch.rand(len(logits), int(number * oversample), 2, device=logits.device)
    certainty = at_points(logits, drawn)[:, 0].abs()
    # Points of which nothing is known would take the places of those that teach.
    touched = at_points(ignored[:, None].to(logits.dtype), drawn)[:, 0] > 0
    chosen = int(number * importance)
    best = certainty.masked_fill(touched, float("inf")).topk(chosen, dim=1, largest=False).indices
    kept = drawn.gather(1, best[..., None].expand(-1, -1, 2))
    return torch.cat([kept, torch.rand(len(logits), number - chosen, 2, device=logits.device)], dim=1)
