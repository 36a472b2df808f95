"""Queries that ask one another, and then a memory: the layer of transformer decoders, and what it looked at."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class QueryLayer(nn.Module):
    """Self-attention, cross-attention to a memory, feed-forward; each with a skip and a LayerNorm after it.

    dim:     D; hidden: width of the feed-forward (GELU)
    heads:   of both attentions
    dropout: on attention weights, and on what each of the three parts adds
    bias:    of the attentions' projections
    """

    def __init__(
        self, *, dim: int = 256, heads: int = 8, hidden: int = 2048, dropout: float = 0.1, bias: bool = True
    ) -> None:
        super().__init__()
        self.own = nn.MultiheadAttention(dim, heads, dropout, bias=bias, batch_first=True)
        self.cross = nn.MultiheadAttention(dim, heads, dropout, bias=bias, batch_first=True)
        self.feed = feed_forward(dim, hidden, dropout)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """queries (N, Q, D), memory (N, L, D) -> the next queries, and those that met the memory, for `scores`."""
        asking = self.norm1(queries + self.dropout(attend(self.own, queries, queries)))
        x = self.norm2(asking + self.dropout(attend(self.cross, asking, memory)))
        return self.norm3(x + self.feed(x)), asking

    def scores(self, asking: Tensor, memory: Tensor) -> Tensor:
        """(N, heads, Q, L): query times key over the root of D/heads, before the softmax."""
        dim, heads = self.cross.embed_dim, self.cross.num_heads
        weight, bias = self.cross.in_proj_weight, self.cross.in_proj_bias
        query = F.linear(asking, weight[:dim], None if bias is None else bias[:dim])
        key = F.linear(memory, weight[dim : 2 * dim], None if bias is None else bias[dim : 2 * dim])
        query, key = (torch.unflatten(x, 2, (heads, -1)).transpose(1, 2) for x in (query, key))  # N M Q|L D/M
        scores: Tensor = query @ key.transpose(2, 3) * (dim // heads) ** -0.5
        return scores


def attend(attention: nn.MultiheadAttention, queries: Tensor, memory: Tensor) -> Tensor:
    """queries (N, Q, D) attend to memory (N, L, D), which is key and value -> (N, Q, D)."""
    result: Tensor = attention(queries, memory, memory, need_weights=False)[0]
    return result


def feed_forward(
    dim: int, hidden: int, dropout: float, activation: type[nn.Module] = nn.GELU
) -> nn.Sequential:
    """(..., D) -> (..., D): two linear layers around an activation."""
    return nn.Sequential(
        nn.Linear(dim, hidden), activation(), nn.Dropout(dropout), nn.Linear(hidden, dim), nn.Dropout(dropout)
    )
