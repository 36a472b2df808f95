"""Queries that hear, and then look: f^TD-A and f^TD-V of CPM's Fig. 2."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from avslib.layers.masked_attention import MaskedAttentionDecoder, MaskedAttentionLayer, Memory
from avslib.methods.cpm.mixtures import ClassMixtures


class AudioDecoder(nn.Module):
    """f^TD-A: layers in which queries look around in the sound's map, all of it, and ask one another.

    The paper does not say how many, or of what kind. Here they are those of Mask2Former, without masks.
    """

    def __init__(self, *, layers: int = 3, dim: int = 256, heads: int = 8, hidden: int = 2048) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            MaskedAttentionLayer(dim=dim, heads=heads, hidden=hidden) for _ in range(layers)
        )

    def forward(self, queries: Tensor, places: Tensor, sound: Memory, absent: Tensor | None = None) -> Tensor:
        """queries (N, Q, D), places (Q, D), sound, absent as in `MaskedAttentionLayer` -> (N, Q, D)."""
        for layer in self.layers:
            queries = layer(queries, places, sound, absent=absent)
        return queries


class VisualDecoder(MaskedAttentionDecoder):
    """f^TD-V: Mask2Former's, whose predictions also have "embedding" (N, Q, D), what the mixtures describe.

    Its first prediction is made before it has looked: of what the queries have heard.
    """

    def predict(self, queries: Tensor, pixels: Tensor) -> dict[str, Tensor]:
        return super().predict(queries, pixels) | {"embedding": self.norm(queries)}


class MixtureClassifier(nn.Module):
    """f_GMM: (N, Q, D) -> log p(c | q) (N, Q, C), of which a softmax is p. "No object" is a class with a mixture.

    gain: of a LayerNorm over the classes' log-likelihoods before the posterior, as GMMSeg has it; learned from this value
          on (GMMSeg: 1). In D dimensions they lie tens to hundreds apart, so that equation 1 alone, which is None, is
          certain of everything, and its gradient huge
    """

    def __init__(self, mixtures: ClassMixtures, *, gain: float | None = None) -> None:
        super().__init__()
        self.mixtures = mixtures
        self.norm = None if gain is None else nn.LayerNorm(len(mixtures.fitted))
        if self.norm is not None and gain is not None:
            nn.init.constant_(self.norm.weight, gain)

    def forward(self, embedding: Tensor) -> Tensor:
        scores = self.mixtures.log_likelihood(embedding.flatten(0, 1))
        posterior = (scores if self.norm is None else self.norm(scores)).log_softmax(dim=-1)
        return torch.unflatten(posterior, 0, embedding.shape[:2])


class SoundMasks(nn.Module):
    """m^a: each query, once it has heard, against the decoded map of the sound. Only prompts are asked for them."""

    def __init__(self, *, dim: int = 256, grid: Sequence[int]) -> None:
        super().__init__()
        self.grid = tuple(grid)
        self.decode = nn.Sequential(nn.Conv2d(dim, dim, 3, padding=1), nn.ReLU(), nn.Conv2d(dim, dim, 1))
        self.norm = nn.LayerNorm(dim)
        self.embed = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))

    def forward(self, queries: Tensor, sound: Tensor) -> Tensor:
        """queries (N, Q, D), sound (N, L, D) -> logits (N, Q, f, m) on the grid of the sound's map."""
        decoded = self.decode(torch.unflatten(sound.mT, 2, self.grid))  # N D f m
        return torch.einsum("nqd,ndfm->nqfm", self.embed(self.norm(queries)), decoded)
