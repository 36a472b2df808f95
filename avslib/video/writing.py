"""A video written picture by picture, and its sound beside it; whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from avslib.errors import UserError
from avslib.files import check_folder, free_space, reason
from avslib.video.sound import SOUND_RATE, Samples

TICKS = 90000
"""A second, in the units in which moments of pictures are written: rates from 24 to 60 fit, and what varies too."""


class Container(NamedTuple):
    """How a suffix is written: ffmpeg's name, codecs of pictures and sound, and their settings."""

    name: str
    pictures: str
    sound: str
    options: Mapping[str, str]
    settings: Mapping[str, str]


H264 = {"preset": "veryfast", "crf": "20"}
EXACT = {"preset": "veryfast", "qp": "0"}
CONTAINERS = {
    ".mp4": Container("mp4", "libx264", "aac", {"movflags": "+faststart"}, H264),
    ".mov": Container("mov", "libx264", "aac", {"movflags": "+faststart"}, H264),
    ".mkv": Container("matroska", "libx264", "aac", {}, H264),
    ".webm": Container(
        "webm", "libvpx-vp9", "libopus", {}, {"crf": "32", "b": "0", "deadline": "realtime", "cpu-used": "7", "row-mt": "1"}
    ),
}  # fmt: skip
"""Suffix -> how. All but mkv play in a browser."""

MASK_CONTAINERS = [suffix for suffix, how in CONTAINERS.items() if how.pictures == "libx264"]
"""VP9 has no grey pictures."""


def check_output(path: Path, flag: str, suffixes: Iterable[str], *, overwrite: bool = False) -> None:
    """Raises UserError unless a file can be written to `path`: a known suffix, nothing there, a folder that takes it."""
    if path.suffix.lower() not in suffixes:
        raise UserError(f"{flag} {path}: end it with one of {', '.join(suffixes)}")
    if path.exists() and (path.is_dir() or not overwrite):
        raise UserError(f"{flag} {path}: is there already; give a new name, or --overwrite")
    check_folder(path.parent, flag)


class VideoWriter:
    """A file under way: with VideoWriter(...) as out: out.picture(...), out.sound(...). It lies beside `path` under another
    name until it is whole; after an error, or Ctrl-C, nothing is left.

    size:     (width, height) of the pictures, even;  rate: about how many a second, for the encoder
    channels: of the sound, 0 without
    masks:    pictures are grey, "L", and every pixel is kept as it is

    Raises UserError when the disk refuses.
    """

    def __init__(
        self, path: Path, *, size: tuple[int, int], rate: float, channels: int = 0, masks: bool = False
    ) -> None:
        import av

        self.path = path
        self.part = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
        how = CONTAINERS[path.suffix.lower()]
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.container: Any = av.open(str(self.part), "w", format=how.name, options=dict(how.options))
        except (av.FFmpegError, OSError) as error:
            raise self._refused(error) from None
        pictures: Any = self.container.add_stream(how.pictures, rate=Fraction(rate).limit_denominator(1001))
        self.video = pictures
        self.video.codec_context.thread_type = "AUTO"  # several pictures at once, not slices of one
        self.video.width, self.video.height = size
        self.video.pix_fmt = "gray" if masks else "yuv420p"
        self.video.codec_context.time_base = Fraction(1, TICKS)
        self.video.options = EXACT if masks else dict(how.settings)
        self.layout = "mono" if channels == 1 else "stereo"
        self.audio: Any = None
        if channels:
            self.audio = self.container.add_stream(how.sound, rate=SOUND_RATE, layout=self.layout)
        self.samples = 0

    def picture(self, image: Image.Image, time: float) -> None:
        """The next picture, `time` seconds from the beginning."""
        import av

        layout = "gray" if image.mode == "L" else "rgb24"
        frame = av.VideoFrame.from_ndarray(np.asarray(image), format=layout)
        frame.pts, frame.time_base = round(time * TICKS), Fraction(1, TICKS)
        self._put(self.video, frame)

    def sound(self, samples: Samples) -> None:
        """(A, S): what follows the sound so far."""
        import av

        if self.audio is None or not samples.shape[1]:
            return
        planes = np.ascontiguousarray(samples, np.float32)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=self.layout)
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, self.samples, Fraction(1, SOUND_RATE)
        self.samples += samples.shape[1]
        self._put(self.audio, frame)

    def _put(self, stream: Any, frame: Any) -> None:
        import av

        try:
            for packet in stream.encode(frame):
                self.container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise self._refused(error) from None

    def _refused(self, error: Exception) -> UserError:
        return UserError(
            f"{self.path}: cannot be written ({reason(error)}; {free_space(self.path)} free); nothing was left there; "
            "make room or choose another -o"
        )

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import av

        try:
            if kind is None:
                for stream in filter(None, (self.video, self.audio)):
                    self._put(stream, None)
                self.container.close()
                os.replace(self.part, self.path)
        except (av.FFmpegError, OSError) as refused:
            raise self._refused(refused) from None
        finally:
            self._drop()

    def _drop(self) -> None:
        """Close what an error left open, and remove the part."""
        import av

        with contextlib.suppress(av.FFmpegError, OSError, ValueError):
            self.container.close()
        self.part.unlink(missing_ok=True)
