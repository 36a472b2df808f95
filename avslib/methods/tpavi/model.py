"""TPAVI, the AVSBench baseline: "Audio-Visual Segmentation", Zhou et al., ECCV 2022.

New in the paper: at each of four stages every pixel of every frame is compared with the sound of every
second (`TemporalPixelwiseInteraction`); a decoder turns the four maps into a mask; a loss pulls the masked
visual features towards the sound (`audio_visual_mapping`, for MS3 and AVSS).

    frames (B, T, 3, H, W), sound (B, T, 1, 96, 64) -> logits (B, T, K, H, W)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.methods.segmenter import Segmenter
from avslib.methods.tpavi.dilated_neck import DilatedNeck
from avslib.methods.tpavi.fusion_decoder import FusionDecoder
from avslib.methods.tpavi.interaction import TemporalPixelwiseInteraction
from avslib.types import Prediction


class TPAVI(Segmenter):
    """The whole baseline: encoder, neck, interaction at four stages, decoder.

    visual:  gives maps at strides 4, 8, 16, 32; `visual.channels` lists their channels
    audio:   (N, A, F, M) -> tokens (N, L, D); VGGish in the paper, frozen there
    classes: K; 1 for S4 and MS3, 71 for AVSS
    width:   C throughout neck and decoder
    stages:  which of the four maps are used; most of the decoder's work goes into the first

    auxiliary: put `response1`..`response4` (B, T, h, w) into the extras, for `response_loss`

    The other arguments are explained where they act: `TemporalPixelwiseInteraction`, `ResidualConvUnit`.

    `forward(batch)` returns logits and, for the loss, `map1`..`map4` (B, T, C, h, w) and `audio1`..`audio4`
    (B, T, C). Logits of padded frames are 0.
    """

    def __init__(
        self,
        *,
        visual: nn.Module,
        audio: nn.Module,
        classes: int = 1,
        width: int = 256,
        inner: int = 128,
        audio_dim: int = 128,
        dilations: Sequence[int] = (3, 6, 12, 18),
        stages: Sequence[int] = (1, 2, 3, 4),
        seconds_together: int | None = None,
        initial_influence: float = 0.0,
        literal: bool = False,
        auxiliary: bool = False,
        audio_bias: bool = True,
        skip_after_relu: bool = False,
    ) -> None:
        super().__init__()
        self.visual, self.audio = visual, audio
        self.skip_after_relu, self.auxiliary = skip_after_relu, auxiliary
        self.stages = tuple(stages)
        channels: Sequence[int] = visual.channels  # type: ignore[assignment]
        self.necks = nn.ModuleList(
            DilatedNeck(channels=channels[stage - 1], width=width, dilations=dilations) for stage in stages
        )
        self.interactions = nn.ModuleList(
            TemporalPixelwiseInteraction(
                width=width, inner=inner, audio_dim=audio_dim, audio_bias=audio_bias,
                seconds_together=seconds_together, initial_influence=initial_influence, literal=literal,
            ) for _ in stages
        )  # fmt: skip
        self.decoder = FusionDecoder(
            maps=len(stages), width=width, classes=classes, skip_after_relu=skip_after_relu
        )

    def segment(self, frames: Tensor, tokens: Tensor, valid: Tensor) -> Prediction:
        """See `Segmenter`. Stills pass encoder and neck once."""
        embedding = tokens.mean(dim=2) * valid.unsqueeze(-1)  # B T D; padded sound is exactly 0
        extras: dict[str, Tensor] = {}
        fused: list[Tensor] = []
        maps = self.visual(frames.flatten(0, 1))
        for stage, neck, interact in zip(self.stages, self.necks, self.interactions):
            x = neck(maps[stage - 1]).unflatten(0, frames.shape[:2])  # B T|1 C h w
            seen = x
            x, aligned = interact(x, embedding, valid)
            if self.auxiliary:
                responses: Tensor = interact.response(seen, aligned)  # type: ignore[operator]
                extras[f"response{stage}"] = _own_second(responses)
            # The reference's in-place ReLU has already been over the maps when its loss reads them.
            extras[f"map{stage}"] = F.relu(x) if self.skip_after_relu else x
            extras[f"audio{stage}"] = aligned
            fused.append(x.flatten(0, 1))  # N C h w
        size = (frames.shape[-2], frames.shape[-1])
        logits = self.decoder(fused, size).unflatten(0, embedding.shape[:2])  # B T K H W
        return Prediction(logits * valid[:, :, None, None, None], extras)


def _own_second(response: Tensor) -> Tensor:
    """(B, T or 1, T, h, w) -> (B, T, h, w): every frame with the sound of its own second."""
    return (
        response[:, 0] if response.shape[1] == 1 else torch.diagonal(response, dim1=1, dim2=2).movedim(-1, 1)
    )
