"""A small audio network for the reduced schedule: trained from nothing in half a minute on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchaudio.transforms import FrequencyMasking, TimeMasking

SILENCE = -4.6
"""What `VGGishLogMel` gives where nothing sounds: log(0.01)."""


class SmallAudioEncoder(nn.Module):
    """One log-mel picture -> one token of 128 numbers, none negative, as VGGish. Not from a paper.

    Four convolutions of stride 2 with batch norm; the mean plus the maximum over time and frequency, since a
    short call must not drown in the silence around it; one linear layer. 0.11 M parameters.

    In training it hears with holes (SpecAugment, Park et al. 2019): a band of up to 12 mel bins and a stretch of
    up to 24 windows are silenced, in both ears, and the level moves by about `jitter`. A handful of recordings has to
    stand for a class.

    channels: A of the log-mel, 2 for stereo.  silence: where nothing sounds, by default of `VGGishLogMel`
    """

    dim = 128

    def __init__(self, *, channels: int = 1, silence: float = SILENCE, jitter: float = 0.5) -> None:
        super().__init__()
        self.silence, self.jitter = silence, jitter
        self.hide_time = FrequencyMasking(24, iid_masks=True)  # its axes are (..., bins, frames)
        self.hide_bins = TimeMasking(12, iid_masks=True)
        widths = (channels, 16, 32, 64, 128)
        self.features = nn.Sequential(*map(_halve, widths, widths[1:]))
        self.features.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on a CPU
        self.embedding = nn.Sequential(nn.Linear(widths[-1], self.dim), nn.ReLU())
        self.weights_origin = "random"

    def forward(self, sound: Tensor) -> Tensor:
        """(N, A, F, M) log-mel -> one token each, (N, 1, 128), >= 0."""
        if self.training:
            sound = self.with_holes(sound)
        x = self.features(sound)  # N 128 F/16 M/16
        embedding: Tensor = self.embedding(x.mean(dim=(2, 3)) + x.amax(dim=(2, 3)))
        return embedding.unsqueeze(1)  # N L D, L = 1

    def with_holes(self, sound: Tensor) -> Tensor:
        """As it hears in training."""
        hidden = self.hide_bins(self.hide_time(torch.zeros_like(sound[:, :1]), 1.0), 1.0)  # N 1 F M
        sound = sound.masked_fill(hidden.bool(), self.silence)
        return sound + self.jitter * torch.randn(len(sound), 1, 1, 1, device=sound.device)


def _halve(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )
