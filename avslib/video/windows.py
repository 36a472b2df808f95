"""What a model is shown of a video: windows of T seconds, their pictures and their sound, and the masks of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from avslib.methods.segmenter import Preprocessing, Segmenter
from avslib.video.pictures import Picture
from avslib.video.sound import SOUND_RATE, Tape

Masks = npt.NDArray[np.uint8]
LARGEST = 640
"""Pixels of the longer side of what a model is shown: it makes them smaller itself, and masks are enlarged afterwards.
Logits of 71 classes for a clip of full pictures would be gigabytes."""


@dataclass(frozen=True)
class Window:
    """The seconds from `start` on.

    pictures: of each second those that get a mask
    heard:    (A, S) around these seconds, what the model hears;  sound: (A, S) of these seconds alone
    samples:  so many of `sound` the track has, the rest is silence after its end
    """

    start: int
    pictures: Sequence[Sequence[Image.Image]]
    heard: Tensor
    sound: Tensor
    samples: int

    @property
    def stop(self) -> int:
        return self.start + len(self.pictures)


@dataclass(frozen=True)
class Marked:
    """A window and its masks, for each second as many as it has pictures: (h, w) uint8, 0 or the class."""

    window: Window
    masks: Sequence[Sequence[Masks]]

    def of(self, picture: Picture, *, every_frame: bool) -> Masks:
        """The mask of a picture within the window: of its second, or with `every_frame` its own."""
        second = self.masks[picture.second - self.window.start]
        return second[picture.number_within if every_frame else 0]


def windows(
    source: Iterator[Picture], tape: Tape, known: Preprocessing, *, every_frame: bool
) -> Iterator[Window]:
    """The whole video in windows of the T seconds that a model was trained with; the last may be shorter."""
    around = max(0.0, known.heard - known.seconds)
    start = 0
    gathered: list[list[Image.Image]] = []
    for pictures in seconds(source, every_frame=every_frame):
        gathered.append(pictures)
        if len(gathered) == known.seconds:
            yield window(start, gathered, tape, around)
            start, gathered = start + known.seconds, []
    if gathered:
        yield window(start, gathered, tape, around)


def window(start: int, pictures: Sequence[Sequence[Image.Image]], tape: Tape, around: float) -> Window:
    """Hears half of `around` before and half after, where the method wants more sound than pictures."""
    length = float(len(pictures))
    heard = tape.cut(max(0.0, start - around / 2), length + around, inside=around > 0)
    sound = tape.cut(start, length)
    return Window(start, pictures, heard, sound, min(sound.shape[1], tape.left(start)))


def seconds(source: Iterator[Picture], *, every_frame: bool) -> Iterator[list[Image.Image]]:
    """Of each second the picture that is shown in its middle, or with `every_frame` all that begin in it.

    A second in which none begins has the last one before it.
    """
    current = 0
    found: list[Image.Image] = []  # what begins in the second `current`
    middle: Picture | None = None
    latest: Picture | None = None
    for picture in source:
        while picture.second > current:
            yield _chosen(found, middle or latest, every_frame)
            current, middle, found = current + 1, None, []
        if picture.time - current <= 0.5 or (middle is None and latest is None):
            middle = picture
        elif middle is None:
            middle = latest
        if every_frame:
            found.append(fitted(picture.image()))
        latest = picture
    if latest is not None:
        yield _chosen(found, middle or latest, every_frame)


def _chosen(found: list[Image.Image], middle: Picture | None, every_frame: bool) -> list[Image.Image]:
    if every_frame and found:
        return found
    assert middle is not None, "a second comes after a picture"
    return [fitted(middle.image())]


def fitted(image: Image.Image) -> Image.Image:
    """Made smaller where it is larger than `LARGEST`."""
    scale = LARGEST / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)


def marked(model: Segmenter, window: Window) -> Marked:
    """What `model` marks in a window. Its n-th pictures of all seconds together are a clip, each with its own sound."""
    passes = max(len(second) for second in window.pictures)
    found: list[list[Masks]] = [[] for _ in window.pictures]
    for number in range(passes):
        frames = [np.asarray(second[min(number, len(second) - 1)]) for second in window.pictures]
        masks = model.predict(np.stack(frames), window.heard, SOUND_RATE).to(torch.uint8).numpy()
        for own, second, mask in zip(found, window.pictures, masks):
            if number < len(second):
                own.append(mask)
    return Marked(window, found)
