"""COCO's instances: which objects stand in which picture, and their masks. Needs no package of COCO's.

The files are those of cocodataset.org: `annotations/instances_train2017.json`, and train2017/ with pictures.
An outline is a list of polygons, [x0, y0, x1, y1, ...] in pixels from the picture's corner, or a code of run
lengths, {"size": [H, W], "counts": ...}: pixels down the columns, background and object by turns, as a list of
numbers or packed into text.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from avslib.data.readers.layouts import COCO_ID
from avslib.data.readers.paths import plain_name
from avslib.data.readers.tables import read_headless
from avslib.errors import UserError, one_line
from avslib.files import reason

Mask = npt.NDArray[np.bool_]
PERSON = 1
"""COCO's only class of people; VPO has three, under ids that COCO does not use."""
PEOPLE = {name: COCO_ID[name] for name in ("male", "female", "baby")}
NAME_OF = {category: name for name, category in COCO_ID.items()}
"""Category id -> class of VPO."""
FINE = 5
"""Polygons are drawn this many times larger, and pixels taken at their centres: PIL adds up to half a pixel on
every side, and this way a tenth."""
FAR = 1e6
"""Pixels; no corner is that far from its picture."""


@dataclass(frozen=True)
class Thing:
    """One annotation.

    number: its id; category: COCO's, or 92 to 94 for people who are told apart; area: pixels, as COCO says
    crowd: several objects under one outline; outline: as in the file, None for what is no class of VPO
    """

    number: int
    category: int
    area: float
    crowd: bool
    outline: Any


@dataclass(frozen=True)
class Picture:
    """One picture that has annotations, of `width` x `height` pixels.

    number: its id; file: relative to COCO's folder; table: where the annotations are from
    """

    number: int
    file: str
    width: int
    height: int
    things: tuple[Thing, ...]
    table: Path


def read_people(path: Path) -> dict[int, int]:
    """{annotation id: 92, 93 or 94} out of a csv file without a head: `annotation id,male|female|baby`.

    Raises UserError for a file that is missing or no such table.
    """
    people = {}
    for number, row in enumerate(read_headless(path, ("annotation", "class")), start=1):
        if not row["annotation"].isdecimal() or row["class"] not in PEOPLE:
            told = f"{row['annotation']},{row['class']}"
            raise UserError(f"{path}: line {number}: {told!r}; write  annotation id,{'|'.join(PEOPLE)}")
        people[int(row["annotation"])] = PEOPLE[row["class"]]
    return people


def read_pictures(coco: Path, part: str, people: Mapping[int, int]) -> list[Picture]:
    """The pictures of `part` ("train2017") that have annotations, by number.

    people: as of `read_people`; other persons keep COCO's category

    Raises UserError for a file that is missing, damaged, or of other categories than COCO's.
    """
    table = coco / f"annotations/instances_{part}.json"
    written = _read_json(table)
    things: dict[int, list[Thing]] = defaultdict(list)
    try:
        _check_categories({one["id"]: one["name"] for one in written["categories"]}, table)
        for one in written["annotations"]:
            things[one["image_id"]].append(_thing(one, people))
        pictures = [
            Picture(
                number=int(one["id"]), file=f"{part}/{plain_name(one['file_name'], f'{table}, file_name')}",
                width=int(one["width"]), height=int(one["height"]), things=tuple(things[one["id"]]), table=table,
            )
            for one in written["images"] if one["id"] in things
        ]  # fmt: skip
    except UserError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        told = one_line(repr(error))[:120]
        raise UserError(
            f"{table}: not a file of COCO's instances ({told}); get the annotations again"
        ) from None
    return sorted(pictures, key=lambda picture: picture.number)


def _check_categories(categories: Mapping[Any, Any], table: Path) -> None:
    """Masks will hold the ids of the annotations: they must be COCO's."""
    for name, category in COCO_ID.items():
        if name not in PEOPLE and categories.get(category, name) != name:
            told = f"category {category} is {categories[category]!r}, not {name!r} as in COCO"
            raise UserError(f"{table}: {told}; get COCO's own annotations")


def _read_json(path: Path) -> Any:
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; give the folder that holds COCO's annotations/ and train2017/"
        )
    try:
        return json.loads(path.read_bytes())
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"{path}: not whole JSON ({reason(error)}); get the annotations again") from None


def _thing(one: Mapping[str, Any], people: Mapping[int, int]) -> Thing:
    number, category = int(one["id"]), int(one["category_id"])
    if category == PERSON:
        category = people.get(number, PERSON)
    outline = one["segmentation"] if category in NAME_OF else None  # the others would fill the memory
    return Thing(number, category, float(one["area"]), bool(one.get("iscrowd")), outline)


def draw(thing: Thing, picture: Picture) -> Mask:
    """(H, W) bool: the thing's pixels. Raises UserError for an outline that is none or misses the picture."""
    where = f"{picture.table}: annotation {thing.number}"
    try:
        runs = isinstance(thing.outline, Mapping)
        mask = _of_runs(thing.outline, picture) if runs else _of_polygons(thing.outline, picture)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        told = f"cannot be drawn ({one_line(str(error))[:120]})"
        raise UserError(f"{where}: {told}; get the annotations again") from None
    if not mask.any():
        raise UserError(f"{where}: has no pixel in its picture; get the annotations again")
    return mask


def _of_polygons(polygons: Sequence[Sequence[float]], picture: Picture) -> Mask:
    corners = [np.asarray(polygon, np.float64).reshape(-1, 2) for polygon in polygons]
    every, size = np.concatenate(corners), (picture.width, picture.height)
    if min(map(len, corners)) < 3 or not (np.abs(every) < FAR).all():
        raise ValueError("a polygon of less than three corners, or far outside")
    left, top = np.floor(every.min(axis=0)).clip(0, size).astype(int).tolist()
    right, bottom = np.ceil(every.max(axis=0)).clip(0, size).astype(int).tolist()
    image = Image.new("L", ((right - left) * FINE, (bottom - top) * FINE))
    pen = ImageDraw.Draw(image)
    for polygon in corners:
        pen.polygon(
            np.rint((polygon - (left, top)) * FINE - 0.5).ravel().tolist(), fill=1
        )  # PIL would truncate
    mask = np.zeros((picture.height, picture.width), bool)
    mask[top:bottom, left:right] = np.asarray(image)[FINE // 2 :: FINE, FINE // 2 :: FINE]
    return mask


def _of_runs(code: Mapping[str, Any], picture: Picture) -> Mask:
    height, width = code["size"]
    if (height, width) != (picture.height, picture.width):
        raise ValueError(
            f"runs of {width} x {height} pixels, a picture of {picture.width} x {picture.height}"
        )
    counts = unpack_counts(code["counts"]) if isinstance(code["counts"], str) else code["counts"]
    if min(counts) < 0 or sum(counts) != width * height:
        raise ValueError(f"runs of {sum(counts)} pixels for {width} x {height}")
    values = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return np.ascontiguousarray(values.reshape(width, height).T)


def unpack_counts(text: str) -> list[int]:
    """Run lengths out of COCO's text. Raises ValueError for a text that holds none.

    A character holds five bits of a number, lowest first, and whether more follow; the last bit that is given is
    the sign. From the fourth on, a number is what it differs by from the last but one.
    """
    counts: list[int] = []
    value = bits = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64:
            raise ValueError(f"{character!r} is no part of a run length")
        value |= (code & 31) << bits
        bits += 5
        if not code & 32:
            value -= (code & 16) << bits - 4  # two's complement
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = bits = 0
    if bits:
        raise ValueError("the run lengths end in the middle of one")
    return counts


def centre(mask: Mask) -> float:
    """Horizontal centre of mass of an (H, W) mask that is not empty: 0 left edge of the picture, 1 right."""
    width = mask.shape[1]
    return float(np.average(np.arange(width) + 0.5, weights=mask.sum(axis=0)) / width)
