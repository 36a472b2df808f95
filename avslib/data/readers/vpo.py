"""VPO: stills out of COCO with sounds out of VGGSound, put where the sounding object stands.

The layout is stated in `avslib.data.readers.layouts`; "Unraveling Instance Associations: A Closer Look for
Audio-Visual Segmentation", Chen et al., CVPR 2024 (CAVP), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from avslib.audio.files import read_audio, resample
from avslib.audio.frontends import RATE
from avslib.audio.stereo import pan
from avslib.data.listing import ClipEntry
from avslib.data.loading.augment import mirror
from avslib.data.readers.images import Fit, read_image
from avslib.data.readers.layouts import COCO_ID, COLUMNS, NAMES, VPO_TABLE, ClipFiles, vpo_files
from avslib.data.readers.paths import data_folder, expect, inside, plain_name
from avslib.data.readers.stacks import stack_frames
from avslib.data.readers.tables import Row, of_split, read_table
from avslib.errors import UserError
from avslib.types import IGNORE, Clip


@dataclass(frozen=True)
class Still:
    """One picture of VPO with all that sounds in it: `sounds[i]` comes from `positions[i]`, 0 left to 1 right."""

    image: str
    annotation: str
    category: str
    multi_instance: bool
    sounds: tuple[str, ...]
    positions: tuple[float, ...]

    def files(self, subset: str) -> ClipFiles:
        """Where they lie."""
        return vpo_files(
            subset, image=self.image, annotation=self.annotation, category=self.category, sounds=self.sounds,
            multi_instance=self.multi_instance,
        )  # fmt: skip


class VPO(Dataset[Clip]):
    """Clips of one second, one still each, with stereo sound, from the files of the release.

    root:     the folder that holds VPO/ and vggsound_bench/
    subset:   "vpo-ss" (one source), "vpo-ms" (several) or "vpo-msmi" (several of one class, too)
    split:    "train" or "test". The release has no validation split; rows that say "val" are test clips
    size:     side of the square picture, pixels; None for the picture as it is
    sound:    "stereo" by `audio_pos`, or "mono"
    seconds:  of sound, from the middle of every recording; shorter ones are repeated (CAVP: 3)
    mirrored: every clip is there a second time, left and right exchanged in picture, mask *and* sound: clip
              `n + i` mirrors clip `i`. (The authors' flip leaves the sound of VPO-SS unmirrored.)

    classes: the names of labels 1 .. 21. Several sounds are added up as they are, so that the sum may leave
    [-1, 1], as in the release's loader. COCO ids become labels all at once: the authors' loader replaces them
    one after the other, so that a car beside an airplane becomes an airplane.
    Raises UserError as `AVSBenchObject` does, and for positions outside [0, 1] and ids of no class.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        subset: str = "vpo-ss",
        split: str = "train",
        size: int | None = 224,
        fit: Fit = "squash",
        sound: Literal["stereo", "mono"] = "stereo",
        seconds: float = 3.0,
        mirrored: bool = False,
    ) -> None:
        if subset not in VPO_TABLE:
            raise UserError(f"unknown subset {subset!r} of VPO; choose one of {', '.join(VPO_TABLE)}")
        if split not in ("train", "test"):
            raise UserError(f"unknown split {split!r} of VPO, which has train and test only; choose one")
        if sound not in ("stereo", "mono") or seconds <= 0:
            raise UserError(f"sound={sound!r}, seconds={seconds}: choose stereo or mono, and more than 0")
        self.root, self.subset, self.size, self.fit = data_folder(root), subset, size, fit
        self.sound, self.seconds, self.mirrored = sound, seconds, mirrored
        self.classes = tuple(COCO_ID)
        table = inside(self.root, VPO_TABLE[subset])
        rows = read_table(table, COLUMNS[subset])
        rows = [row | {"split": "test"} if row["split"] == "val" else row for row in rows]
        self.stills = read_stills(of_split(rows, split, table), subset, str(table))
        expect(self.root, [path for still in self.stills for path in still.files(subset).needed])

    def __len__(self) -> int:
        return len(self.stills) * (2 if self.mirrored else 1)

    def __getitem__(self, index: int) -> Clip:
        if not 0 <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        if index >= len(self.stills):
            return mirror(self[index - len(self.stills)])
        still, once = self.stills[index], torch.ones(1, dtype=torch.bool)
        files = self.files(index)
        picture = read_image(inside(self.root, files.frames[0]), size=self.size, fit=self.fit)
        return Clip(
            frames=stack_frames([picture], still.image),
            waveform=self._waveform(still, files), sample_rate=RATE, labels=self._labels(files.masks[0])[None],
            annotated=once, valid=once.clone(), identifier=_name(files),
        )  # fmt: skip

    def files(self, index: int) -> ClipFiles:
        """The paths of clip `index`, relative to `root`."""
        return self.stills[index % len(self.stills)].files(self.subset)

    def entry(self, index: int) -> ClipEntry:
        """Clip `index` without reading it."""
        ending = ", mirrored" if index >= len(self.stills) else ""  # as `mirror` names it
        return ClipEntry(_name(self.files(index)) + ending, 1, self.subset)

    def _waveform(self, still: Still, files: ClipFiles) -> Tensor:
        """(2, S), or (1, S) mono, at 16 kHz: every recording cut, put in its place, and added."""
        length = round(self.seconds * RATE)
        heard = []
        for path, position in zip(files.sounds, still.positions):
            waveform, rate = read_audio(inside(self.root, path))
            mono = middle(resample(waveform.mean(dim=0), rate, RATE), length)
            heard.append(pan(mono, position) if self.sound == "stereo" else mono[None])
        return torch.stack(heard).sum(dim=0)

    def _labels(self, path: str) -> Tensor:
        """(H, W) long, 0 to 21; 255 stays "ignore"."""
        where = inside(self.root, path)
        ids = read_image(where, size=self.size, fit=self.fit, mode="as stored", nearest=True)
        labels = LABEL_OF_ID[ids]
        if (labels < 0).any():
            odd = ", ".join(map(str, np.unique(ids[labels < 0])))
            raise UserError(f"{where}: pixels of value {odd}, which is no class of VPO")
        return torch.from_numpy(labels)


def read_stills(rows: list[Row], subset: str, table: str) -> list[Still]:
    """One still a row in VPO-SS, one an image in the others, in the order of the table."""
    stills: dict[str, Still] = {}
    for number, row in enumerate(rows):
        for column in NAMES[subset]:
            plain_name(row[column], f"{table}, column {column}")
        still = Still(
            row["img_Id"], row["ann_Ids"], row["cateName"], row.get("multi_instance", "1") not in ("0", "0.0"),
            (row["vgg_file"],), (_position(row["audio_pos"], table),),
        )  # fmt: skip
        key = str(number) if subset == "vpo-ss" else still.image
        if known := stills.get(key):
            sounds, positions = known.sounds + still.sounds, known.positions + still.positions
            still = replace(known, sounds=sounds, positions=positions)
        stills[key] = still
    return list(stills.values())


def _name(files: ClipFiles) -> str:
    return files.masks[0].split("/mask/")[1].removesuffix(".png")


def middle(mono: Tensor, length: int) -> Tensor:
    """(S,) -> (length,) samples out of the middle; shorter sound is repeated from its start."""
    if mono.shape[0] < length:
        return mono.repeat(-(-length // mono.shape[0]))[:length]
    start = mono.shape[0] // 2 - length // 2
    return mono[start : start + length]


def _position(text: str, table: str) -> float:
    try:
        position = float(text)
    except ValueError:
        position = -1.0
    if not 0.0 <= position <= 1.0:
        raise UserError(f"{table}: audio_pos {text!r}; it must be a number from 0 (left) to 1 (right)")
    return position


LABEL_OF_ID = np.full(256, -1, np.int64)
"""(256,) COCO id -> label, -1 for ids of no class."""
LABEL_OF_ID[[0, *COCO_ID.values(), IGNORE]] = [*range(len(COCO_ID) + 1), IGNORE]
