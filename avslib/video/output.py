"""All that is written of a video: the painted one, and the masks where they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType

from PIL import Image

from avslib.video.painting import Painter
from avslib.video.pictures import Picture
from avslib.video.report import MaskFolder, as_picture
from avslib.video.sound import Tape
from avslib.video.wanted import Wanted
from avslib.video.windows import Marked, Masks
from avslib.video.writing import VideoWriter


class Output:
    """Files under way; whole when the `with` ends, and none of them after an error.

    names: of classes 1, 2, ...; none where masks are binary;  rate: pictures a second;  sounds: there is a track
    """

    def __init__(self, wanted: Wanted, names: Sequence[str], *, rate: float, sounds: bool) -> None:
        self.wanted, self.names, self.rate, self.sounds = wanted, names, rate, sounds
        self.files = ExitStack()
        self.painter: Painter | None = None
        self.masks: VideoWriter | MaskFolder | None = None

    def begin(self, now: Marked, size: tuple[int, int]) -> None:
        """A new window, of pictures of `size` (width, height)."""
        if self.painter is None:
            self._open(now, size)
        assert self.painter is not None
        self.now, self.strip = now, self.painter.strip(now)
        self.mask: Masks | None = None
        self.video.sound(now.window.sound[:, : now.window.samples].numpy())

    def _open(self, now: Marked, size: tuple[int, int]) -> None:
        """The first window tells how large the files are, and how many channels they have."""
        self.painter = Painter(size, self.names)
        channels = now.window.sound.shape[0] if self.sounds else 0
        self.video = self.files.enter_context(
            VideoWriter(self.wanted.out, size=self.painter.frame, rate=self.rate, channels=channels)
        )
        if self.wanted.masks is not None:
            if self.wanted.masks.suffix:
                writer = VideoWriter(self.wanted.masks, size=size, rate=self.rate, masks=True)
                self.masks = self.files.enter_context(writer)
            else:
                self.masks = self.files.enter_context(MaskFolder(self.wanted.masks))

    def picture(self, picture: Picture, image: Image.Image) -> None:
        """The next picture of the window."""
        assert self.painter is not None, "begin comes first"
        mask = self.now.of(picture, every_frame=self.wanted.every_frame)
        fresh = mask is not self.mask
        if fresh:
            self.mask, self.overlay = mask, self.painter.overlay(mask)
        window = self.now.window
        place = (picture.time - window.start) / len(window.pictures)
        self.video.picture(self.painter.paint(image, self.overlay, self.strip, place), picture.time)
        if self.masks is not None:
            self._keep(mask, picture, fresh)

    def _keep(self, mask: Masks, picture: Picture, fresh: bool) -> None:
        grey = as_picture(mask, self.painter.size if self.painter else (0, 0), binary=not self.names)
        if isinstance(self.masks, VideoWriter):
            self.masks.picture(grey, picture.time)
        elif self.masks is not None and fresh:
            number = picture.number_within if self.wanted.every_frame else None
            self.masks.picture(grey, picture.second, number)

    def rest_of(self, tape: Tape) -> None:
        """What the track has after the last picture."""
        if self.sounds:
            for block in tape.rest(self.now.window.stop):
                self.video.sound(block)

    def __enter__(self) -> Output:
        self.files.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.files.__exit__(kind, error, trace)
