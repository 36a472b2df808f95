"""CAVP: "Unraveling Instance Associations: A Closer Look for Audio-Visual Segmentation", Chen et al., CVPR 2024.

New in the paper: stereo sound that points at its source (VPO), and a loss that compares pixels under matching and mismatched
sounds (`AudioVisualContrast`). The network itself is simple: DeepLabV3+ sees, and where its two maps have been joined every
pixel asks the sound (`VisualQueryAttention`).

    frames (B, T, 3, H, W), sound (B, T, A, F, M) -> logits (B, T, K, H, W)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.layers.recording import record
from avslib.methods.cavp.deeplab import AtrousPyramid, DeepLabHead, low_level
from avslib.methods.cavp.visual_query_attention import Activation, VisualQueryAttention, pixels, resized
from avslib.methods.segmenter import Segmenter
from avslib.types import Prediction


class CAVP(Segmenter):
    """The whole network.

    visual:     maps at four strides, `visual.channels`
    stages:     which two of them are used, the fine and the coarse one; of strides 4, 8, 16, 32
    audio:      (N, A, F, M) -> tokens (N, L, D); fine-tuned in the paper.  audio_dim: D
    classes:    K; 71 for AVSS, 22 for VPO
    width:      of the pyramid and the head; 256 in the paper (64 over PVTv2).  low: of the finest map's part, 48
    dilations:  of the pyramid.  heads, activation: of `VisualQueryAttention`
    embeddings: put "embedding" (B, T, C, h, w) into the extras, which `AudioVisualContrast` compares, C = width + low;
                and "response" (B, T, h, w), for `response_loss`

    Logits of padded frames are 0.
    """

    def __init__(
        self,
        *,
        visual: nn.Module,
        audio: nn.Module,
        classes: int = 1,
        width: int = 256,
        low: int = 48,
        audio_dim: int = 304,
        stages: tuple[int, int] = (1, 4),
        dilations: Sequence[int] = (6, 12, 18),
        heads: int = 4,
        activation: Activation = "sigmoid",
        embeddings: bool = False,
    ) -> None:
        super().__init__()
        self.visual, self.audio, self.embeddings = visual, audio, embeddings
        channels: Sequence[int] = visual.channels  # type: ignore[assignment]
        self.stages, joined = stages, width + low
        fine, coarse = (channels[stage - 1] for stage in stages)
        self.pyramid = AtrousPyramid(coarse, width=width, dilations=dilations)
        self.low = low_level(fine, low)
        self.project = nn.Sequential(nn.Linear(joined, width), nn.GELU(), nn.Linear(width, joined))
        self.attend = VisualQueryAttention(
            width=joined, sound_dim=audio_dim, heads=heads, activation=activation
        )
        self.head = DeepLabHead(joined, width=width, classes=classes)

    def see(self, frames: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, C, h, w) of the fine map's size, before any sound."""
        maps = self.visual(frames)
        fine, coarse = (maps[stage - 1] for stage in self.stages)
        fine = self.low(fine)  # N low h w
        coarse = resized(self.pyramid(coarse), fine.shape[-2:])  # N width h w
        seen = self.project(pixels(torch.cat([coarse, fine], dim=1)))  # N P C
        found: Tensor = seen.transpose(1, 2).reshape(seen.shape[0], -1, *fine.shape[-2:])
        return found

    def fuse(self, seen: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """What was seen (B or B T, C, h, w), asked about tokens (B, T, L, D): (B, T, C, h, w), response (B, T, h, w)."""
        clips, seconds = tokens.shape[:2]
        x = seen.view(clips, -1, *seen.shape[1:]).expand(-1, seconds, -1, -1, -1).flatten(0, 1)  # N C h w
        fused, attention, response = self.attend(
            pixels(x), tokens.mean(dim=2).flatten(0, 1)
        )  # N P C, N heads P, N P

        def maps(places: Tensor) -> Tensor:  # N .. P -> B T .. h w
            return places.reshape(clips, seconds, *places.shape[1:-1], *x.shape[-2:])

        record("cavp.attention", maps(attention))
        return maps(fused.transpose(1, 2)), maps(response)

    def score(self, fused: Tensor, response: Tensor, valid: Tensor, size: Sequence[int]) -> Prediction:
        """What `fuse` gave -> logits of `size`."""
        logits = F.interpolate(self.head(fused.flatten(0, 1)), tuple(size), mode="bilinear")
        logits = logits.view(*valid.shape, *logits.shape[1:]) * valid[:, :, None, None, None]
        return Prediction(logits, {"embedding": fused, "response": response} if self.embeddings else {})

    def segment(self, frames: Tensor, tokens: Tensor, valid: Tensor) -> Prediction:
        """See `Segmenter`. Stills are seen once."""
        return self.score(*self.fuse(self.see(frames.flatten(0, 1)), tokens), valid, frames.shape[-2:])
