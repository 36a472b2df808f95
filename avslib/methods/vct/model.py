"""VCT: "Revisiting Audio-Visual Segmentation with Vision-Centric Transformer", Huang et al., CVPR 2025.

New in the paper: queries come from the picture (`PPQG`), and a masked-attention decoder lets them fetch, in turn, what
is heard and what is seen more finely. Queries that come from the sound, which is a mixture, would each have to find out
which part of it they are. Each second is looked at and listened to alone.

    frames (B, T, 3, H, W), sound (B, T, 1, 96, 64) -> logits (B, T, K, H, W)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from avslib.errors import UserError
from avslib.layers.masked_attention import MaskedAttentionDecoder, memory_of
from avslib.layers.pixel_decoder import DeformablePixelDecoder
from avslib.methods.mask_segmenter import MaskSegmenter
from avslib.methods.segmenter import hearings
from avslib.methods.vct.prompting import PrototypeSpace
from avslib.methods.vct.query_generator import PPQG
from avslib.methods.vct.siam_encoder import SiamEncoder
from avslib.types import Batch, Prediction

REGIONS = "regions"
"""Name in `Batch.extras` of what the Siam-Encoder sees."""


class VCT(MaskSegmenter):
    """The whole network.

    visual:    maps at four strides, `visual.channels`
    audio:     (N, A, F, M) -> tokens (N, L, audio_dim)
    sound_grid: (rows, columns) of a map that the tokens are; None where they have no order
    generator: a `PPQG`; None is the slides' Table 2, "ACT": all queries are the mean of the sound, as in
               audio-centric transformers, told apart by what is learned of each
    space:     a `PrototypeSpace` where prototypes are bound to sounds, else None
    siam:      a `SiamEncoder`; its regions (B, T, 3, H, W) are the batch's extra "regions"
    classes:   K
    queries:   Q; dim: D
    order:     of the decoder's layers, over and over: 0 sound, 1, 2, 3 maps at strides 32, 16, 8
    learned:   the authors' code adds a learned vector to each query
    audio_hidden: width of the sound's MLP
    layers, heads, hidden: of the decoder.  pixel_layers, pixel_hidden: of the pixel decoder

    Extras and layers are those of `MaskSegmenter`. With a `space`, "audio_embedding" (B, T, D) and "prototype_embedding"
    (prototypes, D) are extras, too. The sigmoid of a single logit is the softmax of two classes.
    """

    def __init__(
        self,
        *,
        visual: nn.Module,
        audio: nn.Module,
        generator: PPQG | None,
        space: PrototypeSpace | None = None,
        siam: SiamEncoder | None = None,
        classes: int = 1,
        queries: int = 100,
        dim: int = 256,
        order: Sequence[int] = (0, 1, 2, 3),
        learned: bool = False,
        audio_dim: int = 512,
        audio_hidden: int = 4096,
        sound_grid: tuple[int, int] | None = (6, 4),
        layers: int = 9,
        heads: int = 8,
        hidden: int = 2048,
        pixel_layers: int = 6,
        pixel_hidden: int = 1024,
    ) -> None:
        super().__init__()
        self.visual, self.audio, self.siam = visual, audio, siam
        self.generator, self.space = generator, space
        self.classes, self.order, self.sound_grid = classes, tuple(order), sound_grid
        self.pixel_decoder = DeformablePixelDecoder(
            cast(Sequence[int], visual.channels),
            dim=dim,
            layers=pixel_layers,
            heads=heads,
            hidden=pixel_hidden,
        )
        self.hear = nn.Sequential(
            nn.Linear(audio_dim, audio_hidden), nn.ReLU(), nn.Linear(audio_hidden, audio_hidden), nn.ReLU(),
            nn.Linear(audio_hidden, dim),
        )  # fmt: skip
        self.learned = nn.Parameter(torch.randn(queries, dim)) if learned else None
        self.places = nn.Parameter(torch.randn(queries, dim))
        self.decoder = MaskedAttentionDecoder(
            classes=max(2, classes),
            memories=len(self.order),
            dim=dim,
            layers=layers,
            heads=heads,
            hidden=hidden,
        )

    def forward(self, batch: Batch) -> Prediction:
        """See `Segmenter`. Raises UserError when a Siam-Encoder gets no regions."""
        tokens = self.audio(batch.sound.flatten(0, 1)).unflatten(0, batch.sound.shape[:2])  # B T L D
        return self.segment(batch.frames, tokens, batch.valid, batch.extras.get(REGIONS))

    def segment(
        self, frames: Tensor, tokens: Tensor, valid: Tensor, regions: Tensor | None = None
    ) -> Prediction:
        """See `Segmenter`. Stills are seen once; regions are as many as frames."""
        pixels, levels = self.see(frames.flatten(0, 1), None if regions is None else regions.flatten(0, 1))
        sound = self.hear(tokens.flatten(0, 1))  # N L D
        queries = self.ask(pixels, sound)
        times = hearings(valid.shape[1], frames.shape[1])
        pixels, *levels = (x.repeat_interleave(times, dim=0) for x in (pixels, *levels))  # N ...
        memories = [self.heard(sound), *map(memory_of, levels)]
        predictions = self.decoder(queries, self.places, [memories[i] for i in self.order], pixels)
        found = self.answer(predictions, valid, frames.shape[-2:])
        return replace(found, extras=found.extras | self.compared(sound, valid))

    def see(self, frames: Tensor, regions: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """frames (N, 3, H, W) -> pixels (N, D, h, w) at stride 4, and the maps at strides 32, 16, 8."""
        maps = self.visual(frames)
        if self.siam is not None:
            if regions is None:
                raise UserError(
                    f"this model also sees regions of Semantic-SAM: give them as the batch's extra {REGIONS!r}"
                )
            maps = self.siam(maps, regions)
        pixels, levels = self.pixel_decoder(maps)
        return pixels, levels

    def ask(self, pixels: Tensor, sound: Tensor) -> Tensor:
        """pixels (M, D, h, w), each heard N / M times, sound (N, L, D) -> the decoder's first queries (N, Q, D)."""
        if self.generator is None:
            queries = sound.mean(dim=1, keepdim=True).expand(-1, len(self.places), -1)
        else:
            queries = self.generator(pixels, sound)
        return queries if self.learned is None else queries + self.learned

    def compared(self, sound: Tensor, valid: Tensor) -> dict[str, Tensor]:
        """What the prototype-audio contrastive loss compares, by name; nothing without a space."""
        if self.space is None or self.generator is None or self.generator.prompt is None:
            return {}
        heard, prototypes = self.space(sound, self.generator.prompt.prototypes)
        return {"audio_embedding": heard.unflatten(0, valid.shape), "prototype_embedding": prototypes}
