"""AVSegFormer: the sound as queries of a transformer decoder (paper, 3.5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from avslib.layers.query_layer import QueryLayer


class QueryGenerator(nn.Module):
    """What the decoder asks: the sound, repeated, plus queries that are learned (paper, 3.5).

    dim:       D
    queries:   Q
    learnable: add the learned ones. Without them, and without layers, all Q queries are the same
    layers:    the authors' code does not repeat the sound; as many `QueryLayer`s let queries with an embedding
               of their own attend to it: 6. Their cross-attention has one key, so its softmax is always 1
    heads, hidden: of these layers
    """

    def __init__(
        self,
        *,
        dim: int = 256,
        queries: int = 300,
        learnable: bool = True,
        layers: int = 0,
        heads: int = 8,
        hidden: int = 1024,
    ) -> None:
        super().__init__()
        self.queries = queries
        self.learned = nn.Parameter(torch.empty(queries, dim)) if learnable else None
        self.start = nn.Parameter(torch.empty(queries, dim)) if layers else None
        self.layers = nn.ModuleList(
            QueryLayer(dim=dim, heads=heads, hidden=hidden, dropout=0.0, bias=False) for _ in range(layers)
        )
        for embedding in self.parameters(recurse=False):
            nn.init.xavier_uniform_(embedding)

    def forward(self, sound: Tensor) -> Tensor:
        """sound (N, 1, D) -> queries (N, Q, D)."""
        if self.start is None:
            queries = sound.expand(-1, self.queries, -1)
        else:
            queries = self.start.expand(sound.shape[0], -1, -1)
            for layer in self.layers:
                queries, _ = layer(queries, sound)
        return queries if self.learned is None else queries + self.learned
