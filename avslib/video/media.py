"""A video, a sound or a picture, opened so that it can name no other file, and decoded past what is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avslib.errors import UserError
from avslib.files import reason

if TYPE_CHECKING:
    from av import AudioFrame, VideoFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

LISTS = ("hls", "dash", "concat", "concatf", "imf", "tedcaptions")
"""Formats that are lists of other files or addresses."""


@dataclass
class Damage:
    """Where a file could not be decoded, in seconds of it. `places` are first and last moments."""

    places: list[list[float]] = field(default_factory=list)

    def add(self, time: float) -> None:
        """One more moment; those within a second of the last one are one place."""
        if self.places and time - self.places[-1][1] <= 1:
            self.places[-1][1] = max(time, self.places[-1][1])
        else:
            self.places.append([time, time])

    def __str__(self) -> str:
        return ", ".join(
            clock(first) if last - first < 1 else f"{clock(first)} to {clock(last)}"
            for first, last in self.places
        )


def clock(seconds: float) -> str:
    """75.2 -> "1:15"; from an hour on "1:00:07"."""
    whole = int(seconds)
    minutes = f"{whole // 60 % 60}:{whole % 60:02}"
    return minutes if whole < 3600 else f"{whole // 3600}:{minutes.rjust(5, '0')}"


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """The file in `path`, of any container that PyAV reads.

    Raises UserError: PyAV is missing, no such file, a list of other files, not a video, damaged at its beginning.
    """
    try:
        import av
    except ImportError:
        raise UserError("reading videos needs PyAV: pip install 'avslib[data]'") from None
    if not path.is_file():
        raise UserError(f"{path}: no such video")
    try:
        # An open file and no protocol: a list of files, however it is called, could open nothing.
        with (
            path.open("rb") as file,
            av.open(file, mode="r", options={"protocol_whitelist": "none"}) as container,
        ):
            if container.format.name.partition(",")[0] in LISTS:
                raise UserError(f"{path}: is a list of other files; give the video itself")
            yield container
    except (av.FFmpegError, OSError) as error:
        raise UserError(
            f"{path}: cannot be read as a video, sound or picture ({error.strerror or reason(error)}); convert it, or get it again"
        ) from None


@dataclass(frozen=True)
class Facts:
    """What a file says of itself.

    pictures: it has a stream of pictures;  still: of one picture alone
    rate:     pictures a second, on average
    start:    of the first of its streams, seconds;  seconds: how long it says it is, None if it does not
    tracks:   a description of each track of sound
    """

    pictures: bool
    still: bool
    rate: float
    start: float
    seconds: float | None
    tracks: tuple[str, ...]


def facts(path: Path) -> Facts:
    """Raises UserError as `opened` does."""
    with opened(path) as container:
        videos = [stream for stream in container.streams.video if not cover(stream)]
        rate = float(videos[0].average_rate or videos[0].base_rate or 25) if videos else 25.0
        seconds = container.duration / 1e6 if container.duration else None
        return Facts(
            pictures=bool(videos),
            still=bool(videos) and (container.format.name.endswith("_pipe") or videos[0].frames == 1),
            rate=rate if 0 < rate <= 1000 else 25.0,
            start=(container.start_time or 0) / 1e6,
            seconds=seconds,
            tracks=tuple(described(stream) for stream in container.streams.audio),
        )


def cover(stream: VideoStream) -> bool:
    """Whether it is the picture on a record's sleeve, which music files carry as a stream."""
    import av

    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def described(stream: AudioStream) -> str:
    """E.g. "aac, 5.1, 48000 Hz (eng)"."""
    language = f" ({stream.language})" if stream.language else ""
    return f"{stream.codec_context.name}, {stream.layout.name}, {stream.rate} Hz{language}"


def decoded(
    container: InputContainer, stream: VideoStream | AudioStream, damage: Damage
) -> Iterator[VideoFrame | AudioFrame]:
    """The stream's frames in the order in which they are shown; what cannot be decoded is left out and noted."""
    import av

    last, packets = 0.0, container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            frames: list[Any] = [] if packet is None else list(packet.decode())
        except av.FFmpegError:
            damage.add(last)
            continue
        if packet is None:
            return
        for frame in frames:
            last = last if frame.time is None else frame.time
            if frame.is_corrupt:
                damage.add(last)
            yield frame
