"""Queries that become masks, and look only where their masks are: Mask2Former's transformer decoder.

(Cheng et al., "Masked-attention Mask Transformer for Universal Image Segmentation", CVPR 2022, 3.2.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.layers.positions import sine_positions
from avslib.layers.query_layer import feed_forward


@dataclass(frozen=True)
class Memory:
    """What the queries of one layer look at: the pixels of a picture's map, or the tokens of a sound.

    values:    (N, L, D)
    positions: (L, D), added to the keys; None where the order of tokens means nothing
    size:      (h, w) of a picture's map, h * w = L, of which each query sees only its mask; None: all see all
    """

    values: Tensor
    positions: Tensor | None = None
    size: tuple[int, int] | None = None


def memory_of(x: Tensor, *, masked: bool = True) -> Memory:
    """A map (N, D, h, w) with its sine positions; `masked` where it is the picture in which the masks lie."""
    size = (x.shape[-2], x.shape[-1])
    positions = sine_positions(*size, dim=x.shape[1], like=x, normalised=True).flatten(1).T.to(x.dtype)
    return Memory(x.flatten(2).transpose(1, 2), positions, size if masked else None)


class MaskedAttentionLayer(nn.Module):
    """Cross-attention to a memory, self-attention, feed-forward (ReLU); each with a skip and a LayerNorm after it.

    dim, heads, hidden, dropout: as in `QueryLayer`, whose order is another: here queries that were learned, and
    so know nothing yet, look at the memory first
    """

    def __init__(self, *, dim: int = 256, heads: int = 8, hidden: int = 2048, dropout: float = 0.0) -> None:
        super().__init__()
        self.cross = nn.MultiheadAttention(dim, heads, dropout, batch_first=True)
        self.own = nn.MultiheadAttention(dim, heads, dropout, batch_first=True)
        self.feed = feed_forward(dim, hidden, dropout, nn.ReLU)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(
        self,
        queries: Tensor,
        places: Tensor,
        memory: Memory,
        closed: Tensor | None = None,
        absent: Tensor | None = None,
    ) -> Tensor:
        """queries (N, Q, D), places (Q, D) added wherever they ask or are asked, memory -> (N, Q, D).

        closed: (N, Q, L) bool, what a query must not look at; not everything
        absent: (N, Q) bool, queries that only fill up a batch, and that the others do not ask; not all of them
        """
        keys = memory.values if memory.positions is None else memory.values + memory.positions
        if closed is not None:
            closed = closed.repeat_interleave(self.cross.num_heads, dim=0)  # N heads, Q, L
        x, _ = self.cross(queries + places, keys, memory.values, attn_mask=closed, need_weights=False)
        queries = self.norm1(queries + self.dropout(x))
        asking = queries + places
        x, _ = self.own(asking, asking, queries, key_padding_mask=absent, need_weights=False)
        queries = self.norm2(queries + self.dropout(x))
        result: Tensor = self.norm3(queries + self.feed(queries))
        return result


class MaskedAttentionDecoder(nn.Module):
    """`layers` of them, which take their memories in turn; before the first and after each a mask of each query.

    classes:   K, to which "no object" is added as the last
    memories:  how many there are; each is told apart by an embedding, added to its keys and values
    classify:  (N, Q, D) -> (N, Q, K + 1); None: a linear layer
    dim, heads, hidden, dropout: as in `MaskedAttentionLayer`
    """

    def __init__(
        self,
        *,
        classes: int,
        memories: int = 3,
        classify: nn.Module | None = None,
        dim: int = 256,
        layers: int = 9,
        heads: int = 8,
        hidden: int = 2048,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.levels = nn.Parameter(torch.randn(memories, dim))
        self.layers = nn.ModuleList(
            MaskedAttentionLayer(dim=dim, heads=heads, hidden=hidden, dropout=dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)
        self.classify = nn.Linear(dim, classes + 1) if classify is None else classify
        self.embed = nn.Sequential(
            nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim)
        )

    def forward(
        self,
        queries: Tensor,
        places: Tensor,
        memories: Sequence[Memory],
        pixels: Tensor,
        absent: Tensor | None = None,
    ) -> list[dict[str, Tensor]]:
        """queries (N, Q, D), places (Q, D), as many memories as were announced, pixels (N, D, h, w) -> 1 + layers
        times {"class_logits" (N, Q, K + 1), "mask_logits" (N, Q, h, w)}, from early to late. absent: as in the layer."""
        known = [Memory(m.values + level, m.positions, m.size) for m, level in zip(memories, self.levels)]
        predictions = [self.predict(queries, pixels)]
        for number, layer in enumerate(self.layers):
            memory = known[number % len(known)]
            closed = outside(predictions[-1]["mask_logits"], memory.size)
            queries = layer(queries, places, memory, closed, absent)
            predictions.append(self.predict(queries, pixels))
        return predictions

    def predict(self, queries: Tensor, pixels: Tensor) -> dict[str, Tensor]:
        """queries (N, Q, D), pixels (N, D, h, w) -> class and mask of each query, as in `forward`."""
        queries = self.norm(queries)
        masks = torch.einsum("nqd,ndhw->nqhw", self.embed(queries), pixels)
        return {"class_logits": self.classify(queries), "mask_logits": masks}


def outside(masks: Tensor, size: tuple[int, int] | None) -> Tensor | None:
    """Mask logits (N, Q, h, w) -> (N, Q, L) bool: the pixels of a map of `size` that lie outside of each mask.

    A query whose mask is empty may look everywhere: a softmax over nothing is not a number. No `size`, no bounds.
    """
    if size is None:
        return None
    small = F.interpolate(masks.detach(), size, mode="bilinear", align_corners=False).flatten(2)  # N Q L
    closed = small < 0
    return closed & ~closed.all(dim=-1, keepdim=True)


def semantic_scores(prediction: Mapping[str, Tensor], size: Sequence[int]) -> Tensor:
    """A prediction of the decoder -> (N, K, *size): per pixel and class the sum over queries of how likely the query is
    of that class times how likely the pixel is its own. Not below 0; "no object" does not count."""
    masks = F.interpolate(prediction["mask_logits"], tuple(size), mode="bilinear", align_corners=False)
    classes = prediction["class_logits"].softmax(dim=-1)[..., :-1]  # N Q K
    return torch.einsum("nqk,nqhw->nkhw", classes, masks.sigmoid())
