"""Prototype Prompted Query Generation: queries out of what is seen (VCT's first idea)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.methods.segmenter import hearings
from avslib.methods.vct.pixel_grouping import PixelGrouping


class PPQG(nn.Module):
    """From a map of pixels to Q queries, each about another region, and prompted with the sounds that there are.

    I   aggregation: V^e = MLP over the pixels of each channel of V^h, which is the map after three convolutions
    II  prompting:   `AudioPrototypePrompt`
    III grouping:    `PixelGrouping` of the pixels of V^h

    The MLP's first layer has a weight for every pixel of a map of `grid` by `grid`. In the authors' code no other size
    can be given. Here V^h is resampled (bilinear) to the grid for step I, where its size is another; step III sees V^h
    as it is. So trained weights serve pictures of every size and shape, and at their own size nothing changes.

    queries:  Q
    grid:     rows and columns of the map at stride 4 for the training pictures: 56 for 224 pixels, 96 for 384
    prompt:   None skips step II: the slides' Table 3, "w/o Audio Prototypes"
    grouping: None skips step III: Table 2, "Naive Vision Queries"
    dim:      D
    """

    def __init__(
        self,
        *,
        prompt: nn.Module | None,
        grouping: PixelGrouping | None,
        queries: int = 100,
        grid: int = 56,
        dim: int = 256,
    ) -> None:
        super().__init__()
        self.grid = (grid, grid)
        self.project = nn.Sequential(
            nn.Conv2d(dim, dim, 1), nn.ReLU(), nn.Conv2d(dim, dim, 3, padding=1), nn.ReLU(), nn.Conv2d(dim, dim, 1)
        )  # fmt: skip
        self.aggregate = nn.Sequential(
            nn.Linear(grid * grid, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, queries)
        )  # fmt: skip
        self.prompt, self.grouping = prompt, grouping

    def forward(self, pixels: Tensor, sound: Tensor) -> Tensor:
        """pixels (M, D, h, w), sound (N, L, D), which only some prompts hear -> queries (N, Q, D).

        N is a multiple of M: each picture is heard N / M times.
        """
        seen = self.project(pixels)  # M D h w
        fitted = seen
        # An exported graph may serve all sizes; onto its own grid resampling changes nothing.
        if torch.compiler.is_exporting() or seen.shape[-2:] != self.grid:
            fitted = F.interpolate(seen, self.grid, mode="bilinear", align_corners=False)
        queries: Tensor = self.aggregate(fitted.flatten(2)).transpose(1, 2)  # M Q D
        times = hearings(sound.shape[0], pixels.shape[0])
        queries, own = (x.repeat_interleave(times, dim=0) for x in (queries, seen.flatten(2).mT))
        if self.prompt is not None:
            queries = self.prompt(queries, sound)
        if self.grouping is not None:
            queries = self.grouping(queries, own)  # N Q D, N hw D
        return queries
