"""Sound files and sample rates."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import soundfile
import torch
import torchaudio
from torch import Tensor

from avslib.audio.piped import mended_wav
from avslib.errors import UserError

_UNKNOWN = 2**40
"""Samples that no file has: libsndfile's number where a flac does not say how many."""


def read_audio(path: Path | str) -> tuple[Tensor, int]:
    """A sound file (wav, flac, ogg, mp3) as (waveform (A, S) float32 in [-1, 1], sample rate in hertz).

    A sound that was written through a pipe has no length in its header; it is read to its end, with a warning.
    Raises UserError when the file is missing, unreadable, cut off, empty, or holds NaN.
    """
    with open_sound(path) as sound:
        if sound.streamed:
            warnings.warn(f"{path}: {STREAMED}", stacklevel=2)
        samples = sound.file.read(dtype="float32", always_2d=True)  # S A
        rate = int(sound.file.samplerate)
    waveform = torch.from_numpy(samples.T.copy())  # A S
    check_waveform(waveform, rate, str(path))
    return waveform, rate


STREAMED = (
    "was written through a pipe, its header does not say how long it is; it is read to the end of the file"
)


@dataclass(frozen=True)
class Sound:
    """An open sound file. streamed: its header has no length, because it was written through a pipe."""

    file: soundfile.SoundFile
    streamed: bool

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.file.frames / self.file.samplerate)


@contextmanager
def open_sound(path: Path | str) -> Iterator[Sound]:
    """The sound file in `path`. Raises UserError when it is missing, unreadable or cut off."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such sound file")
    mended = mended_wav(path)
    try:
        with soundfile.SoundFile(str(path) if mended is None else io.BytesIO(mended)) as file:
            cut = re.search(r"^data : (\d+) \(should be (\d+)\)", str(file.extra_info), flags=re.MULTILINE)
            if cut is not None:
                raise UserError(f"{path}: cut off, {cut[2]} of {cut[1]} bytes of sound; extract it again")
            if file.frames > _UNKNOWN:
                raise UserError(
                    f"{path}: its header does not say how long it is; save it again as a file, e.g. as wav"
                )
            yield Sound(file, mended is not None)
    except soundfile.LibsndfileError as error:
        raise UserError(f"{path}: not a readable sound ({error.error_string}); extract it again") from error


def resample(waveform: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """(..., S) at `from_rate` hertz -> (..., S') at `to_rate`, band-limited (torchaudio's windowed sinc).

    Rates without a useful common divisor are taken at the nearest ratio with a denominator up to 1000 (less
    than a millionth off), because the filter grows with the denominator.
    """
    if min(from_rate, to_rate) <= 0:
        raise UserError(f"sample rates of {from_rate} and {to_rate} hertz: both must be positive")
    ratio = Fraction(to_rate, from_rate).limit_denominator(1000)
    if ratio == 1:
        return waveform
    resampled: Tensor = _resampler(ratio.denominator, ratio.numerator, waveform.device)(waveform.contiguous())
    return resampled


def check_waveform(waveform: Tensor, rate: int, what: str = "") -> None:
    """Raises UserError when `waveform` (`what`) is not a finite (A, S) or (B, A, S) with one or two channels."""
    what = what or f"waveform of shape {tuple(waveform.shape)}"
    if waveform.ndim not in (2, 3) or waveform.shape[-2] not in (1, 2):
        count = waveform.shape[-2] if waveform.ndim > 1 else "no"
        raise UserError(f"{what}: {count} channels; give mono or stereo")
    if waveform.shape[-1] == 0:
        raise UserError(f"{what}: holds no samples; extract it again, or give silence of the right length")
    if rate <= 0:
        raise UserError(f"{what}: sample rate of {rate} hertz; it must be positive")
    if not bool(torch.isfinite(waveform).all()):
        raise UserError(f"{what}: holds NaN or infinity; extract it again")


@lru_cache(maxsize=16)
def _resampler(from_rate: int, to_rate: int, device: torch.device) -> torchaudio.transforms.Resample:
    return torchaudio.transforms.Resample(from_rate, to_rate).to(device)
