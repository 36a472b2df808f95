"""Waveform -> log-mel: the picture of sound that the audio encoders look at, one for each frame of video.

Two front ends, because the papers use two. Both take any sample rate, mono or stereo, and tell `seconds`, how much
sound a frame gets, and `channels`, A' of the output (None: as many as the waveform has); `batch` does B at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor

from avslib.audio.files import check_waveform, resample
from avslib.errors import UserError

RATE = 16000
"""Hertz; both front ends work at this rate."""

MEL_BINS = 64


class LogMel(ABC):
    """What both front ends do alike; see their own descriptions. Raises UserError for NaN, no samples, other channels."""

    seconds: float
    channels: int | None

    def __call__(self, waveform: Tensor, sample_rate: int, *, frames: int) -> Tensor:
        """(A, S) -> (T, A', F, 64); see `batch`."""
        return self.batch(waveform[None], sample_rate, frames=frames)[0]

    def batch(self, waveforms: Tensor, sample_rate: int, *, frames: int) -> Tensor:
        """(B, A, S) -> (B, T, A', F, 64) with T = `frames`, F = 96 for a second."""
        check_waveform(waveforms, sample_rate)
        if frames < 1:
            raise UserError(f"frames={frames}: a clip has at least one")
        if self.channels == 1:
            sound = waveforms.mean(dim=1, keepdim=True)
        else:
            sound = waveforms.expand(-1, self.channels or -1, -1)  # B A' S
        # On a CPU about ten seconds of sound at a time: larger pieces run at half the speed.
        on_cpu = waveforms.device.type == "cpu"
        size = max(1, 10 * sample_rate // sound.shape[-1]) if on_cpu else len(sound)
        parts = [resample(part, sample_rate, RATE) for part in torch.split(sound, size)]
        return torch.cat([self._pictures(part, frames) for part in parts])

    @property
    def settings(self) -> dict[str, Any]:
        """All numbers that decide the picture, as JSON data, for those who make it without this file.

        sample_rate, low, high in hertz; window, hop, fft in samples; padding: at each end, "reflect", in samples;
        power: of the magnitude; straight_in: "mel" or "hertz", the sides of the triangles; log: a formula of x;
        windows: F; frame_seconds: how much sound a frame gets; centred: that it lies about the middle of the frame's
        second, else frame t begins at t times frame_seconds; channels: A, null for as many as the sound has
        """
        return {
            "name": type(self).__name__, "sample_rate": RATE, "window": 400, "hop": 160, "fft": 512, "bins": MEL_BINS,
            "low": 125, "frame_seconds": self.seconds, "channels": self.channels,
        }  # fmt: skip

    @abstractmethod
    def _pictures(self, sound: Tensor, frames: int) -> Tensor:
        """(B, A', S) at 16 kHz -> (B, T, A', F, 64)."""


class VGGishLogMel(LogMel):
    """AudioSet's front end of VGGish, as AVSBench, AVSegFormer, PCMANet and VCT use it.

    Mono mean at 16 kHz; 25 ms periodic Hann windows every 10 ms, 512-point FFT, magnitude, 64 HTK mel bins
    from 125 to 7500 Hz, log(mel + 0.01); examples of 96 windows without overlap. So example t begins at
    0.96 t seconds, not at t: after ten frames the sound is 0.4 s ahead, in the published methods as well.

    (A, S) -> (T, 1, 96, 64). Sound for fewer than T examples: the last is repeated; for more: the rest is cut.
    Sound shorter than one example (0.975 s) is filled up with silence.
    """

    seconds = 0.96
    channels = 1
    padding = 0.0
    """The log-mel of padded seconds in AVSBench-semantic's loader. (Silence has log 0.01, -4.6.)"""

    @staticmethod
    def examples(samples: int, sample_rate: int) -> int:
        """How many whole examples there are in a sound of `samples`; at least one."""
        windows = 1 + (samples * RATE // sample_rate - 400) // 160
        return max(1, windows // 96)

    @property
    def settings(self) -> dict[str, Any]:
        """See `LogMel.settings`."""
        own = {"padding": 0, "power": 1, "high": 7500, "straight_in": "mel", "log": "ln(x + 0.01)"}
        return super().settings | own | {"windows": 96, "centred": False}

    def _pictures(self, sound: Tensor, frames: int) -> Tensor:
        mono = F.pad(sound[:, 0], (0, max(0, 95 * 160 + 400 - sound.shape[-1])))  # B S
        windows = mono.unfold(-1, 400, 160)  # B W 400
        kept = min(frames, windows.shape[1] // 96)
        windows = windows[:, : kept * 96] * torch.hann_window(400, device=mono.device)
        magnitude = torch.fft.rfft(windows, n=512).abs()  # B W 257
        log_mel = (magnitude @ audioset_filters(device=mono.device) + 0.01).log()  # B W M
        examples = log_mel.unflatten(1, (kept, 96))  # B T' F M
        last = examples[:, -1:].expand(-1, frames - kept, -1, -1)
        return torch.cat([examples, last], dim=1).unsqueeze(2)  # B T 1 F M


class CavpLogMel(LogMel):
    """CAVP's front end: 1 s mono for AVSBench, 3 s stereo for VPO.

    torchaudio's MelSpectrogram at 16 kHz (25 ms Hann windows every 10 ms, 512-point FFT, centred, power, 64
    HTK mel bins from 125 to 3800 Hz), then 20 log10(max(power, 1e-5)) / 100, so silence is -1. The authors'
    code has the 20 before a power, where 10 would give decibels; their checkpoints need it.

    (A, S) -> (T, A', F, 64), F = 96 for one second, else 100 a second. Frame t hears `seconds` centred on second t,
    moved inside the sound at its ends; a single frame hears the middle of the sound. Sound that is too short is
    repeated from its start, as CAVP does. (The authors' crop of a five-second clip gives most frames another
    second's sound; that is not followed.)

    seconds:  length of the sound around each frame
    channels: 1 takes the mean, 2 gives a mono wave twice, None leaves the channels as they are

    Raises UserError for other values.
    """

    seconds: int

    def __init__(self, *, seconds: int = 1, channels: int | None = None) -> None:
        if seconds < 1 or channels not in (None, 1, 2):
            raise UserError(f"seconds={seconds}, channels={channels}: give 1 or more, and 1, 2 or None")
        self.seconds = seconds
        self.channels = channels
        self.windows = 96 if seconds == 1 else 100 * seconds  # one second is cut to VGGish's 96

    @property
    def settings(self) -> dict[str, Any]:
        """See `LogMel.settings`."""
        own = {
            "padding": 256,
            "power": 2,
            "high": 3800,
            "straight_in": "hertz",
            "log": "20 log10(max(x, 1e-5)) / 100",
        }
        return super().settings | own | {"windows": self.windows, "centred": True}

    def _pictures(self, sound: Tensor, frames: int) -> Tensor:
        length = self.seconds * RATE
        needed = max(length, frames * RATE if frames > 1 else 0)
        repeats = -(-needed // sound.shape[-1])
        if repeats > 1:
            sound = sound.repeat(1, 1, repeats)[..., :needed]  # B A' S
        last = sound.shape[-1] - length
        centred = [t * RATE + RATE // 2 - length // 2 for t in range(frames)]
        starts = [last // 2] if frames == 1 else [min(max(start, 0), last) for start in centred]
        heard = torch.stack([sound[..., start : start + length] for start in starts], dim=1)  # B T A' S
        power: Tensor = _mel_spectrogram(sound.device)(heard)  # B T A' M W
        log_mel = 20 * power[..., : self.windows].clamp(min=1e-5).log10() / 100
        return log_mel.transpose(-1, -2)  # B T A' F M


@lru_cache(maxsize=16)
def audioset_filters(
    *, bins: int = MEL_BINS, high: float = 7500.0, fft: int = 512, device: torch.device | str = "cpu"
) -> Tensor:
    """(fft / 2 + 1, M) triangles from 125 to `high` hertz, with sides that are straight in mel.

    torchaudio's are straight in hertz. Where the triangles are narrower than the steps of the FFT, some hold
    no step at all and are empty.
    """

    def to_mel(hertz: Tensor) -> Tensor:
        return 1127.0 * torch.log1p(hertz / 700.0)

    steps = to_mel(torch.linspace(0, RATE / 2, fft // 2 + 1, dtype=torch.float64))[:, None]
    lowest, highest = to_mel(torch.tensor([125.0, high], dtype=torch.float64)).tolist()
    edges = torch.linspace(lowest, highest, bins + 2, dtype=torch.float64)
    rising = (steps - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - steps) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0).float().to(device)


@lru_cache(maxsize=4)
def _mel_spectrogram(device: torch.device) -> torchaudio.transforms.MelSpectrogram:
    return torchaudio.transforms.MelSpectrogram(
        sample_rate=RATE, n_fft=512, win_length=400, hop_length=160, f_min=125, f_max=3800, n_mels=MEL_BINS
    ).to(device)
