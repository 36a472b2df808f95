"""Head and reformer of AVSegFormer."""

from __future__ import annotations

import pytest
import torch

from avslib.methods.avsegformer.mask_head import MaskHead
from avslib.methods.avsegformer.mask_reformer import MaskReformer


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
