"""Masks looked at in some points instead of all pixels: PointRend (Kirillov et al., CVPR 2020), as Mask2Former uses it.

A point is (x, y) in [0, 1]; between the centres of pixels values are bilinear, and fall to 0 outside the picture.
"""

from __future__ import annotations

from collections.abc import Callable
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


def at_shared_points(maps: Tensor, points: Tensor) -> Tensor:
    """`at_points`, several times faster where many maps share the points, and without gradient.

    grid_sample goes through the points map by map. Here the maps' values lie side by side at each pixel, and a point is a
    weighted sum of four such rows.
    """
    height, width = maps.shape[-2:]
    columns, across = _neighbours(points[..., 0], width)
    rows, down = _neighbours(points[..., 1], height)
    first = height * width * torch.arange(len(maps), device=maps.device)[:, None]  # of each picture
    pixels = first + width * rows[:, None] + columns  # 2 2 N P
    weights = (down[:, None] * across).to(maps.dtype)
    table = maps.flatten(2).mT.flatten(0, 1).contiguous()  # Nhw C; strides would slow embedding_bag down
    bags, shares = (x.view(4, -1).T.contiguous() for x in (pixels, weights))
    return F.embedding_bag(bags, table, per_sample_weights=shares, mode="sum").view(*points.shape[:2], -1).mT


def _neighbours(place: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """(N, P) in [0, 1] -> the pixels before and after it (2, N, P), and their shares, 0 outside the picture."""
    place = place * size - 0.5
    near = torch.stack([place.floor(), place.floor() + 1])
    shares = (1 - (place - near).abs()) * ((near >= 0) & (near < size))
    return near.clamp(0, size - 1).long(), shares


def seen(
    logits: Tensor,
    masks: Tensor,
    ignored: Tensor,
    points: Tensor | None,
    sample: Callable[[Tensor, Tensor], Tensor] = at_points,
) -> Seen:
    """logits (N, C, h, w), bool masks (N, M, H, W) and ignored (N, H, W) in points (N, P, 2); None: in all pixels.

    sample: how logits are looked at, `at_points` or `at_shared_points`

    A point that touches an ignored pixel does not count. All pixels are those of the masks: the logits are enlarged.
    """
    truth = torch.cat([masks, ignored[:, None]], dim=1).to(logits.dtype)
    if points is None:
        size = (masks.shape[-2], masks.shape[-1])
        large = F.interpolate(logits, size, mode="bilinear", align_corners=False)
        answers, truth = large.flatten(2), truth.flatten(2)
    else:
        answers, truth = sample(logits, points), at_points(truth, points)
    return Seen(answers, truth[:, :-1], (truth[:, -1:] == 0).to(logits.dtype))


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
