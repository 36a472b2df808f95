"""Small videos of every kind, and a model of which one can say beforehand what it will mark."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from avslib.methods.segmenter import Preprocessing, Segmenter
from avslib.types import Batch, Prediction

Pixels = npt.NDArray[np.uint8]
RATE = 8000


class LoudnessOfSeconds:
    """(A, S) -> (T, 1, 1, 1): the mean power of each second; remembers what it was given."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.given: list[Tensor] = []

    def __call__(self, waveform: Tensor, sample_rate: int, frames: int) -> Tensor:
        self.given.append(waveform)
        padded = torch.zeros(frames * sample_rate)
        padded[: waveform.shape[1]] = waveform.mean(dim=0)[: len(padded)]
        return padded.view(frames, 1, 1, -1).square().mean(dim=-1, keepdim=True)


class BrightWhileLoud(Segmenter):
    """Marks what is brighter than the middle, in seconds with sound."""

    def __init__(self, *, seconds: int = 2, heard: float = 1.0, names: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.visual, self.audio = nn.Identity(), nn.Identity()
        self.weight = nn.Parameter(torch.zeros(()))
        self.hears = LoudnessOfSeconds(heard)
        self.names = names
        self.preprocessing = Preprocessing(self.hears, None, seconds, names)

    def forward(self, batch: Batch) -> Prediction:
        loud = batch.sound[..., 0, 0, 0] > 1e-4  # B T
        bright = batch.frames.float().mean(dim=2) - 128  # B T H W
        logits = torch.where(loud[..., None, None], bright, -1.0)[:, :, None]
        if self.names:  # everything bright is the first class
            others = torch.zeros_like(logits).expand(-1, -1, len(self.names) - 1, -1, -1)
            logits = torch.cat([torch.zeros_like(logits) + 1e-3, logits, others - 1e9], dim=2)
        return Prediction(logits)

    def segment(self, frames: Tensor, tokens: Tensor, valid: Tensor) -> Prediction:
        raise NotImplementedError


def left_bright(time: float, width: int, height: int) -> Pixels:
    """The left half is white."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = 255
    return picture


def tone(seconds: float, channels: int = 1, hertz: float = 440) -> npt.NDArray[np.float32]:
    """(A, S) a tone at half the full scale."""
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return np.repeat(wave[None].astype(np.float32), channels, axis=0)


def film(
    path: Path,
    *,
    seconds: float = 4,
    rate: int = 10,
    size: tuple[int, int] = (64, 48),
    picture: Callable[[float, int, int], Pixels] = left_bright,
    times: Sequence[float] | None = None,
    sounds: Sequence[npt.NDArray[np.float32]] | None = None,
    layout: str = "mono",
    codecs: tuple[str, str] = ("mpeg4", "aac"),
    pixels: str = "yuv420p",
    sound_begins: float = 0.0,
) -> Path:
    """Write a video. times: of the pictures, if they do not follow `rate`; sounds: (A, S) a track, at `RATE`."""
    sounds = [tone(seconds)] if sounds is None else sounds
    times = [number / rate for number in range(round(seconds * rate))] if times is None else times
    with av.open(str(path), "w") as container:
        video = container.add_stream(codecs[0], rate=rate)
        video.width, video.height = size
        video.pix_fmt = pixels
        video.codec_context.time_base = Fraction(1, 1000)
        tracks = [container.add_stream(codecs[1], rate=RATE, layout=layout) for _ in sounds]
        for time in times:
            frame = av.VideoFrame.from_ndarray(picture(time, *size), format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for track, sound in zip(tracks, sounds):
            for first in range(0, sound.shape[1], 1024):
                piece = np.ascontiguousarray(sound[:, first : first + 1024])
                block = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
                block.sample_rate, block.time_base = RATE, Fraction(1, RATE)
                block.pts = first + round(sound_begins * RATE)
                container.mux(track.encode(block))
            container.mux(track.encode())
    return path


def turned(path: Path) -> Path:
    """A quarter turn clockwise in the metadata of an mp4, as telephones write it."""
    content = bytearray(path.read_bytes())
    where = content.find(b"tkhd") + 4 + 40  # of version 0: the matrix stands 40 bytes behind the name
    content[where : where + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def frames_of(path: Path) -> Iterator[tuple[float, Pixels]]:
    """(moment, (H, W, 3)) of every picture."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield float(frame.time or 0), frame.to_ndarray(format="rgb24")


def sound_of(path: Path, track: int = 0) -> tuple[npt.NDArray[np.float32], int, float]:
    """(A, S), its rate, and the moment of its first sample."""
    with av.open(str(path)) as container:
        blocks = list(container.decode(audio=track))
    rate = blocks[0].sample_rate
    return np.concatenate([block.to_ndarray() for block in blocks], axis=1), rate, float(blocks[0].time or 0)
