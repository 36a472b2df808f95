"""What predictions in files are compared with: a data set, or another folder of masks."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from avslib.data.listing import listing
from avslib.data.readers.paths import data_folder, inside, pictures_below
from avslib.data.registry import find_data
from avslib.errors import UserError
from avslib.evaluation.predictions import ABOUT, read_mask, read_size
from avslib.types import Clips


@dataclass(frozen=True)
class Expected:
    """A clip that must have been predicted: its masks' files, in the order of its seconds, and their (H, W)."""

    identifier: str
    files: tuple[str, ...]
    size: tuple[int, int] | None
    part: str = ""


class Truth(Protocol):
    """The right answer to a set of clips, in the order in which they are scored.

    classes: K, background included; names: of the labels 1 .. K-1, if they have any
    """

    classes: int
    names: tuple[str, ...]
    expected: list[Expected]

    def labels(self, index: int) -> tuple[Tensor, Tensor]:
        """Clip `index`: labels (T, H, W) long, valid (T,) bool."""


class DataTruth:
    """The masks of a data set. size: (H, W) of them all, None where each picture has its own."""

    def __init__(self, clips: Clips, *, classes: int) -> None:
        self.clips, self.classes = clips, classes
        self.names = tuple(getattr(clips, "classes", ())) if classes > 2 else ()
        side: int | None = getattr(clips, "size", None)
        self.expected = [
            Expected(
                clip.identifier,
                tuple(f"{clip.identifier}/{second}.png" for second in range(clip.seconds)),
                (side, side) if side else None,
                clip.part,
            )
            for clip in listing(clips)
        ]

    def labels(self, index: int) -> tuple[Tensor, Tensor]:
        clip = self.clips[index]
        return clip.labels, clip.valid


class FolderTruth:
    """Masks in a folder, at any depth: pictures of one folder are the seconds of one clip, numbers in order.

    Predictions must then have the same names. classes: K, background included; 2 for binary masks. Of several
    classes, 255 is a pixel that does not count, under the protocols that can leave one out.
    Raises UserError for a folder without png files, or a clip whose pictures differ in size.
    """

    names: tuple[str, ...] = ()

    def __init__(self, folder: Path, *, classes: int = 2) -> None:
        self.root, self.classes = data_folder(folder), classes
        clips: dict[str, list[str]] = defaultdict(list)
        for path in pictures_below(self.root):
            clips[path.rpartition("/")[0] or "."].append(path)
        if not clips:
            raise UserError(f"{folder}: holds no png file; give the folder of the true masks")
        self.expected = [self._expected(name, clips[name]) for name in sorted(clips, key=_natural)]

    def labels(self, index: int) -> tuple[Tensor, Tensor]:
        files = self.expected[index].files
        masks = [
            torch.from_numpy(read_mask(inside(self.root, file), self.classes, ignore=True)) for file in files
        ]
        return torch.stack(masks), torch.ones(len(masks), dtype=torch.bool)

    def _expected(self, name: str, files: list[str]) -> Expected:
        files = sorted(files, key=_natural)
        sizes = {read_size(inside(self.root, file)) for file in files}
        if len(sizes) > 1:
            raise UserError(f"{self.root / name}: masks of several sizes, {sorted(sizes)}; make them one")
        return Expected(name, tuple(files), sizes.pop())


def open_truth(
    data: str,
    *,
    split: str = "test",
    fold: int = 0,
    clips: int = 200,
    size: int = 224,
    data_dir: Path | None = None,
) -> DataTruth:
    """The masks of `data`, "mini/ms3" or a real benchmark in `data_dir`.

    fold, clips: of AVS-Mini, whose scenes are composed; its "test-seen" is a split of its own
    size:        side of the masks; 0 for those of a real benchmark as they are
    Raises UserError for unknown data, real data without a folder, and as the readers do.
    """
    spec = find_data(data)
    found = spec.open(split, folder=data_dir, fold=fold, length=clips, size=size or None)
    return DataTruth(found, classes=max(2, spec.classes))


def find_truth(folder: Path, given: Mapping[str, Any], data_dir: Path | None = None) -> DataTruth:
    """The truth to the masks in `folder`: what is not `given` (None) is taken from its predictions.json.

    given: {"data", "split", "fold", "clips", "size"}, as `open_truth` takes them
    Raises UserError when nobody says what the data is, and as `open_truth` does.
    """
    told = {**read_about(folder), **{key: value for key, value in given.items() if value is not None}}
    if "data" not in told:
        raise UserError(f"{folder}: say what these masks are predictions of, with --data NAME or --truth DIR")
    return open_truth(told.pop("data"), data_dir=data_dir, **told)


def read_about(folder: Path) -> dict[str, Any]:
    """What predictions.json says the masks in `folder` are of; nothing where there is none.

    Raises UserError when it cannot be read.
    """
    path = folder / ABOUT
    if not path.is_file():
        return {}
    kinds = {"data": str, "split": str, "fold": int, "clips": int, "size": int}
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return {key: kind(about[key]) for key, kind in kinds.items() if about.get(key) is not None}
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: damaged ({error}); remove it and say --data") from None


def _natural(name: str) -> list[tuple[int, str]]:
    """For sorting: 2.png before 10.png."""
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in re.split(r"(\d+)", name)]
