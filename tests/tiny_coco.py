"""Small folders in the formats of COCO and VGGSound, out of AVS-Mini: scenes with outlines of every kind, recordings."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from avslib.data.mini.files import VPO_NAME, encode
from avslib.data.mini.pack import CLASSES, load_pack
from avslib.data.mini.scenes import MiniScenes
from avslib.data.prepare.build_vpo import build
from avslib.data.prepare.vggsound import LABELS
from avslib.data.readers.layouts import COCO_ID, TABLES

Mask = np.ndarray
PARTS = {"train": ("train2017", 30), "test": ("val2017", 20)}
HEIGHT, WIDTH = 168, 192
PERSON, TRAIN, BEAR, BALL, SHEEP = 1, 7, 23, 37, 20
CATEGORY = {"man": PERSON, "woman": PERSON, "train": TRAIN}
"""Of AVS-Mini's classes, beside those of VPO; what COCO does not know is a bear."""


@dataclass
class Truth:
    """What was written: masks and category (92, 93 for people) by annotation, pictures by id, annotations by picture."""

    masks: dict[int, Mask] = field(default_factory=dict)
    category: dict[int, int] = field(default_factory=dict)
    crowds: set[int] = field(default_factory=set)
    of_picture: dict[int, list[int]] = field(default_factory=dict)


def write_coco(coco: Path) -> Truth:
    """annotations/, train2017/ and val2017/; people.csv beside them knows everybody. Pictures are the upper part of
    scenes, so that they are no squares."""
    truth = Truth()
    for number, (split, (part, count)) in enumerate(PARTS.items()):
        scenes = [MiniScenes(s, split=split, size=WIDTH, classes=CLASSES) for s in ("vpo-ms", "vpo-msmi")]
        images, annotations = [], []
        (coco / part).mkdir(parents=True)
        for index in range(count):
            scene, image = scenes[index % 2].scene(index), 1000 * (number + 1) + index
            name = f"{image:012d}.jpg"
            (coco / part / name).write_bytes(encode(scene.picture.transpose(1, 2, 0)[:HEIGHT], "jpeg"))
            images.append({"id": image, "file_name": name, "width": WIDTH, "height": HEIGHT})
            things = [(o.name, o.mask[:HEIGHT], False) for o in scene.objects if o.mask[:HEIGHT].any()]
            if index % 5 == 0:
                things.append(("sports ball", square(4, 9), False))
            if index % 7 == 0:
                things.append(("sheep", square(0, 60), True))
            annotations += [annotation(truth, image, *thing) for thing in things]
        (coco / "annotations").mkdir(exist_ok=True)
        written = {"images": images, "annotations": annotations, "categories": categories()}
        (coco / f"annotations/instances_{part}.json").write_text(json.dumps(written), encoding="utf-8")
    people = [
        f"{key},{'male' if value == 92 else 'female'}\n"
        for key, value in truth.category.items()
        if value > 91
    ]
    (coco / "people.csv").write_text("".join(people), encoding="utf-8")
    return truth


def square(start: int, stop: int) -> Mask:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[start:stop, start:stop] = True
    return mask


def categories() -> list[dict[str, Any]]:
    known = {value: name for name, value in COCO_ID.items() if value < 92}
    known |= {PERSON: "person", TRAIN: "train", BEAR: "bear"}
    return [{"id": key, "name": name} for key, name in sorted(known.items())]


def annotation(truth: Truth, image: int, name: str, mask: Mask, crowd: bool) -> dict[str, Any]:
    number = 70_000 + len(truth.masks)
    truth.masks[number] = mask
    truth.category[number] = COCO_ID.get(VPO_NAME.get(name, name), CATEGORY.get(name, BEAR))
    truth.of_picture.setdefault(image, []).append(number)
    truth.crowds |= {number} if crowd else set()
    outline = (polygons, runs, packed_runs)[1 if crowd else number % 3](mask)
    category = CATEGORY.get(name, truth.category[number])
    return {
        "id": number, "image_id": image, "category_id": category, "iscrowd": int(crowd), "area": int(mask.sum()),
        "segmentation": outline,
    }  # fmt: skip


def polygons(mask: Mask) -> list[list[int]]:
    """A box for every run of every row."""
    boxes = []
    for y, row in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], row.astype(np.int8), [0])))).tolist()
        boxes += [[a, y, b, y, b, y + 1, a, y + 1] for a, b in zip(edges[::2], edges[1::2])]
    return boxes


def runs(mask: Mask) -> dict[str, Any]:
    grouped = [(bool(value), len(list(group))) for value, group in groupby(mask.T.ravel().tolist())]
    return {"size": list(mask.shape), "counts": [0] * grouped[0][0] + [length for _, length in grouped]}


def packed_runs(mask: Mask) -> dict[str, Any]:
    counts = runs(mask)["counts"]
    text = ""
    for index, count in enumerate(counts):
        number = count - counts[index - 2] if index > 2 else count
        more = True
        while more:
            bits, number = number & 31, number >> 5
            more = number != (-1 if bits & 16 else 0)
            text += chr(48 + bits + 32 * more)
    return {"size": list(mask.shape), "counts": text}


def write_vggsound(folder: Path) -> None:
    """Three recordings of a class and split; wav in a folder, one flac, one of two channels and another rate."""
    (folder / "clips").mkdir(parents=True)
    rows = [("other-video", 3, "playing piano", "train"), ("gone--video", 3, "dog barking", "test")]
    for name in CLASSES:
        known = VPO_NAME.get(name, name)
        for index, item in enumerate(load_pack().of("sound", name)[: 6 if known in LABELS else 0]):
            split, video = "train" if index < 3 else "test", f"-{known:_<8.8}{index:02d}"
            labels = LABELS[known]
            rows.append((video, 30 * index, labels[index % len(labels)], split))
            path = folder / f"clips/{video}_{30 * index:06d}.{'flac' if index == 1 else 'wav'}"
            samples, rate = (np.stack([item.sound] * 2, 1), 44100) if index == 2 else (item.sound, 16000)
            soundfile.write(path, samples[: 2 * rate], rate)
    with (folder / "vggsound.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


@dataclass(frozen=True)
class Sources:
    """The two folders, the table of people, and what is true of them."""

    coco: Path
    vggsound: Path
    truth: Truth

    def build(self, folder: Path, **changes: Any) -> Path:
        given = {"coco": self.coco, "vggsound": self.vggsound, "people": self.coco / "people.csv"}
        build(folder, **{**given, "progress": False, **changes})
        return folder

    def copy(self, folder: Path) -> Sources:
        for name in ("coco", "vggsound"):
            shutil.copytree(getattr(self, name), folder / name)
        return Sources(folder / "coco", folder / "vggsound", self.truth)


def write_sources(top: Path) -> Sources:
    write_vggsound(top / "vggsound")
    return Sources(top / "coco", top / "vggsound", write_coco(top / "coco"))


def state(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows(folder: Path, subset: str) -> list[dict[str, str]]:
    with (folder / TABLES[subset]).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
