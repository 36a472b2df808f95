"""What VCT and CPM have of Mask2Former: queries become classes and masks, and these the logits of pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from avslib.layers.masked_attention import Memory, memory_of, semantic_scores
from avslib.methods.segmenter import Segmenter
from avslib.types import Prediction


class MaskSegmenter(Segmenter):
    """A `Segmenter` whose decoder is a `MaskedAttentionDecoder` of K' = max(2, K) classes: background is one, too.

    A subclass also sets

    classes:    K
    sound_grid: (rows, columns) of a map that the sound's tokens are; None where they have no order

    Forward gives, besides logits, the last prediction as extras "class_logits" (B, T, Q, K' + 1), the last class being
    "no object", and "mask_logits" (B, T, Q, h, w), h at stride 4; the earlier ones as `layers`. Of two classes the one
    logit is the difference of their scores. Logits of padded frames are 0.
    """

    classes: int
    sound_grid: tuple[int, int] | None

    def heard(self, sound: Tensor) -> Memory:
        """sound (N, L, D) as a memory of which every query sees all."""
        if self.sound_grid is None:
            return Memory(sound)
        return memory_of(torch.unflatten(sound.mT, 2, self.sound_grid), masked=False)

    def scores(self, prediction: Mapping[str, Tensor], size: Sequence[int]) -> Tensor:
        """A prediction of the decoder -> (N, K', *size)."""
        return semantic_scores(prediction, size)

    def answer(
        self, predictions: Sequence[Mapping[str, Tensor]], valid: Tensor, size: Sequence[int]
    ) -> Prediction:
        """What the decoder gave for N = B T frames, and valid (B, T) -> logits (B, T, K, *size), and all of it."""
        scores = self.scores(predictions[-1], size)
        logits = scores if self.classes > 1 else scores[:, 1:] - scores[:, :1]
        logits = torch.unflatten(logits, 0, valid.shape) * valid[:, :, None, None, None]
        *layers, last = (
            {name: torch.unflatten(x, 0, valid.shape) for name, x in p.items()} for p in predictions
        )
        return Prediction(logits, last, tuple(layers))
