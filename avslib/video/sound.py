"""The sound of a video as one stream of samples from its beginning on, and pieces cut out of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from avslib.errors import UserError, check_number
from avslib.video.media import Damage, Facts, decoded, opened

if TYPE_CHECKING:
    from av import AudioFrame

Samples = npt.NDArray[np.float32]
SOUND_RATE = 48000
"""Hertz of what is decoded: each method's front end takes it from there, and every player plays it."""

LEAST_GAP, LONGEST_GAP = 0.02, 60.0
"""Seconds of silence that are filled in where a track has a gap: less is how moments are rounded, more a wrong clock."""


def check_track(path: Path, known: Facts, track: int | None) -> int:
    """The track's number, the first one's if None. Raises UserError listing the tracks."""
    if track is None:
        return 0
    check_number("--audio-track", track, 0)
    if track >= len(known.tracks):
        there = "; ".join(f"{number}: {told}" for number, told in enumerate(known.tracks))
        raise UserError(f"--audio-track {track}: {path} has {there or 'no sound'}; counted from 0")
    return track


def blocks(path: Path, known: Facts, track: int, damage: Damage) -> Iterator[Samples]:
    """(A, S) float32 one after the other, at `SOUND_RATE`, A = 1 or 2: of more channels swresample makes two.

    The first sample is that of the video's beginning: where the track begins later, or has gaps, zeros are filled in.
    """
    import av

    done = 0
    with opened(path) as container:
        stream = container.streams.audio[track]
        layout = "mono" if stream.codec_context.channels == 1 else "stereo"
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=SOUND_RATE)
        for frame in decoded(container, stream, damage):
            sound = cast("AudioFrame", frame)
            gap = 0 if sound.time is None else round((sound.time - known.start) * SOUND_RATE) - done
            sound.pts = None  # the resampler would fill gaps too, its own way
            for piece in resampler.resample(sound):
                block = np.asarray(piece.to_ndarray(), np.float32)
                if abs(gap) > LEAST_GAP * SOUND_RATE:
                    block, gap = moved(block, gap), 0
                done += block.shape[1]
                yield finite(block)
        for piece in resampler.resample(None):
            yield finite(np.asarray(piece.to_ndarray(), np.float32))


def moved(block: Samples, gap: int) -> Samples:
    """The block `gap` samples later, zeros before it; of a block that comes too early only what is new."""
    if gap < 0:
        return block[:, min(-gap, block.shape[1]) :]
    fill = min(gap, int(LONGEST_GAP * SOUND_RATE))
    return np.concatenate([np.zeros((len(block), fill), np.float32), block], axis=1)


def finite(block: Samples) -> Samples:
    """Damaged floats can decode to anything."""
    return np.clip(np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0), -1, 1)


class Tape:
    """Sound that passes by: pieces of it can be cut out in order, and only what may still be asked for is kept.

    keep: seconds before the last piece's beginning that may be asked for again
    """

    def __init__(self, source: Iterator[Samples] | None, *, keep: float = 0.0) -> None:
        self.source, self.keep = source, round(keep * SOUND_RATE)
        self.held: Samples = np.zeros((1, 0), np.float32)
        self.first = 0
        self.ended = source is None

    def cut(self, start: float, seconds: float, *, inside: bool = False) -> Tensor:
        """(A, S) from `start` on, silence after the end; `inside`: a piece that reaches over the end is moved back."""
        begin, length = round(start * SOUND_RATE), round(seconds * SOUND_RATE)
        self._read(begin + length)
        end = self.first + self.held.shape[1]
        if inside and self.ended and begin < end < begin + length:
            begin = max(0, end - length)
        return torch.from_numpy(self._piece(begin, length))

    def left(self, start: float) -> int:
        """How many samples have been read from `start` on."""
        return max(0, self.first + int(self.held.shape[1]) - round(start * SOUND_RATE))

    def rest(self, start: float) -> Iterator[Samples]:
        """(A, S) one after the other, from `start` to the end of the track."""
        yield self.held[:, max(0, round(start * SOUND_RATE) - self.first) :]
        yield from self.source or ()

    def _piece(self, begin: int, length: int) -> Samples:
        piece = self.held[:, max(0, begin - self.first) :][:, :length]
        found = np.zeros((len(self.held), length), np.float32)
        found[:, : piece.shape[1]] = piece
        self._forget(begin - self.keep)
        return found

    def _read(self, end: int) -> None:
        parts = [self.held]
        reached = self.first + self.held.shape[1]
        while not self.ended and reached < end:
            block = next(self.source, None) if self.source is not None else None
            if block is None:
                self.ended = True
            else:
                parts.append(block)
                reached += block.shape[1]
        if len(parts) > 1:
            kept = parts[1:] if not parts[0].shape[1] else parts  # the first tells no channels yet
            self.held = np.concatenate(kept, axis=1)

    def _forget(self, before: int) -> None:
        drop = min(max(0, before - self.first), self.held.shape[1])
        if drop:
            self.held, self.first = self.held[:, drop:].copy(), self.first + drop
