"""VCT's prototype-audio contrast (L_pac, Huang et al., 2025): a sound resembles the prototypes of what sounds in it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PrototypeAudioLoss(nn.Module):
    """Binary cross-entropy of exp(scale) x cosine(sound, prototype of class k) with "class k is present".

    The mean over K classes and the frames that count; 0 without any. `logit_scale` is learned from log(1 / 0.07) on,
    without bound, as the authors' code has it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, audio: Tensor, prototypes: Tensor, present: Tensor, counted: Tensor) -> Tensor:
        """-> a scalar.

        audio:      (B, T, D), of any length: only directions are compared
        prototypes: (K, D), or (B, T, K, D) where they differ by frame
        present:    (B, T, K) bool, several classes at a time; see `classes_present`
        counted:    (B, T) bool, the frames of which this is known, such as `Batch.annotated`
        """
        sound, kinds = F.normalize(audio, dim=-1), F.normalize(prototypes, dim=-1)
        alike = (kinds @ sound[..., None])[..., 0] * self.logit_scale.exp()  # B T K
        each = F.binary_cross_entropy_with_logits(alike, present.to(alike.dtype), reduction="none").mean(-1)
        return (each * counted).sum() / counted.sum().clamp(min=1)
