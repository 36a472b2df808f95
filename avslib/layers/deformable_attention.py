"""Deformable attention: every query looks at a few places that it chooses itself (Deformable DETR, eq. 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Sizes = Sequence[tuple[int, int]]
"""(h, w) of each map, in the order in which their pixels follow one another."""


class DeformableAttention(nn.Module):
    """Multi-scale deformable attention, in plain PyTorch: no extension to compile, any device.

    Every head of every query looks at `points` places in each of `levels` maps. Where they lie, relative to
    the query's own place, and how much each counts, are linear functions of the query. A place between
    pixels is interpolated bilinearly; outside the map there is zero. Cost: places x queries, where plain
    attention has pixels x queries.

    dim:    D of queries, values and result
    heads:  D is divided among them
    levels: how many maps
    points: places in each map, for each head
    """

    def __init__(self, *, dim: int = 256, heads: int = 8, levels: int = 3, points: int = 4) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.offsets = nn.Linear(dim, heads * levels * points * 2)
        self.weights = nn.Linear(dim, heads * levels * points)
        self.value = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)
        self.reset()

    def reset(self) -> None:
        """At the start each head looks in a direction of its own, its points 1, 2, ... pixels away."""
        angle = torch.arange(self.heads) * (2 * math.pi / self.heads)
        direction = torch.stack([angle.cos(), angle.sin()], dim=-1)
        direction = direction / direction.abs().amax(dim=-1, keepdim=True)  # onto a square, not a circle
        steps = torch.arange(1, self.points + 1).view(1, 1, -1, 1)
        grid = (direction[:, None, None] * steps).expand(-1, self.levels, -1, -1)
        with torch.no_grad():
            self.offsets.bias.copy_(grid.flatten())
        for tensor in (self.offsets.weight, self.weights.weight, self.weights.bias, self.value.bias):
            nn.init.zeros_(tensor)
        nn.init.zeros_(self.out.bias)
        nn.init.xavier_uniform_(self.value.weight)
        nn.init.xavier_uniform_(self.out.weight)

    def forward(self, query: Tensor, places: Tensor, memory: Tensor, sizes: Sizes) -> Tensor:
        """query (N, Q, D), places (1 or N, Q, 1 or levels, 2), memory (N, L, D), sizes -> (N, Q, D).

        places: where each query stands, (x, y) in [0, 1] of the map's width and height
        memory: the pixels of all maps one after another, L = sum of h * w
        """
        where, weight = self.looks(query, places, sizes)
        value = self.value(memory).unflatten(2, (self.heads, -1))  # N L M D/M
        maps = value.permute(0, 2, 3, 1).flatten(0, 1).split([h * w for h, w in sizes], dim=2)  # NM D/M hw
        seen = []
        for level, (x, size) in enumerate(zip(maps, sizes)):
            grid = 2 * where[:, :, :, level].transpose(1, 2).flatten(0, 1) - 1  # NM Q P 2
            # In the grid's type: bfloat16 cannot say where a pixel is.
            x = x.unflatten(2, size).to(grid.dtype)
            seen.append(F.grid_sample(x, grid, align_corners=False))  # NM D/M Q P
        weight = weight.transpose(1, 2).flatten(3).flatten(0, 1)  # NM Q levels*P
        out = (torch.cat(seen, dim=-1) * weight.unsqueeze(1)).sum(-1).to(value.dtype)  # NM D/M Q
        result: Tensor = self.out(out.view(query.shape[0], -1, out.shape[-1]).transpose(1, 2))
        return result

    def looks(self, query: Tensor, places: Tensor, sizes: Sizes) -> tuple[Tensor, Tensor]:
        """Where each head looks, (N, Q, heads, levels, points, 2) as (x, y), and the weights, without the 2.

        Weights are positive and add up to 1 over the places of all levels.
        """
        shape = (self.heads, self.levels, self.points)
        offset = self.offsets(query).unflatten(2, (*shape, 2))  # in pixels of each level
        widths = torch.tensor([(w, h) for h, w in sizes], dtype=offset.dtype, device=offset.device)
        where = places[:, :, None, :, None] + offset / widths[:, None]
        weight = self.weights(query).unflatten(2, (self.heads, -1)).softmax(-1)
        return where, weight.unflatten(3, shape[1:])


def pixel_centres(sizes: Sizes, *, like: Tensor) -> Tensor:
    """(1, L, 1, 2): the centre (x, y) in [0, 1] of every pixel of all maps, in the order of `sizes`."""
    centres = []
    for height, width in sizes:
        y = (torch.arange(height, device=like.device) + 0.5) / height
        x = (torch.arange(width, device=like.device) + 0.5) / width
        centres.append(torch.cartesian_prod(y, x).view(-1, 2).flip(-1))
    return torch.cat(centres).view(1, -1, 1, 2)
