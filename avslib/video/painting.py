"""What the viewer sees: each picture with what is marked in it, and below it the sound with a hand that runs along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from avslib.figures.colours import class_colour
from avslib.figures.overlay import edge
from avslib.video.windows import Marked, Masks

FILL, DIM = 0.5, 0.3
"""Opacity of what is marked, and of the shade over the rest."""
Shape = npt.NDArray[np.bool_]
PAPER, WAVE, HAND = "#16181d", "#9aa4b2", "#ffffff"


@dataclass(frozen=True)
class Overlay:
    """What is laid over all pictures that share a mask: colours (H, W) RGB, and how much of them is seen (H, W)."""

    colours: Image.Image
    share: Image.Image


def class_name(label: int, names: Sequence[str]) -> str:
    """Of a binary mask "sounding"; of classes without names their number."""
    if not names:
        return "sounding" if label == 1 else f"class {label}"
    return names[label - 1] if label <= len(names) else f"class {label}"


class Painter:
    """Pictures of one size, their masks, and a strip of sound below them.

    size:  (width, height) of the pictures;  names: of classes 1, 2, ..., none where masks are binary
    frame: (width, height) of what is painted, even numbers, as encoders want them
    """

    def __init__(self, size: tuple[int, int], names: Sequence[str]) -> None:
        self.size, self.names = size, names
        width, height = (side + side % 2 for side in size)
        self.strip_height = max(32, height // 10 // 2 * 2)
        self.frame = (width, height + self.strip_height)
        self.font = ImageFont.load_default(max(11.0, height / 28))

    def overlay(self, mask: Masks) -> Overlay:
        """mask (h, w) of any size, 0 or the class. A picture without a mark is not shaded."""
        colours, share = Image.new("RGB", self.size), Image.new("L", self.size)
        labels = [int(label) for label in np.unique(mask) if label]
        if not labels:
            return Overlay(colours, share)
        share.paste(round(255 * DIM), (0, 0, *self.size))
        thick = max(1, min(self.size) // 240)
        for label in labels:
            area = enlarged(mask == label, self.size)
            colours.paste(class_colour(label), mask=Image.fromarray(area))
            share.paste(round(255 * FILL), mask=Image.fromarray(area))
            share.paste(255, mask=Image.fromarray(edge(area, thick)))
            if self.names:
                self._write(colours, share, area, label)
        return Overlay(colours, share)

    def _write(self, colours: Image.Image, share: Image.Image, area: Shape, label: int) -> None:
        """The class's name on a plate of its colour, in the middle of its area."""
        rows, columns = np.nonzero(area)
        if not len(rows):
            return
        name = class_name(label, self.names)
        box = self.font.getbbox(name)
        width, height = round(box[2]) + 8, round(box[3]) + 6
        top, left = (
            int(np.clip(np.median(places) - side / 2, 0, max(0, whole - side)))
            for places, side, whole in ((rows, height, self.size[1]), (columns, width, self.size[0]))
        )
        plate = (left, top, left + width, top + height)
        colours.paste(class_colour(label), plate)
        share.paste(255, plate)
        ImageDraw.Draw(colours).text((left + 4, top + 2), name, fill="black", font=self.font)

    def strip(self, marked: Marked) -> Image.Image:
        """The window's waveform over its width; under it, in each class's colour, the seconds in which it is marked."""
        width, height = self.frame[0], self.strip_height
        strip = Image.new("RGB", (width, height), PAPER)
        draw, count = ImageDraw.Draw(strip), len(marked.masks)
        bar = max(4, height // 8)
        wave = marked.window.sound.abs().amax(dim=0).numpy()
        middle, reach = (height - bar) / 2, (height - bar) / 2 - 1
        for x, piece in enumerate(np.array_split(wave, width)):
            top = reach * float(piece.max(initial=0.0)) ** 0.5  # quiet sounds are seen too
            draw.line((x, middle - top, x, middle + top), fill=WAVE)
        for second, masks in enumerate(marked.masks):
            labels = sorted({int(label) for mask in masks for label in np.unique(mask) if label})
            left, right = width * second / count, width * (second + 1) / count
            for number, label in enumerate(labels):
                part = (right - left) / len(labels)
                begin = left + number * part
                draw.rectangle((begin, height - bar, begin + part - 1, height), fill=class_colour(label))
        return strip

    def paint(self, picture: Image.Image, overlay: Overlay, strip: Image.Image, place: float) -> Image.Image:
        """The picture under its overlay, above the strip; `place`: of the hand, 0 left to 1 right."""
        painted = Image.new("RGB", self.frame)
        if picture.size != self.size:  # some streams change their size on the way
            picture = picture.resize(self.size, Image.Resampling.BILINEAR)
        painted.paste(picture)
        painted.paste(overlay.colours, mask=overlay.share)
        top = self.frame[1] - self.strip_height
        painted.paste(strip, (0, top))
        x, thick = round(place * (self.frame[0] - 1)), max(1, self.frame[0] // 400)
        painted.paste(HAND, (x, top, min(self.frame[0], x + thick), self.frame[1]))
        return painted


def enlarged(mask: Shape, size: tuple[int, int]) -> Shape:
    """bool (h, w) -> bool (H, W) of size (W, H), its edge smooth."""
    grown = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(grown) > 127
