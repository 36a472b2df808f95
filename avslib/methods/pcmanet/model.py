"""PCMANet: "Progressive Confident Masking Attention Network for Audio-Visual Segmentation", Wang et al., 2024.

New in the paper: at each of four stages the sound weighs the picture group by group
(`AudioVisualGroupAttention`); sound and picture then ask each other, but only pixels that the stage before
was unsure about may ask (`QuerySelectedCrossAttention`, `ConfidenceInducedMask`); the answer guides the
decoder (`GuidedFusion`). Each stage predicts a mask and each is trained.

    frames (B, T, 3, H, W), sound (B, T, 1, 96, 64) -> logits (B, T, K, H, W)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from avslib.layers.recording import record
from avslib.methods.pcmanet.confidence_mask import ConfidenceInducedMask
from avslib.methods.pcmanet.conv_norm_relu import conv_norm_relu
from avslib.methods.pcmanet.group_attention import Addition, AudioVisualGroupAttention
from avslib.methods.pcmanet.guided_fusion import GuidedFusion
from avslib.methods.pcmanet.query_selected_attention import QuerySelectedCrossAttention
from avslib.methods.segmenter import Segmenter
from avslib.types import Prediction


class PCMANet(Segmenter):
    """The whole network.

    visual:    gives maps at strides 4, 8, 16, 32; `visual.channels` lists their channels
    audio:     (N, A, F, M) -> tokens (N, L, D); VGGish in the paper, frozen there
    classes:   K; 1 for S4 and MS3, 71 for AVSS
    width:     C throughout; 256 in the paper.  audio_dim: D
    groups:    g of AVGA.  heads: of QSCA.  threshold: c of CIM
    stages:    which of the four maps are used, finest first

    One switch for each row of the paper's Table IV:

    group_attention: AVGA; False adds the sound to every pixel instead
    cross_attention: QSCA; False leaves the decoder without a guide
    masking:         False is QSCA "w/o M": all queries are kept
    continuity:      False is QSCA "w/o C": every stage hears the first sound, not the one before's answer
    progression:     False is CIM "w/o P": masks of different stages are independent

    auxiliary: put `agreement<i>` (B, T, h, w) into the extras, AVGA's cosines averaged, for `agreement_loss`

    The last three arguments are the authors' code's, see `QuerySelectedCrossAttention`.

    `forward(batch)` returns logits, and as layers, from the coarsest stage on, {"logits": (B, T, K, h, w)} of every
    stage but the finest. Logits of padded frames are 0.
    """

    def __init__(
        self,
        *,
        visual: nn.Module,
        audio: nn.Module,
        classes: int = 1,
        width: int = 256,
        audio_dim: int = 128,
        groups: int = 8,
        heads: int = 8,
        threshold: float = 0.99,
        stages: Sequence[int] = (1, 2, 3, 4),
        group_attention: bool = True,
        cross_attention: bool = True,
        masking: bool = True,
        continuity: bool = True,
        progression: bool = True,
        auxiliary: bool = False,
        scrambled_layout: bool = False,
        selection_without_gradient: bool = False,
        bias_on_unselected: bool = False,
    ) -> None:
        super().__init__()
        self.visual, self.audio = visual, audio
        self.stages, self.masking, self.continuity = tuple(stages), masking, continuity
        self.auxiliary = auxiliary
        channels: Sequence[int] = visual.channels  # type: ignore[assignment]
        levels = range(len(self.stages))
        self.reduce = nn.ModuleList(conv_norm_relu(channels[stage - 1], width) for stage in stages)
        self.hear = nn.Linear(audio_dim, width)
        self.align = nn.ModuleList(
            AudioVisualGroupAttention(width=width, groups=groups) if group_attention else Addition()
            for _ in levels
        )
        self.attend = nn.ModuleList(
            QuerySelectedCrossAttention(
                width=width, heads=heads, passes_sound=continuity and level > 0,
                scrambled_layout=scrambled_layout, bias_on_unselected=bias_on_unselected,
                selection_without_gradient=selection_without_gradient,
            ) for level in levels if cross_attention
        )  # fmt: skip
        self.fuse = nn.ModuleList(
            GuidedFusion(width=width, takes_coarse=level < levels[-1], takes_guide=cross_attention)
            for level in levels
        )
        self.score = nn.ModuleList(
            conv_norm_relu(width, width // 2).append(nn.Conv2d(width // 2, classes, 1)) for _ in levels
        )
        self.mask = ConfidenceInducedMask(threshold=threshold, progression=progression)

    def segment(self, frames: Tensor, tokens: Tensor, valid: Tensor) -> Prediction:
        """See `Segmenter`. Stills pass the encoder once."""
        maps = self.visual(frames.flatten(0, 1))
        heard = self.hear(tokens.mean(dim=2))  # B T C
        coarser = Coarser(sound=heard)
        scored: list[Tensor] = []
        extras: dict[str, Tensor] = {}
        for level in reversed(range(len(self.stages))):
            stage = self.stages[level]
            x = self.reduce[level](maps[stage - 1]).unflatten(0, frames.shape[:2])  # B T|1 C h w
            aligned, cosines = self.align[level](x, heard)  # B T C h w, B T G h w
            guide, sound = self._guide(level, aligned, coarser, valid)
            result = self.fuse[level](aligned.flatten(0, 1), coarser.result, guide)  # N C h w
            logits = self.score[level](result)  # N K h w
            unsure = self.mask(logits, coarser.unsure)  # N h w
            coarser = Coarser(sound, result, unsure)
            record("pcmanet.unsure", by_clip(unsure, valid))
            scored.append(logits)
            if self.auxiliary and cosines is not None:
                extras[f"agreement{stage}"] = cosines.mean(dim=2)
        *coarse, finest = scored
        logits = by_clip(F.interpolate(finest, frames.shape[-2:], mode="bilinear"), valid)
        layers = tuple({"logits": by_clip(x, valid)} for x in coarse)  # B T K h w each
        return Prediction(logits * valid[:, :, None, None, None], extras, layers)

    def _guide(
        self, level: int, aligned: Tensor, coarser: Coarser, valid: Tensor
    ) -> tuple[Tensor | None, Tensor]:
        """QSCA of one stage: the guide (N, C, h', w') and the sound (B, T, C) for the next.

        The places are those that the coarser stage predicted, so that its mask fits: the map is averaged
        down to them. The coarsest stage has no mask, and asks from everywhere.
        """
        if not self.attend:
            return None, coarser.sound
        x, selected = aligned.flatten(0, 1), None
        if coarser.unsure is not None:
            x = F.adaptive_avg_pool2d(x, coarser.unsure.shape[-2:])  # type: ignore[arg-type]
            selected = by_clip(coarser.unsure, valid) if self.masking else None
        guide, sound = self.attend[level](by_clip(x, valid), coarser.sound, valid, selected)
        return guide.flatten(0, 1), coarser.sound if sound is None else sound


def by_clip(frames: Tensor, valid: Tensor) -> Tensor:
    """(N, ...) -> (B, T, ...), as `valid` (B, T) has them."""
    return frames.view(*valid.shape, *frames.shape[1:])


@dataclass(frozen=True)
class Coarser:
    """What a stage hands to the next finer one: sound (B, T, C), result (N, C, h, w), unsure (N, h, w)."""

    sound: Tensor
    result: Tensor | None = None
    unsure: Tensor | None = None
