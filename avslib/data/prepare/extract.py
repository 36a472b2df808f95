"""Frames and sound out of raw videos, as the authors of AVSBench took them from theirs. Needs PyAV (`avslib[data]`).

A second gives its last of 16 evenly spaced frames, so frame 15/16 of the way through it, squashed to 224 x 224 by
bilinear interpolation; the sound becomes a wav of 16 kHz and 16 bits (AVSBench, preprocess_scripts). A video that
ends early repeats its last frame. Released frames are to be preferred: decoders differ by a level or two.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import soundfile
import torch
import torch.nn.functional as F
from PIL import Image

from avslib.audio.frontends import RATE
from avslib.errors import UserError
from avslib.files import write_file

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

Pixels = npt.NDArray[np.uint8]
SAMPLES, LAST = 16, 15
"""Evenly spaced frames a second, and which of them is kept."""


def extract(video: Path, *, frames: Sequence[Path], sound: Path | None, size: int = 224) -> int:
    """Write frame k of `video` to `frames[k]`, and its sound to `sound`; how many files were missing.

    frames: one a second, png; sound: wav, None for videos whose sound is not wanted
    Files that are there already are left alone. Raises UserError for a video that is missing, damaged, or
    without pictures or sound where these are needed.
    """
    wanted = [path for path in frames if not path.is_file()]
    written = 0
    if wanted:
        for path, pixels in zip(frames, read_frames(video, seconds=len(frames), size=size)):
            if path in wanted:
                buffer = io.BytesIO()
                Image.fromarray(pixels).save(buffer, "png")
                write_file(path, buffer.getvalue())
                written += 1
    if sound is not None and not sound.is_file():
        buffer = io.BytesIO()
        soundfile.write(buffer, read_sound(video), RATE, format="WAV", subtype="PCM_16")
        write_file(sound, buffer.getvalue())
        written += 1
    return written


def read_frames(video: Path, *, seconds: int, size: int) -> list[Pixels]:
    """`seconds` pictures (H, W, 3), one for each second of the video."""
    with _Video(video) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None or not stream.average_rate:
            raise UserError(f"{video}: has no pictures; get the video again")
        rate = round(stream.average_rate)
        wanted = [int((second + LAST / SAMPLES) * rate) for second in range(seconds)]
        found: list[Pixels] = []
        last = None
        for number, last in enumerate(container.decode(stream)):
            if number == wanted[len(found)]:
                found.append(_squash(last, size))
            if len(found) == seconds:
                return found
        if last is None:
            raise UserError(f"{video}: has no pictures; get the video again")
        return found + [_squash(last, size)] * (seconds - len(found))


def read_sound(video: Path) -> npt.NDArray[np.int16]:
    """(S, A) 16 bits at 16 kHz; mono stays mono, more than two channels become two."""
    import av

    with _Video(video) as container:
        stream = next(iter(container.streams.audio), None)
        if stream is None:
            raise UserError(f"{video}: has no sound; get the video again")
        layout = "mono" if stream.channels == 1 else "stereo"
        resampler = av.AudioResampler(format="s16", layout=layout, rate=RATE)
        blocks = [block for frame in container.decode(stream) for block in resampler.resample(frame)]
        blocks += resampler.resample(None)
        packed = [block.to_ndarray().reshape(-1, 1 if layout == "mono" else 2) for block in blocks]
    if not packed:
        raise UserError(f"{video}: its sound is empty; get the video again")
    return np.concatenate(packed).astype(np.int16)


def _squash(frame: VideoFrame, size: int) -> Pixels:
    """(size, size, 3), bilinear without a low pass, as cv2.resize does."""
    image = torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)[None].float()
    small = F.interpolate(image, (size, size), mode="bilinear", align_corners=False)
    return small[0].round().to(torch.uint8).permute(1, 2, 0).numpy()


class _Video:
    """An mp4 file and nothing else: no list of other files, no address, so that it can name none."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> InputContainer:
        try:
            import av
        except ImportError:
            raise UserError("reading videos needs PyAV: pip install 'avslib[data]'") from None
        if not self.path.is_file():
            raise UserError(f"{self.path}: no such video")
        self.file = self.path.open("rb")
        try:
            self.container = av.open(self.file, mode="r", format="mp4")
        except (av.FFmpegError, OSError, ValueError) as error:
            self.file.close()
            raise self._damaged(error) from None
        return self.container

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        import av

        self.container.close()
        self.file.close()
        if isinstance(error, av.FFmpegError):
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> UserError:
        return UserError(f"{self.path}: cannot be read as mp4 ({error}); get the video again")
