"""TPAVI, the AVSBench baseline: "Audio-Visual Segmentation", Zhou et al., ECCV 2022.

New in the paper: at each of four stages every pixel of every frame is compared with the sound of every
second (`TemporalPixelwiseInteraction`); a decoder turns the four maps into a mask; a loss pulls the masked
visual features towards the sound (`AudioVisualMapping`, for MS3 and AVSS).

    frames (B, T, 3, H, W), sound (B, T, 1, 96, 64) -> logits (B, T, K, H, W)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.layers.dilated_neck import DilatedNeck
from avslib.layers.fusion_decoder import FusionDecoder
from avslib.layers.recording import is_recording, record
from avslib.losses.short_schedule import overlap_loss, response_loss
from avslib.types import IGNORE, Batch, Prediction


class TemporalPixelwiseInteraction(nn.Module):
    """Every pixel asks every second's sound, and receives visual features in return (paper, eq. 2).

    Query: the pixel. Key: the sound, the same at every place of a frame. Value: the *visual* feature. No
    softmax: responses are divided by the number of keys. Because the key does not change over a frame, the
    sum over places can be taken first, and over seconds too: all that the sound contributes is one
    inner x inner matrix for the seconds that attend together. That is exact, and it replaces a
    (T*h*w) x (T*h*w) matrix. `literal=True` builds the large matrix, for teaching and for the test.

    width:            C of the maps
    inner:            channels of query, key and value
    audio_dim:        D of the sound's embedding
    audio_bias:       the authors' AVSS code has none in the layer that brings the sound to C channels
    seconds_together: how many seconds attend jointly: None all T (paper); n blocks of n (the authors' AVSS
                      code cuts ten seconds into two blocks of 5)
    initial_influence: weight of the last batch norm at the start. With 0 (authors' code) sound changes
                      nothing at first and has to be discovered, which a short schedule does not live to see
    """

    def __init__(
        self,
        *,
        width: int = 256,
        inner: int = 128,
        audio_dim: int = 128,
        audio_bias: bool = True,
        seconds_together: int | None = None,
        initial_influence: float = 0.0,
        literal: bool = False,
    ) -> None:
        super().__init__()
        self.seconds_together, self.literal = seconds_together, literal
        self.align = nn.Linear(audio_dim, width, bias=audio_bias)
        self.query = nn.Conv2d(width, inner, 1)
        self.key = nn.Linear(width, inner)
        self.value = nn.Conv2d(width, inner, 1)
        self.out = nn.Conv2d(inner, width, 1)
        self.out_norm = nn.BatchNorm2d(width)
        self.norm = nn.LayerNorm(width)
        nn.init.constant_(self.out_norm.weight, initial_influence)

    def forward(self, maps: Tensor, audio: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """maps (B, T or 1, C, h, w), audio (B, T, D), valid (B, T) -> maps (B, T, C, h, w), audio (B, T, C).

        A time axis of 1 is a still: its query and value are computed once and meet T sounds. Padded seconds
        take no part. (In training they do enter the batch norm's statistics, as in the reference.)
        """
        clips = maps.shape[0]
        aligned = self.align(audio)  # B T C
        key = self.key(aligned)  # B T I
        query = self.query(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])  # B T|1 I h w
        value = self.value(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])
        if is_recording():
            record("tpavi.response", self.response(maps, aligned))
        together = self._together(valid)  # B T T
        attend = self._literal if self.literal else self._through_one_matrix
        y = attend(query, key, value, together)  # B T I h w
        z = self.out_norm(self.out(y.flatten(0, 1))).unflatten(0, (clips, -1)) + maps  # B T C h w
        z = self.norm(z.movedim(2, -1)).movedim(-1, 2)
        return z, aligned

    def response(self, maps: Tensor, aligned: Tensor) -> Tensor:
        """maps (B, T or 1, C, h, w), aligned sound (B, T, C) -> query . key, (B, T or 1, T, h, w).

        Entry (b, q, s, y, x): how much the pixel (y, x) of frame q answers to the sound of second s.
        """
        query = self.query(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])
        return torch.einsum("bqihw,bsi->bqshw", query, self.key(aligned))

    def _together(self, valid: Tensor) -> Tensor:
        """(B, T, T) weight of second s in the mean that second t receives; rows sum to 1 (0: all padded)."""
        seconds = valid.shape[1]
        block = torch.arange(seconds, device=valid.device) // (self.seconds_together or seconds)
        weight = ((block[:, None] == block[None]) & valid[:, None]).float()
        return weight / weight.sum(dim=2, keepdim=True).clamp(min=1)

    @staticmethod
    def _through_one_matrix(query: Tensor, key: Tensor, value: Tensor, together: Tensor) -> Tensor:
        mean_value = value.mean(dim=(3, 4)).expand(-1, key.shape[1], -1)  # B T J
        each = key.unsqueeze(3) * mean_value.unsqueeze(2)  # B T I J
        matrix = torch.einsum("bts,bsij->btij", together.to(each.dtype), each)
        return torch.einsum("btihw,btij->btjhw", query.expand(-1, key.shape[1], -1, -1, -1), matrix)

    @staticmethod
    def _literal(query: Tensor, key: Tensor, value: Tensor, together: Tensor) -> Tensor:
        seconds, (height, breadth) = key.shape[1], query.shape[-2:]
        places = height * breadth
        query = query.expand(-1, seconds, -1, -1, -1).movedim(2, -1).flatten(1, 3)  # B THW I
        value = value.expand(-1, seconds, -1, -1, -1).movedim(2, -1).flatten(1, 3)  # B THW J
        keys = key.repeat_interleave(places, dim=1)  # B THW I: the same key at every place
        weight = together.repeat_interleave(places, dim=1).repeat_interleave(places, dim=2) / places
        y = (query @ keys.transpose(1, 2) * weight) @ value  # B THW J
        return y.view(len(y), seconds, height, breadth, -1).movedim(-1, 2)


class TPAVI(nn.Module):
    """The whole baseline: encoder, neck, interaction at four stages, decoder.

    visual:  gives maps at strides 4, 8, 16, 32; `visual.channels` lists their channels
    audio:   (N, A, F, M) -> (N, D); VGGish in the paper, frozen there
    classes: K; 1 for S4 and MS3, 71 for AVSS
    width:   C throughout neck and decoder
    stages:  which of the four maps are used; most of the decoder's work goes into the first

    guided:  put `response1`..`response4` (B, T, h, w) into the extras, for `response_loss`

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
        guided: bool = False,
        audio_bias: bool = True,
        skip_after_relu: bool = False,
    ) -> None:
        super().__init__()
        self.visual, self.audio = visual, audio
        self.skip_after_relu, self.guided = skip_after_relu, guided
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

    def forward(self, batch: Batch) -> Prediction:
        """See the class. Stills (time axis 1) pass encoder and neck once."""
        embedding = self.audio(batch.sound.flatten(0, 1)).unflatten(0, batch.sound.shape[:2])  # B T D
        return self.segment(batch.frames, embedding, batch.valid)

    def segment(self, frames: Tensor, embedding: Tensor, valid: Tensor) -> Prediction:
        """frames (B, T or 1, 3, H, W), embedding (B, T, D), valid (B, T): from the sound's embedding on."""
        embedding = embedding * valid.unsqueeze(-1)  # padded sound is exactly 0
        extras: dict[str, Tensor] = {}
        fused: list[Tensor] = []
        maps = self.visual(frames.flatten(0, 1))
        for stage, neck, interact in zip(self.stages, self.necks, self.interactions):
            x = neck(maps[stage - 1]).unflatten(0, frames.shape[:2])  # B T|1 C h w
            seen = x
            x, aligned = interact(x, embedding, valid)
            if self.guided:
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


class TPAVICriterion(nn.Module):
    """Terms of the paper's loss: {"mask"} and, with `mapping=True`, {"mapping"}, which the recipe weighs 0.5.

    mask:    cross-entropy per pixel over annotated frames (binary for K = 1): S4 sees its first frame only
    mapping: `audio_visual_mapping`, used for MS3 and AVSS; the authors' S4 schedule leaves it out
    short:   {"overlap"} and {"response"}: `overlap_loss` and `response_loss`, which are not the paper's and
             let a schedule of minutes arrive; the model must be `guided`

    Pixels labelled 255 count nowhere; without any annotated pixel the term is 0.
    """

    def __init__(self, *, mapping: bool = True, short: bool = False) -> None:
        super().__init__()
        self.mapping, self.short = mapping, short

    def forward(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """Prediction and batch -> {term: scalar}, unweighted."""
        terms = {"mask": mask_loss(prediction.logits, batch.labels, batch.annotated)}
        if self.mapping:
            terms["mapping"] = audio_visual_mapping(prediction, batch)
        if self.short:
            terms["overlap"] = overlap_loss(prediction.logits, batch.labels, batch.annotated)
            terms["response"] = response_loss(prediction, batch)
        return terms


def mask_loss(logits: Tensor, labels: Tensor, annotated: Tensor) -> Tensor:
    """(B, T, K, H, W), (B, T, H, W), (B, T) -> mean cross-entropy over the pixels that are annotated."""
    counts = annotated[:, :, None, None] & (labels != IGNORE)
    if logits.shape[2] == 1:
        target = (labels > 0).to(logits.dtype)
        each = F.binary_cross_entropy_with_logits(logits[:, :, 0], target, reduction="none")
    else:
        each = F.cross_entropy(
            logits.flatten(0, 1), labels.flatten(0, 1), ignore_index=IGNORE, reduction="none"
        )
        each = each.view(labels.shape)
    return (each * counts).sum() / counts.sum().clamp(min=1)


def audio_visual_mapping(prediction: Prediction, batch: Batch) -> Tensor:
    """KL(sound || masked visual feature), softmax over channels, mean over stages (paper, eq. 3).

    As the authors' code has it, and as the two tasks differ there. Binary: the mask is the sigmoid of the
    pooled logits, with gradient; the divergence is *summed* over frames. Semantic: the mask is "not
    background", without gradient; the mean over annotated frames. The masked feature is divided by the
    whole area, not by the mask's.
    """
    logits, extras = prediction.logits, prediction.extras
    binary = logits.shape[2] == 1
    stages = sorted(int(name[3:]) for name in extras if name.startswith("map"))
    frames = torch.zeros_like(batch.annotated, dtype=logits.dtype)
    for stage in stages:
        maps = extras[f"map{stage}"]  # B T C h w
        area = (logits if binary else (logits.argmax(2, keepdim=True) != 0).to(logits.dtype)).flatten(0, 1)
        size = (maps.shape[-2], maps.shape[-1])
        mask = F.adaptive_avg_pool2d(area, size).view(*maps.shape[:2], 1, *size)  # B T 1 h w
        feature = (maps * (mask.sigmoid() if binary else mask)).mean(dim=(3, 4))  # B T C
        sound = extras[f"audio{stage}"].softmax(-1)
        frames = frames + F.kl_div(feature.log_softmax(-1), sound, reduction="none").sum(-1) / len(stages)
    if binary:
        return (frames * batch.valid).sum()
    return (frames * batch.annotated).sum() / batch.annotated.sum().clamp(min=1)
