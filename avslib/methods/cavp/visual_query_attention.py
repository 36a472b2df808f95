"""CAVP's fusion: every pixel asks the sound whether it is heard (f_CA of the paper's section 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.errors import UserError

Activation = Literal["sigmoid", "softmax", "min-max", "channel"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
"""Of Fig. 6. The paper's is the first: of several places of any size each may answer yes."""


def _min_max(response: Tensor) -> Tensor:
    """The places (dim 2) scaled so that the least is 0 and the most 1."""
    least, most = response.amin(dim=2, keepdim=True), response.amax(dim=2, keepdim=True)
    return (response - least) / (most - least).clamp(min=1e-6)


OF_PLACES: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "softmax": lambda response: response.softmax(dim=2),
    "min-max": _min_max,
}


class VisualQueryAttention(nn.Module):
    """One block: pixels are queries, one sound is key and value.

    x (N, P, C), sound (N, D) -> fused (N, P, C); attention (N, heads, P), how much of the sound each place takes; and
    response (N, P), query times key, the mean over heads.
    With `activation` "channel" there is one weight a channel instead, the same at all places (as in AVSegFormer's mixer),
    and the attention is the mean over them.

    As in the authors' code, one LayerNorm serves pixels and sound, the residual starts from the normalised pixels, and an
    MLP and a last LayerNorm follow, which the paper does not mention. Their position embeddings are never added and are not
    here; nor is the answer of the sound to the picture, which nothing reads.

    width: C; 304 in the paper.  sound_dim: D
    """

    def __init__(
        self, *, width: int = 304, sound_dim: int = 304, heads: int = 4, activation: Activation = "sigmoid"
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise UserError(f"unknown activation {activation!r}; choose one of {', '.join(ACTIVATIONS)}")
        self.heads, self.activation = heads, activation
        self.see, self.hear = nn.Linear(width, width), nn.Linear(sound_dim, width)
        self.norm = nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.last_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, sound: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        seen, heard = self.norm(self.see(x)), self.norm(self.hear(sound))  # N P C, N C
        query = self.query(seen).unflatten(-1, (self.heads, -1))  # N P h d
        key, value = (f(heard).unflatten(-1, (self.heads, -1)) for f in (self.key, self.value))  # N h d
        response = torch.einsum("nphd,nhd->nhp", query, key)  # N h P
        if self.activation == "channel":
            weights = (query.mean(dim=1) * key).flatten(1).softmax(dim=1).view_as(key) * key[
                0
            ].numel()  # N h d
            attention = weights.mean(dim=2, keepdim=True).expand(-1, -1, x.shape[1])  # N h P
            taken = (weights * value)[:, None].expand_as(query)  # N P h d
        else:
            attention = OF_PLACES[self.activation](response * key.shape[-1] ** -0.5)  # N h P
            taken = torch.einsum("nhp,nhd->nphd", attention, value)
        fused = seen + self.out(taken.flatten(2))
        fused = fused + self.mlp(self.mlp_norm(fused))
        return self.last_norm(fused), attention, response.mean(dim=1)


def pixels(maps: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, P, C), P = h w."""
    return maps.flatten(2).transpose(1, 2)


def resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear with the corners kept in place, as DeepLab's code has it between its maps."""
    return F.interpolate(maps, size, mode="bilinear", align_corners=True)
