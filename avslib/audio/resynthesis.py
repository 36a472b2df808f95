"""From a log-mel picture back to sound: what can still be heard in it is what the picture has kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor

from avslib.audio.frontends import MEL_BINS, RATE, audioset_filters
from avslib.errors import UserError

FLOOR = 0.01
"""Added to every strength before the logarithm, as in VGGish's front end."""


@dataclass(frozen=True)
class LogMelSettings:
    """How a log-mel picture is taken; the defaults are VGGish's.

    window: seconds that one column looks at, under a Hann window
    hop:    seconds from one column to the next
    bins:   M, pitches on the mel scale from 125 Hz up to `high` hertz

    The FFT is as long as the window, rounded up to a power of two. Raises UserError for values that leave
    nothing to see.
    """

    window: float = 0.025
    hop: float = 0.010
    bins: int = MEL_BINS
    high: float = 7500.0

    def __post_init__(self) -> None:
        if not (0.002 <= self.window <= 1 and 0.001 <= self.hop <= 1):
            raise UserError(f"window={self.window}, hop={self.hop}: seconds, from 0.002 and 0.001 up to 1")
        if self.bins < 1 or not 125 < self.high <= RATE / 2:
            raise UserError(f"bins={self.bins}, high={self.high}: at least 1, and 125 to {RATE // 2} hertz")

    @property
    def samples(self) -> tuple[int, int]:
        """Window and hop in samples at 16 kHz."""
        return round(self.window * RATE), round(self.hop * RATE)

    @property
    def fft(self) -> int:
        """Length of the FFT: 512 for 25 ms."""
        return 1 << (self.samples[0] - 1).bit_length()

    @property
    def filters(self) -> Tensor:
        """(fft / 2 + 1, M): which steps of the FFT go into which bin."""
        return audioset_filters(bins=self.bins, high=self.high, fft=self.fft)

    @property
    def empty_bins(self) -> int:
        """Bins that fall between two steps of the FFT and hear nothing."""
        return int((self.filters.sum(dim=0) == 0).sum())

    def log_mel(self, mono: Tensor) -> Tensor:
        """(S,) at 16 kHz -> (F, M). With the defaults, what `VGGishLogMel` cuts into examples."""
        if mono.ndim != 1 or not torch.isfinite(mono).all():
            raise UserError(f"waveform of shape {tuple(mono.shape)}: give finite mono sound of shape (S,)")
        window, hop = self.samples
        frames = F.pad(mono, (0, max(0, window - len(mono)))).unfold(0, window, hop)  # F window
        strength = torch.fft.rfft(frames * torch.hann_window(window), n=self.fft).abs()  # F fft/2+1
        picture: Tensor = (strength @ self.filters + FLOOR).log()  # F M
        return picture


def resynthesise(
    log_mel: Tensor, settings: LogMelSettings, *, samples: int, iterations: int = 32, seed: int = 0
) -> Tensor:
    """(F, M) -> (S,) at 16 kHz with S = `samples`: a sound whose log-mel picture is close to the given one.

    The strengths are spread back over the steps of the FFT (least squares, none negative), columns that lie
    too far apart are interpolated, and the lost phases are guessed by the method of Griffin and Lim (1984).
    The picture decides what is heard; `seed` only where the guess starts.
    """
    window, hop = settings.samples
    step = max(1, min(hop, window // 4))
    columns = _at(log_mel, (torch.arange(samples // step + 1) * step - window / 2) / hop)  # F' M
    mel = (columns.exp() - FLOOR).clamp(min=0)
    strength = (mel @ torch.linalg.pinv(settings.filters)).clamp(min=0)  # F' fft/2+1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sound: Tensor = torchaudio.functional.griffinlim(
            strength.T, torch.hann_window(window), n_fft=settings.fft, hop_length=step, win_length=window,
            power=1.0, n_iter=iterations, momentum=0.9, length=samples, rand_init=True,
        )  # fmt: skip
    return sound


def _at(log_mel: Tensor, positions: Tensor) -> Tensor:
    """(F, M) -> (F', M): the columns at fractional `positions` (F',), straight between neighbours."""
    positions = positions.clamp(0, len(log_mel) - 1)
    before = positions.floor().long()
    after = (before + 1).clamp(max=len(log_mel) - 1)
    share = (positions - before)[:, None]
    return log_mel[before] * (1 - share) + log_mel[after] * share
