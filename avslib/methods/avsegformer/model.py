"""AVSegFormer: "Audio-Visual Segmentation with Transformer", Gao et al., 2023 (AAAI 2024).

New in the paper: the sound becomes queries of a transformer decoder (`QueryGenerator`), and it weighs the
channels of the map from which masks are read (`AudioVisualMixer`); every decoder layer has to give a mask of
its own while training (`MaskReformer`). Each second is looked at and listened to alone.

    frames (B, T, 3, H, W), sound (B, T, 1, 96, 64) -> logits (B, T, K, H, W)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.layers.deformable_encoder import DeformableEncoder
from avslib.layers.pixel_decoder import normed
from avslib.layers.query_layer import QueryLayer
from avslib.layers.recording import is_recording, record
from avslib.methods.avsegformer.mask_head import MaskHead
from avslib.methods.avsegformer.mask_reformer import MaskReformer
from avslib.methods.avsegformer.query_generator import QueryGenerator
from avslib.methods.segmenter import Segmenter, hearings
from avslib.types import Prediction

GUIDE = 4.0
"""So that the responses of a model without training are not all next to nought."""


class AVSegFormer(Segmenter):
    """The whole model: encoders, deformable encoder, mixer, queries and their decoder, head.

    visual:   gives maps at strides 4, 8, 16, 32; `visual.channels` lists their channels
    audio:    (N, A, F, M) -> tokens (N, L, D_audio); VGGish in the paper, frozen there
    queries:  a `QueryGenerator`
    head:     a `MaskHead`, for as many queries
    mixer:    an `AudioVisualMixer`, a `CrossAttentionMixer`, or None
    reformer: a `MaskReformer`, or None: no intermediate masks. The mask does not need it; set it to None
              on a trained model that only has to answer
    layers:   of the encoder, and of the decoder
    auxiliary:   put `response1`... (B, T, h, w) into the extras, for `response_loss`: for every decoder layer the
              mean over queries of their scores at stride 8, and last their products with the mixed map, all
              `GUIDE` times
    standardised: bring the sound's numbers to mean 0 and spread 1 over the batch. What all sounds have in common
              fills much of an embedding; a short schedule has no time to learn to overlook it

    `forward(batch)` returns logits; as extras `mask_feature` (B, T, D, h, w), mixed, at stride 4; with a reformer,
    as layers {"mask": (B, T, h, w)} of each decoder layer, logits at stride 4. Logits of padded frames are 0.
    """

    def __init__(
        self,
        *,
        visual: nn.Module,
        audio: nn.Module,
        queries: QueryGenerator,
        head: MaskHead,
        mixer: nn.Module | None,
        reformer: MaskReformer | None,
        dim: int = 256,
        audio_dim: int = 128,
        heads: int = 8,
        layers: int = 6,
        hidden: int = 2048,
        points: int = 4,
        dropout: float = 0.1,
        auxiliary: bool = False,
        standardised: bool = False,
    ) -> None:
        super().__init__()
        self.visual, self.audio, self.auxiliary = visual, audio, auxiliary
        channels = cast(Sequence[int], visual.channels)
        self.project = nn.ModuleList(normed(nn.Conv2d(c, dim, 1)) for c in channels)
        self.encoder = DeformableEncoder(
            dim=dim, heads=heads, layers=layers, hidden=hidden, points=points, dropout=dropout
        )
        self.lateral = normed(nn.Conv2d(dim, dim, 1))
        self.smooth = normed(nn.Conv2d(dim, dim, 3, padding=1))
        self.queries, self.head, self.mixer, self.reformer = queries, head, mixer, reformer
        self.decoder = nn.ModuleList(
            QueryLayer(dim=dim, heads=heads, hidden=hidden, dropout=dropout) for _ in range(layers)
        )
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1 and not name.startswith(("visual.", "audio.")):
                nn.init.xavier_uniform_(parameter)
        self.encoder.reset()
        self.standard = nn.BatchNorm1d(audio_dim, affine=False) if standardised else nn.Identity()
        self.align = nn.Linear(audio_dim, dim)

    def segment(self, frames: Tensor, tokens: Tensor, valid: Tensor) -> Prediction:
        """See `Segmenter`. Stills pass both encoders of pictures once."""
        clips, seconds = valid.shape
        pixels, memory, sizes = self.see(frames.flatten(0, 1))
        times = hearings(seconds, frames.shape[1])
        pixels, memory = (x.repeat_interleave(times, dim=0) for x in (pixels, memory))  # N ...
        sound = self.align(self.standard(tokens.mean(dim=2).flatten(0, 1))).unsqueeze(1)  # N 1 D
        record("avsegformer.unmixed", pixels)
        if self.mixer is not None:
            pixels = self.mixer(pixels, sound)
        size = (pixels.shape[-2], pixels.shape[-1])
        queries, steps, masks = self.decode(self.queries(sound), memory, sizes, size)
        logits = self.head(pixels, queries, (frames.shape[-2], frames.shape[-1]))  # N K H W
        if self.auxiliary:
            products = torch.einsum("nd,ndhw->nhw", queries.mean(dim=1), pixels)
            steps[f"response{len(self.decoder) + 1}"] = GUIDE * products
        extras = {name: torch.unflatten(x, 0, (clips, seconds)) for name, x in steps.items()}
        extras["mask_feature"] = torch.unflatten(pixels, 0, (clips, seconds))
        logits = logits.unflatten(0, (clips, seconds)) * valid[:, :, None, None, None]
        layers = tuple({"mask": torch.unflatten(mask, 0, (clips, seconds))} for mask in masks)  # B T h w each
        return Prediction(logits, extras, layers)

    def see(self, frames: Tensor) -> tuple[Tensor, Tensor, list[tuple[int, int]]]:
        """frames (N, 3, H, W) -> the map of pixels (N, D, h, w) at stride 4; what the queries will attend to,
        (N, L, D), all pixels of strides 8, 16, 32; their sizes."""
        finest, *maps = (project(x) for project, x in zip(self.project, self.visual(frames)))
        memory, sizes = self.encoder(maps)  # N L D
        height, width = sizes[0]
        refined = memory[:, : height * width].transpose(1, 2).unflatten(2, sizes[0])  # N D h8 w8
        enlarged = F.interpolate(refined, finest.shape[-2:], mode="bilinear", align_corners=False)
        return F.relu(self.smooth(self.lateral(finest) + enlarged)), memory, sizes

    def decode(
        self, queries: Tensor, memory: Tensor, sizes: list[tuple[int, int]], size: tuple[int, int]
    ) -> tuple[Tensor, dict[str, Tensor], list[Tensor]]:
        """queries (N, Q, D) through all layers; what each looked at, where somebody wants to know; its mask."""
        intermediate: list[Tensor] = []
        extras: dict[str, Tensor] = {}
        height, width = sizes[0]
        for number, module in enumerate(self.decoder, start=1):
            layer = cast(QueryLayer, module)
            queries, asking = layer(queries, memory)
            if self.reformer is None and not self.auxiliary and not is_recording():
                continue
            scores = layer.scores(asking, memory)  # N M Q L
            if is_recording():
                record("avsegformer.attention", scores.softmax(-1).mean(dim=1))
            scores = scores.sum(dim=1)  # N Q L: eq. of 3.6, the product over all of D
            if self.auxiliary:
                finest = GUIDE * scores[:, :, : height * width].mean(dim=1)  # N h8 w8
                extras[f"response{number}"] = finest.view(-1, height, width)
            if self.reformer is not None:
                intermediate.append(self.reformer(scores, queries, sizes, size))
        return queries, extras, intermediate
