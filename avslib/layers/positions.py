"""Where a pixel is, as a vector: sines and cosines of its row and column."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sine_positions(
    height: int, width: int, *, dim: int = 256, like: Tensor, normalised: bool = False
) -> Tensor:
    """(D, h, w): the first half tells the row, the second the column (DETR).

    Rows and columns count from 1; the i-th pair of channels is the sine and cosine of count / 10000^(2i/(D/2)).

    normalised: the last row and column count 2 pi, however many there are (Mask2Former)
    """
    half = dim // 2
    pair = torch.arange(half, device=like.device) // 2
    wave = 10_000.0 ** (-2 * pair / half)

    def along(count: int) -> Tensor:  # count D/2
        places = torch.arange(1, count + 1, device=like.device)
        # An exported graph whose sizes are free has no number for `count`, only a tensor.
        step = 2 * math.pi / (places[-1] if torch.compiler.is_exporting() else count)
        angle = (places * step if normalised else places)[:, None] * wave
        return torch.where(torch.arange(half, device=like.device) % 2 == 0, angle.sin(), angle.cos())

    rows = along(height).T[:, :, None].expand(-1, -1, width)
    columns = along(width).T[:, None].expand(-1, height, -1)
    return torch.cat([rows, columns])
