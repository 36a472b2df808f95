"""A mask over a log-mel picture, put on the sound itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from avslib.audio.resynthesis import LogMelSettings


def masked(sound: Tensor, mask: Tensor, settings: LogMelSettings) -> Tensor:
    """(S,) at 16 kHz -> (S,): what a mask (F, M), 0 to 1, over the sound's log-mel picture lets through.

    Steps of the FFT get the mean of the bins that they go into, weighed as the filters weigh them; between columns of the
    picture the mask is interpolated, and behind them it stays. The sound keeps its phases. What goes into no bin, below 125
    Hz and above `settings.high`, is silenced.
    """
    window, hop = settings.samples
    step = max(1, min(hop, window // 4))
    parts = settings.filters / settings.filters.sum(dim=1, keepdim=True).clamp(min=1e-9)  # K M
    # The STFT's windows lie around multiples of the step, those of the picture begin at multiples of the hop.
    places = ((torch.arange(len(sound) // step + 1) * step - window / 2) / hop).clamp(0, len(mask) - 1)  # F'
    before, after = mask[places.floor().long()], mask[places.ceil().long()]
    columns = torch.lerp(before, after, places.frac()[:, None])  # F' M
    how: dict[str, Any] = {
        "n_fft": settings.fft, "hop_length": step, "win_length": window, "window": torch.hann_window(window)
    }  # fmt: skip
    spectrum = torch.stft(sound, **how, return_complex=True)  # K F'
    heard: Tensor = torch.istft(spectrum * (parts @ columns.T), **how, length=len(sound))
    return heard
