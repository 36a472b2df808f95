"""Positions, encoder, head and reformer of AVSegFormer."""

from __future__ import annotations

import math

import pytest
import torch

from avslib.layers.deformable_encoder import DeformableEncoder
from avslib.layers.positions import sine_positions
from avslib.methods.avsegformer.mask_head import MaskHead
from avslib.methods.avsegformer.mask_reformer import MaskReformer


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


def test_the_head_is_equation_3() -> None:
    torch.manual_seed(0)
    head = MaskHead(dim=8, queries=3, hidden=5, classes=2)
    pixels, queries = torch.randn(1, 8, 4, 4), torch.randn(1, 3, 8)
    logits = head(pixels, queries, (4, 4))
    at = pixels[0, :, 1, 2]
    products = queries[0] @ at
    expected = head.score((at + head.mlp(products[None, :, None, None])[0, :, 0, 0])[None, :, None, None])
    torch.testing.assert_close(logits[0, :, 1, 2], expected[0, :, 0, 0])
    assert head(pixels, queries, (15, 17)).shape == (1, 2, 15, 17)


def test_the_authors_head_enlarges_by_itself() -> None:
    head = MaskHead(dim=8, queries=3, hidden=5, convolutions=True)
    assert head(torch.randn(1, 8, 4, 4), torch.randn(1, 3, 8), (16, 16)).shape == (1, 1, 16, 16)
    assert head(torch.randn(1, 8, 4, 4), torch.randn(1, 3, 8), (13, 14)).shape == (1, 1, 13, 14)


@pytest.mark.parametrize("attention_only", [None, 3])
def test_the_reformer_shows_where_queries_looked(attention_only: int | None) -> None:
    torch.manual_seed(0)
    sizes = [(4, 4), (2, 2), (1, 1)]
    reformer = MaskReformer(dim=8, attention_only=attention_only)
    scores, queries = torch.zeros(1, 3, 21), torch.randn(1, 3, 8)
    dark = reformer(scores, queries, sizes, (8, 8))
    scores[:, :, 5] = 9.0  # the pixel (1, 1) of the finest map
    lit = reformer(scores, queries, sizes, (8, 8))
    change = (lit - dark).abs()[0]
    assert lit.shape == (1, 8, 8)
    assert change[2:4, 2:4].max() > 0 and change[7, 7] == 0
    other = reformer(scores, torch.randn(1, 3, 8), sizes, (8, 8))
    assert torch.equal(lit, other) == (attention_only is not None), "only QR looks at the queries"
