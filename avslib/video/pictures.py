"""The pictures of a video one after the other, upright, each with its moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PIL import Image

from avslib.errors import UserError
from avslib.video.media import Damage, Facts, cover, decoded, opened

if TYPE_CHECKING:
    from av import VideoFrame

STILL_RATE = 25
"""Pictures a second of a video that is made of one picture."""


@dataclass(frozen=True)
class Picture:
    """time: seconds from the beginning; number_within: how many of its second came before; frame: as decoded."""

    time: float
    number_within: int
    frame: VideoFrame

    @property
    def second(self) -> int:
        return int(self.time)

    def image(self) -> Image.Image:
        """Upright, RGB."""
        turned = cast(Image.Image, self.frame.to_image()).convert("RGB")  # type: ignore[no-untyped-call]
        quarters = round(self.frame.rotation / 90) % 4  # counter-clockwise
        return turned if not quarters else turned.transpose(TURNS[quarters - 1])


TURNS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)


def pictures(path: Path, known: Facts, damage: Damage) -> Iterator[Picture]:
    """Every picture of a video, as many a second as there are. Of several at one moment the first.

    Raises UserError when there is none.
    """
    last, number = -1.0, 0
    with opened(path) as container:
        streams = [stream for stream in container.streams.video if not cover(stream)]
        if not streams:
            raise UserError(f"{path}: has no pictures; give a video, or a picture and --sound")
        streams[0].thread_type = "AUTO"
        for frame in decoded(container, streams[0], damage):
            guess = 0.0 if last < 0 else last + 1 / known.rate  # for files that do not say
            time = guess if frame.time is None else max(0.0, frame.time - known.start)
            if time > last:
                number = number + 1 if int(time) == int(last) else 0
                yield Picture(time, number, cast("VideoFrame", frame))
                last = time
    if last < 0:
        raise UserError(f"{path}: none of its pictures can be decoded; get it again")


def shown(path: Path, known: Facts, seconds: float) -> Iterator[Picture]:
    """A still, shown for `seconds`."""
    frame = next(pictures(path, known, Damage())).frame
    for number in range(max(1, round(seconds * STILL_RATE))):
        yield Picture(number / STILL_RATE, number % STILL_RATE, frame)
