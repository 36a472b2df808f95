"""What was heard and marked when, as JSON; and the masks as pictures."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image

from avslib.data.mini.files import encode
from avslib.files import write_file
from avslib.video.painting import class_name, enlarged
from avslib.video.sound import SOUND_RATE
from avslib.video.windows import Marked, Masks

BEGINNING = b'{\n "video"'
"""Of every report."""

QUIET = -60.0
"""Decibels below full scale, of a second's mean power. What is below counts as silence."""


@dataclass
class Report:
    """What came of a video.

    out:     the painted video;  video: what was read;  model: what it was segmented with, in words
    seconds: one entry for each second: {"second", "loudness" in decibels below full scale (None: silence),
             "marked": [{"class", "share" of the picture, "box": [left, top, right, bottom] in shares of its sides}]}
    notes:   what a viewer should know: no sound, damaged places, a track that was not heard
    """

    video: str
    model: str
    out: Path
    seconds: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, marked: Marked, names: Sequence[str]) -> None:
        """One window. Of a second with a mask for each picture the first counts."""
        sound = marked.window.sound
        for number, masks in enumerate(marked.masks):
            power = float(sound[:, number * SOUND_RATE : (number + 1) * SOUND_RATE].square().mean())
            loudness = float(10 * np.log10(max(power, 1e-12)))
            self.seconds.append(
                {
                    "second": marked.window.start + number,
                    "loudness": round(loudness, 1) if loudness > QUIET else None,
                    "marked": [region(masks[0], label, names) for label in np.unique(masks[0]) if label],
                }
            )

    def as_dict(self) -> dict[str, Any]:
        """As JSON data."""
        told = {"video": self.video, "model": self.model, "out": self.out.name}
        return told | {"seconds": self.seconds, "notes": self.notes}

    def __str__(self) -> str:
        """For the terminal."""
        heard = sum(second["loudness"] is not None for second in self.seconds)
        marked = sum(bool(second["marked"]) for second in self.seconds)
        return f"{self.out}: {len(self.seconds)} seconds, {heard} with sound, {marked} with something marked"


def region(mask: Masks, label: int, names: Sequence[str]) -> dict[str, Any]:
    """A class's area in a mask."""
    rows, columns = np.nonzero(mask == label)
    height, width = mask.shape
    box = (columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height)
    return {
        "class": class_name(int(label), names),
        "share": round(len(rows) / mask.size, 4),
        "box": [round(float(side), 4) for side in box],
    }


def as_picture(mask: Masks, size: tuple[int, int], *, binary: bool) -> Image.Image:
    """The mask in the video's size, grey: 0 and 255, or labels."""
    large = np.zeros(size[::-1], np.uint8)
    for label in (label for label in np.unique(mask) if label):
        large[enlarged(mask == label, size)] = 255 if binary else label
    return Image.fromarray(large)


class MaskFolder:
    """Masks as png, named SECOND.png, or SECOND-NUMBER.png where every picture has one. All of them or none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        self.part.chmod(0o755)

    def picture(self, mask: Image.Image, second: int, number: int | None) -> None:
        name = f"{second}.png" if number is None else f"{second}-{number}.png"
        write_file(self.part / name, encode(np.asarray(mask), "png"))

    def __enter__(self) -> MaskFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.part.replace(self.folder)
        shutil.rmtree(self.part, ignore_errors=True)
