"""Pixels drawn by chance, so many of a class: what contrastive losses compare."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def at_size(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, H, W) -> (N, h, w), the nearest label."""
    return F.interpolate(labels[:, None].float(), size)[:, 0].long()


def drawn(groups: Tensor, limit: int, *, least: int = 1) -> Tensor:
    """(P,) group of each pixel, 0 and more (-1: of none) -> indices of up to `limit` of each group, by chance.

    least: groups of fewer pixels are left out. No loop over groups: pixels are sorted by group and chance, and the first of
    each group are kept.
    """
    member = (groups >= 0).nonzero()[:, 0]
    if not len(member):
        return member
    mixed = member[torch.randperm(len(member), device=groups.device)]
    order = mixed[torch.argsort(groups[mixed], stable=True)]
    sizes = torch.bincount(groups[order])
    starts = sizes.cumsum(0) - sizes
    rank = torch.arange(len(order), device=groups.device) - starts[groups[order]]
    return order[(rank < limit) & (sizes[groups[order]] >= least)]


def embeddings_at(maps: Tensor, places: Tensor) -> Tensor:
    """(N, C, h, w) at places of N h w -> (M, C)."""
    return maps.movedim(1, -1).flatten(0, 2)[places]
