"""Positions, and the encoder over maps of several sizes."""

from __future__ import annotations

import math

import pytest
import torch

from avslib.layers.deformable_encoder import DeformableEncoder
from avslib.layers.positions import sine_positions


def test_positions_by_hand() -> None:
    positions = sine_positions(3, 5, dim=8, like=torch.zeros(1))
    assert positions.shape == (8, 3, 5)
    waves = (1.0, 1.0, 0.01, 0.01)
    for channel, wave in enumerate(waves):
        of = math.cos if channel % 2 else math.sin
        assert positions[channel, 2, 4].item() == pytest.approx(of(3 * wave), abs=1e-6), "the row, from 1"
        assert positions[4 + channel, 2, 4].item() == pytest.approx(of(5 * wave), abs=1e-6), "the column"


def test_the_encoder_keeps_order_and_sizes() -> None:
    torch.manual_seed(0)
    encoder = DeformableEncoder(dim=8, heads=2, points=2, layers=1, hidden=8).eval()
    maps = [torch.randn(2, 8, *size) for size in ((4, 6), (2, 3), (1, 2))]
    pixels, sizes = encoder(maps)
    assert sizes == [(4, 6), (2, 3), (1, 2)] and pixels.shape == (2, 32, 8)
    nothing = DeformableEncoder(dim=8, heads=2, layers=0)
    torch.testing.assert_close(nothing(maps)[0][:, 24 + 4], maps[1][:, :, 1, 1])
