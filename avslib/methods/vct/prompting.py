"""What tells queries which sounds there are: audio prototypes (VCT, PPQG, step II), or a sound itself (Table 4)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Mixing = Literal["multiply", "concatenate", "add"]


class AudioPrototypePrompt(nn.Module):
    """Queries ask audio prototypes, one for each category of sounds: V + softmax(V W_q (P W_k)^T / sqrt(D)) (P W_v).

    The prototypes P are learned: `PrototypeSpace` and its loss bind each to the sounds of its category. (W_v is two
    linear layers here, which is no more than one.)

    prototypes: how many; None for Table 4, "Replace": the tokens of the frame's sound are asked instead
    heads:      4 in the authors' code
    norm:       a LayerNorm after the sum, as in the authors' code
    """

    def __init__(self, *, prototypes: int | None, dim: int = 256, heads: int = 1, norm: bool = False) -> None:
        super().__init__()
        self.prototypes = None if prototypes is None else nn.Parameter(torch.randn(prototypes, dim))
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.norm = nn.LayerNorm(dim) if norm else nn.Identity()
        nn.init.xavier_uniform_(self.attention.out_proj.weight)

    def forward(self, queries: Tensor, sound: Tensor) -> Tensor:
        """queries (N, Q, D), sound (N, L, D) -> (N, Q, D)."""
        known = sound if self.prototypes is None else self.prototypes.expand(queries.shape[0], -1, -1)
        found, _ = self.attention(queries, known, known, need_weights=False)
        result: Tensor = self.norm(queries + found)
        return result


class SoundPrompt(nn.Module):
    """Queries mixed with the mean token of the frame's sound: the slides' Table 4, which says no more than the names."""

    def __init__(self, *, mixing: Mixing, dim: int = 256) -> None:
        super().__init__()
        self.mixing = mixing
        self.join = nn.Linear(2 * dim, dim) if mixing == "concatenate" else nn.Identity()

    def forward(self, queries: Tensor, sound: Tensor) -> Tensor:
        """queries (N, Q, D), sound (N, L, D) -> (N, Q, D)."""
        heard = sound.mean(dim=1, keepdim=True).expand_as(queries)
        if self.mixing == "multiply":
            return queries * heard
        if self.mixing == "add":
            return queries + heard
        joined: Tensor = self.join(torch.cat([queries, heard], dim=-1))
        return joined


class PrototypeSpace(nn.Module):
    """Where sounds and prototypes are compared by the prototype-audio contrastive loss: unit vectors of D numbers."""

    def __init__(self, *, dim: int = 256) -> None:
        super().__init__()
        self.sound, self.prototypes = (nn.Linear(dim, dim, bias=False) for _ in range(2))
        for projection in (self.sound, self.prototypes):
            nn.init.normal_(projection.weight, std=dim**-0.5)

    def forward(self, sound: Tensor, prototypes: Tensor) -> tuple[Tensor, Tensor]:
        """sound (N, L, D), prototypes (K, D) -> (N, D) and (K, D); their products are cosines."""
        heard = self.sound(sound.mean(dim=1))
        return F.normalize(heard, dim=-1), F.normalize(self.prototypes(prototypes), dim=-1)
