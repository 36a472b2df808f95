"""The neck of the AVSBench baseline: every stage of the encoder to one width."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class DilatedNeck(nn.Module):
    """Sum of parallel 3x3 convolutions of different dilation: (N, C_in, h, w) -> (N, C, h, w).

    The AVSBench paper calls it ASPP; its code has neither the 1x1 branch nor the pooled branch of ASPP, no
    norm and no activation, and adds the branches instead of concatenating them. So does this.
    """

    def __init__(self, *, channels: int, width: int = 256, dilations: Sequence[int] = (3, 6, 12, 18)) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Conv2d(channels, width, 3, padding=dilation, dilation=dilation) for dilation in dilations
        )
        for branch in self.branches:
            nn.init.normal_(branch.weight, std=0.01)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, h, w) -> (N, C, h, w)."""
        first, *others = self.branches
        out: Tensor = first(x)
        for branch in others:
            out = out + branch(x)
        return out
