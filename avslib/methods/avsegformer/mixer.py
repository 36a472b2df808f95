"""AVSegFormer: the sound weighs the channels of the map from which masks are read (paper, eq. 2)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from avslib.layers.query_layer import attend
from avslib.layers.recording import record


class AudioVisualMixer(nn.Module):
    """The sound attends to all pixels and thereby weighs the map's channels: F + F * w (paper, eq. 2; "CHA").

    The equation leaves the softmax over pixels out; without it w would grow with the picture's area.

    dim, heads: D, and the parts into which attention divides it
    gate:       the authors' code: F * sigmoid(w), which can only suppress
    """

    def __init__(self, *, dim: int = 256, heads: int = 8, gate: bool = False) -> None:
        super().__init__()
        self.heads, self.gate = heads, gate
        self.query = nn.Linear(dim, dim, bias=False)
        self.key_value = nn.Linear(dim, 2 * dim, bias=False)
        self.out = nn.Linear(dim, dim)

    def forward(self, pixels: Tensor, sound: Tensor) -> Tensor:
        """pixels (N, D, h, w), sound (N, 1, D) -> (N, D, h, w)."""
        weight = self.channels(pixels, sound)[:, :, None, None]
        factor = weight.sigmoid() if self.gate else 1 + weight
        record("avsegformer.channels", factor[:, :, 0, 0])
        return pixels * factor

    def channels(self, pixels: Tensor, sound: Tensor) -> Tensor:
        """pixels (N, D, h, w), sound (N, 1, D) -> w (N, D)."""
        key, value = self.key_value(pixels.flatten(2).transpose(1, 2)).chunk(2, dim=-1)
        query, key, value = (
            x.unflatten(2, (self.heads, -1)).transpose(1, 2) for x in (self.query(sound), key, value)
        )
        seen = F.scaled_dot_product_attention(query, key, value)  # N M 1 D/M
        weight: Tensor = self.out(seen.flatten(1))
        return weight


class CrossAttentionMixer(nn.Module):
    """The design that the paper gave up ("CRA"): pixels attend to the sound, and add what they get.

    There is one sound a second, so the softmax is 1 and every pixel gets the same.
    """

    def __init__(self, *, dim: int = 256, heads: int = 8) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)

    def forward(self, pixels: Tensor, sound: Tensor) -> Tensor:
        """pixels (N, D, h, w), sound (N, 1, D) -> (N, D, h, w)."""
        got = attend(self.attention, pixels.flatten(2).transpose(1, 2), sound)  # N hw D
        return pixels + got.transpose(1, 2).reshape(pixels.shape)
