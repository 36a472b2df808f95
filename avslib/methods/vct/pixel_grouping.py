"""Pixel context grouping: every pixel goes to the one query that it fits best (VCT, PPQG, step III)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.layers.recording import is_recording, record


class PixelGrouping(nn.Module):
    """Queries share the pixels out among themselves, and each adds the mean of its own.

        R = softmax over queries (V W_q (H W_k)^T + G),   V + Norm(one-hot(argmax R)) (H W_v) W_o

    V are the queries, H the pixels, G is Gumbel noise, in training alone; the one-hot passes the gradient of R on
    (straight through). Where attention lets all queries look at the same object, here they compete for its pixels. The
    assignment is that of GroupViT (Xu et al., CVPR 2022).

    dim:    D of queries and pixels
    hard:   False is the slides' Table 2, "w/ Cross-Attention": a softmax over pixels, which queries do not share out
    scaled: the authors' code divides the scores by the root of D
    spare:  added to the number of pixels that the sum is divided by: 1 in the authors' code
    """

    def __init__(
        self, *, dim: int = 256, hard: bool = True, scaled: bool = False, spare: float = 0.0
    ) -> None:
        super().__init__()
        self.hard, self.spare = hard, spare
        self.scale = dim**-0.5 if scaled else 1.0
        self.query, self.key, self.value, self.out = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, queries: Tensor, pixels: Tensor) -> Tensor:
        """queries (N, Q, D), pixels (N, L, D) -> (N, Q, D)."""
        scores = self.query(queries) @ self.key(pixels).transpose(1, 2) * self.scale  # N Q L
        shares = self.assign(scores) if self.hard else scores.softmax(dim=-1)
        result: Tensor = queries + self.out(shares.to(scores.dtype) @ self.value(pixels))
        return result

    def assign(self, scores: Tensor) -> Tensor:
        """scores (N, Q, L) -> what each pixel is worth to its query, (N, Q, L); 0 to the others."""
        groups = one_hot(scores.float(), noisy=self.training)
        if is_recording():
            record("vct.group", groups.argmax(dim=1))  # N L: whose each pixel is
        count = groups.sum(dim=-1, keepdim=True)
        # A query may have got no pixel.
        return groups / (count + self.spare if self.spare else count.clamp(min=1))


def one_hot(scores: Tensor, *, noisy: bool) -> Tensor:
    """scores (N, Q, L) -> 1 for the best query of each pixel, else 0, with the gradient of a softmax over queries."""
    if noisy:
        return F.gumbel_softmax(scores, hard=True, dim=1)
    soft = scores.softmax(dim=1)
    hard = torch.zeros_like(soft).scatter(1, soft.argmax(dim=1, keepdim=True), 1.0)
    return hard + soft - soft.detach()
