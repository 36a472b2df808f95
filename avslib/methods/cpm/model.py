"""CPM: "Class-conditional Prompting Machine for Audio-visual Segmentation", Chen et al., ECCV 2024.

New in the paper: what a query becomes is described, class by class, by a mixture of Gaussians (`ClassMixtures`), which is
the classifier, and from which prompts are drawn in training (`learner.PromptingLearner`). The network is Mask2Former with
a decoder that hears before it looks. At test time there are no prompts: the learned queries answer alone.

    frames (B, T, 3, H, W), sound (B, T, A, F, M) -> logits (B, T, K, H, W)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.layers.masked_attention import memory_of, semantic_scores
from avslib.layers.pixel_decoder import DeformablePixelDecoder
from avslib.methods.cpm.decoder import AudioDecoder, MixtureClassifier, SoundMasks, VisualDecoder
from avslib.methods.mask_segmenter import MaskSegmenter
from avslib.methods.segmenter import hearings
from avslib.types import Prediction

Seen = tuple[Tensor, list[Tensor]]
"""pixels (N, D, h, w) at stride 4, and maps (N, D, h, w) at strides 32, 16, 8."""


class CPM(MaskSegmenter):
    """The whole network.

    visual:    maps at four strides, `visual.channels`
    audio:     a `SoundMap`, whose tokens (N, L, audio_dim) are a map of `sound_grid`
    classify:  by mixtures of K' + 1 classes; None: a linear classifier (Table 4, "baseline", and Table 5, "point representation")
    sound_masks: can be asked for masks of the spectrogram, as ACP and PCL do
    classes:   K
    queries:   Q; dim: D
    inference: "best": of each query its most probable class alone, of each pixel and class the query that claims it most
               (section 3.1); "sum": all queries and classes together, as in Mask2Former
    audio_layers: of the decoder that hears.  layers, heads, hidden: of the one that looks.
    pixel_layers, pixel_hidden: of the pixel decoder

    Extras and layers are those of `MaskSegmenter`, and "embedding" (B, T, Q, D) among them; the first of the layers is of
    what has been heard alone.
    """

    def __init__(
        self,
        *,
        visual: nn.Module,
        audio: nn.Module,
        classify: MixtureClassifier | None,
        sound_masks: bool = True,
        classes: int = 1,
        queries: int = 100,
        dim: int = 256,
        audio_dim: int = 256,
        sound_grid: tuple[int, int] = (24, 16),
        inference: Literal["best", "sum"] = "best",
        audio_layers: int = 3,
        layers: int = 9,
        heads: int = 8,
        hidden: int = 2048,
        pixel_layers: int = 6,
        pixel_hidden: int = 1024,
    ) -> None:
        super().__init__()
        self.visual, self.audio = visual, audio
        self.mixtures = None if classify is None else classify.mixtures
        self.classes, self.inference = classes, inference
        self.pixel_decoder = DeformablePixelDecoder(
            cast(Sequence[int], visual.channels), dim=dim, layers=pixel_layers, heads=heads, hidden=pixel_hidden
        )  # fmt: skip
        self.sound_grid = sound_grid
        self.hear = nn.Linear(audio_dim, dim)
        self.learned, self.places = (nn.Parameter(torch.randn(queries, dim)) for _ in range(2))
        self.listen = AudioDecoder(layers=audio_layers, dim=dim, heads=heads, hidden=hidden)
        self.look = VisualDecoder(
            classes=max(2, classes), dim=dim, layers=layers, heads=heads, hidden=hidden, classify=classify,
        )  # fmt: skip
        self.sound_masks = SoundMasks(dim=dim, grid=sound_grid) if sound_masks else None

    def segment(self, frames: Tensor, tokens: Tensor, valid: Tensor) -> Prediction:
        """See `Segmenter`. Stills are seen once."""
        sound = self.hear(tokens.flatten(0, 1))  # N L D
        seen = self.see(frames.flatten(0, 1), hearings(valid.shape[1], frames.shape[1]))
        heard = self.listen(self.learned.expand(sound.shape[0], -1, -1), self.places, self.heard(sound))
        return self.answer(self.regard(heard, seen, self.places), valid, frames.shape[-2:])

    def see(self, frames: Tensor, times: int = 1) -> Seen:
        """frames (N, 3, H, W) -> their maps, each of them `times` times in a row."""
        pixels, levels = self.pixel_decoder(self.visual(frames))
        pixels, *levels = (x.repeat_interleave(times, dim=0) for x in (pixels, *levels))
        return pixels, levels

    def regard(
        self, queries: Tensor, seen: Seen, places: Tensor, absent: Tensor | None = None
    ) -> list[dict[str, Tensor]]:
        """queries (N, Q, D) that have heard -> the predictions of `VisualDecoder`."""
        pixels, levels = seen
        return cast(
            list[dict[str, Tensor]],
            self.look(queries, places, [memory_of(x) for x in levels], pixels, absent),
        )

    def scores(self, prediction: Mapping[str, Tensor], size: Sequence[int]) -> Tensor:
        """See `MaskSegmenter`."""
        return (best_scores if self.inference == "best" else semantic_scores)(prediction, size)


def best_scores(prediction: Mapping[str, Tensor], size: Sequence[int]) -> Tensor:
    """A prediction of the decoder -> (N, K, *size): per pixel and class the best of p_i(c_i) m_i over the queries i
    whose most probable class c_i it is; 0 where there are none. Queries of "no object" say nothing."""
    masks = F.interpolate(prediction["mask_logits"], tuple(size), mode="bilinear", align_corners=False)
    probable, own = prediction["class_logits"].softmax(dim=-1).max(dim=-1)  # N Q
    claims = masks.sigmoid() * probable[..., None, None]
    scores = claims.new_zeros(claims.shape[0], prediction["class_logits"].shape[-1], *claims.shape[2:])
    places = own[..., None, None].expand_as(claims)
    return scores.scatter_reduce(1, places, claims, "amax")[:, :-1]
