"""Contrastive audio-visual pairing: which pixels under which sounds are compared (CAVP, section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from avslib.losses.drawn_pixels import at_size, drawn, embeddings_at
from avslib.losses.info_nce import info_nce
from avslib.types import IGNORE


@dataclass(frozen=True)
class Pairing:
    """Maps under one sound each. embedding: (N, C, h, w); labels: (N, h, w), what is to be seen under that sound."""

    embedding: Tensor
    labels: Tensor


class AudioVisualContrast:
    """-> a scalar. Anchors are pixels of three kinds, each also a positive or negative of all others.

    foreground: of each class that is heard and seen, up to `views` pixels
    background: pixels of nothing that sounds, no more than there are of the foreground
    mismatched: pixels of foreground objects under another clip's sound. Where the classes agree they are what they were;
                where not, they are background now: the picture is the same, the sound is not. These are the hard negatives

    Pixels of the background under another sound are unknown (E^unknown of eq. 2: something there may sound) and stay out.
    Positives are of the same label, negatives of another (eqs. 3, 4).

    views:      up to how many pixels of a class are drawn; 512 in the authors' code
    mismatched: False leaves out the pixels under other sounds (SupCon in Table 5)
    skips_rare: classes with fewer than `views` pixels in the batch give none (the authors' code)
    """

    def __init__(
        self,
        *,
        views: int = 512,
        temperature: float = 0.1,
        mismatched: bool = True,
        skips_rare: bool = False,
    ) -> None:
        self.views, self.temperature = views, temperature
        self.mismatched, self.skips_rare = mismatched, skips_rare

    def __call__(self, paired: Pairing, shuffled: Pairing) -> Tensor:
        embeddings, labels = self.anchors(paired, shuffled)
        return info_nce(embeddings, labels, temperature=self.temperature)

    def anchors(self, paired: Pairing, shuffled: Pairing) -> tuple[Tensor, Tensor]:
        """(M, C) of length 1 and (M,) labels; foreground, background, mismatched in turn."""
        size = paired.embedding.shape[-2:]
        truth, other = (at_size(each.labels, size).flatten() for each in (paired, shuffled))  # type: ignore[arg-type]
        truth = truth.where(truth != IGNORE, -1)
        sounding = truth > 0
        chosen = drawn(truth.where(sounding, -1), self.views, least=self.views if self.skips_rare else 1)
        count = min(self.views, len(chosen))
        behind = drawn(torch.where(truth == 0, 0, -1), count)
        under = drawn(torch.where(sounding & (other != IGNORE), 0, -1), count)
        under = under[: len(under) * self.mismatched]
        rows = [
            embeddings_at(paired.embedding, torch.cat([chosen, behind])),
            embeddings_at(shuffled.embedding, under),
        ]
        return F.normalize(torch.cat(rows), dim=1), torch.cat([truth[chosen], truth[behind], other[under]])
