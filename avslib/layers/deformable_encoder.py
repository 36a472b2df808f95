"""Maps of several strides refine one another: the encoder of Deformable DETR."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from avslib.layers.deformable_attention import DeformableAttention, Sizes, pixel_centres
from avslib.layers.positions import sine_positions
from avslib.layers.query_layer import feed_forward


class DeformableEncoderLayer(nn.Module):
    """Deformable self-attention of all pixels and a feed-forward, each with a skip and a LayerNorm after it."""

    def __init__(
        self,
        *,
        dim: int,
        heads: int,
        levels: int,
        points: int,
        hidden: int,
        dropout: float,
        activation: type[nn.Module],
    ) -> None:
        super().__init__()
        self.attention = DeformableAttention(dim=dim, heads=heads, levels=levels, points=points)
        self.feed = feed_forward(dim, hidden, dropout, activation)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, pixels: Tensor, positions: Tensor, places: Tensor, sizes: Sizes) -> Tensor:
        """pixels (N, L, D), their positions (L, D) and places, see `DeformableAttention` -> (N, L, D)."""
        x = self.attention(pixels + positions, places, pixels, sizes)
        x = self.norm1(pixels + self.dropout(x))
        result: Tensor = self.norm2(x + self.feed(x))
        return result


class DeformableEncoder(nn.Module):
    """`layers` of them over the maps of `levels` strides, which are told where a pixel is and in which map.

    dim, heads, hidden, dropout: as in `QueryLayer`; points: as in `DeformableAttention`
    activation: of the feed-forwards.  normalised: as in `sine_positions`
    """

    def __init__(
        self,
        *,
        dim: int = 256,
        heads: int = 8,
        levels: int = 3,
        points: int = 4,
        layers: int = 6,
        hidden: int = 2048,
        dropout: float = 0.1,
        activation: type[nn.Module] = nn.GELU,
        normalised: bool = False,
    ) -> None:
        super().__init__()
        self.normalised = normalised
        self.levels = nn.Parameter(torch.randn(levels, dim))
        self.layers = nn.ModuleList(
            DeformableEncoderLayer(
                dim=dim,
                heads=heads,
                levels=levels,
                points=points,
                hidden=hidden,
                dropout=dropout,
                activation=activation,
            )
            for _ in range(layers)
        )

    def reset(self) -> None:
        """The start that the attention layers need, for whoever has initialised everything in one way."""
        nn.init.normal_(self.levels)
        for layer in self.layers:
            layer.attention.reset()  # type: ignore[union-attr,operator]

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, list[tuple[int, int]]]:
        """Maps (N, D, h, w), one a level -> all their pixels one after another (N, L, D), and the sizes (h, w)."""
        sizes = [(x.shape[-2], x.shape[-1]) for x in maps]
        pixels = torch.cat([x.flatten(2) for x in maps], dim=2).transpose(1, 2)  # N L D
        positions = torch.cat(
            [
                sine_positions(*size, dim=x.shape[1], like=x, normalised=self.normalised).flatten(1).T + level
                for x, size, level in zip(maps, sizes, self.levels)
            ]
        ).to(pixels.dtype)  # L D
        places = pixel_centres(sizes, like=pixels)
        for layer in self.layers:
            pixels = layer(pixels, positions, places, sizes)
        return pixels, sizes
