from __future__ import annotations

import pytest
import torch
from torch import nn

from avslib.layers.query_layer import QueryLayer, attend


@pytest.mark.parametrize("bias", [True, False])
def test_scores_are_what_the_attention_weighs_by(bias: bool) -> None:
    torch.manual_seed(0)
    layer = QueryLayer(dim=12, heads=3, hidden=8, dropout=0.0, bias=bias)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    queries, memory = torch.randn(2, 4, 12), torch.randn(2, 7, 12)
    _, asking = layer(queries, memory)
    _, weights = layer.cross(asking, memory, memory, average_attn_weights=False)
    torch.testing.assert_close(layer.scores(asking, memory).softmax(-1), weights)


def test_one_key_leaves_no_choice() -> None:
    """Cross-attention to a single sound is a linear map: every query gets the same."""
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    got = attend(attention, torch.randn(1, 5, 8), torch.randn(1, 1, 8))
    torch.testing.assert_close(got, got[:, :1].expand_as(got))


def test_norms_come_last() -> None:
    layer = QueryLayer(dim=16, heads=2, hidden=8).eval()
    out, asking = layer(10 + torch.randn(1, 3, 16), torch.randn(1, 5, 16))
    for x in (out, asking):
        torch.testing.assert_close(x.mean(-1), torch.zeros(1, 3), atol=1e-5, rtol=0)
        torch.testing.assert_close(x.var(-1, unbiased=False), torch.ones(1, 3), atol=1e-3, rtol=0)
