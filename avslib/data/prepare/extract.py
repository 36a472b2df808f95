"""Frames and sound out of raw videos, as the authors of AVSBench took them from theirs. Needs PyAV (`avslib[data]`).

A second gives its last of 16 evenly spaced frames, so frame 15/16 of the way through it, squashed to 224 x 224 by
bilinear interpolation; the sound becomes a wav of 16 kHz and 16 bits (AVSBench, preprocess_scripts). A video that
ends early repeats its last frame. Released frames are to be preferred: decoders differ by a level or two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from avslib.audio.frontends import RATE
from avslib.data.mini.files import encode, wav
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
    pictures = read_frames(video, seconds=len(frames), size=size) if wanted else []
    for path, pixels in zip(frames, pictures):
        if path in wanted:
            write_file(path, encode(pixels, "png"))
    if sound is None or sound.is_file():
        return len(wanted)
    write_file(sound, wav(read_sound(video)))
    return len(wanted) + 1


def read_frames(video: Path, *, seconds: int, size: int) -> list[Pixels]:
    """`seconds` pictures (H, W, 3), one for each second of the video."""
    with _opened(video) as container:
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

    with _opened(video) as container:
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


@contextmanager
def _opened(video: Path) -> Iterator[InputContainer]:
    """An mp4 file and nothing else: no list of other files, no address, so that it can name none."""
    try:
        import av
    except ImportError:
        raise UserError("reading videos needs PyAV: pip install 'avslib[data]'") from None
    if not video.is_file():
        raise UserError(f"{video}: no such video")
    try:
        with video.open("rb") as file, av.open(file, mode="r", format="mp4") as container:
            yield container
    except UserError:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UserError(f"{video}: cannot be read as mp4 ({error}); get the video again") from None
