"""AVSBench-semantic: classes in colours, clips of five (v1s, v1m) and ten seconds (v2).

The layout is stated in `avslib.data.readers.layouts`; "Audio-Visual Segmentation with Semantics", Zhou et al., 2023.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from avslib.audio.files import read_audio
from avslib.audio.frontends import VGGishLogMel
from avslib.data.listing import ClipEntry
from avslib.data.loading.collate import HEARD
from avslib.data.readers import layouts
from avslib.data.readers.images import Fit, Pixels, read_image
from avslib.data.readers.layouts import SEMANTIC_LENGTH, SEMANTIC_SECONDS, ClipFiles
from avslib.data.readers.palette import Unknown, to_labels
from avslib.data.readers.paths import data_folder, expect, inside, plain_name
from avslib.data.readers.stacks import pad_frames, pad_sound, stack_frames
from avslib.data.readers.tables import of_split, read_table
from avslib.errors import UserError
from avslib.types import IGNORE, Clip


class AVSBenchSemantic(Dataset[Clip]):
    """Clips of ten seconds, from the files of the release; those of v1s and v1m have five, and are padded.

    root:    the folder with metadata.csv, label2idx.json and the folders of the parts
    subsets: which parts; v1s is S4 and v1m is MS3 with classes, v2 is new
    split:   "train", "val" or "test". Training clips of v1s have the mask of second 0 alone, the other seconds
             are labelled 255; val and test clips have all, but as in the authors' loader second 0 alone is
             `annotated` in them, too (scores do not look at that)
    size:    side of the square frames, pixels; None for the files as they are
    fit:     how they become square, "squash" or "crop"; the authors crop for training
    unknown: what pixels become whose colour is in no palette: "background", as in the authors' loader, or
             "ignore". The first clip with such pixels is reported as a warning; `stray_colours` counts them

    classes: the names of labels 1 .. K-1, from label2idx.json. Padded seconds are not `valid`: they show the
    mean colour, are silent, and are labelled background. extras: "heard", the number of seconds (T at most) for
    which the file has sound; VGGish's log-mel of the others is 0 in a batch, as in the authors' loader.
    Raises UserError as `AVSBenchObject` does, and for a label2idx.json that does not number its names.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        subsets: Sequence[str] = tuple(SEMANTIC_SECONDS),
        split: str = "train",
        size: int | None = 224,
        fit: Fit = "squash",
        unknown: Unknown = "background",
    ) -> None:
        if unknown not in ("background", "ignore"):
            raise UserError(f"unknown={unknown!r}; pixels of unknown colours become background or ignore")
        if not subsets or not set(subsets) <= set(SEMANTIC_SECONDS):
            raise UserError(f"subsets {tuple(subsets)}; choose among {', '.join(SEMANTIC_SECONDS)}")
        self.root, self.split, self.unknown = data_folder(root), split, unknown
        self.size, self.fit = size, fit
        self.classes = read_classes(inside(self.root, layouts.SEMANTIC_CLASSES_FILE))
        table = inside(self.root, layouts.SEMANTIC_TABLE)
        rows = read_table(table, layouts.SEMANTIC_COLUMNS, needed=layouts.NEEDED["avss"])
        chosen = [row for row in of_split(rows, split, table) if row["label"] in subsets]
        if not chosen:
            raise UserError(f"{table}: no {split} clip of {', '.join(subsets)}; ask for other subsets")
        self.clips = [(row["label"], plain_name(row["uid"], str(table))) for row in chosen]
        expect(self.root, [f"{label}/{uid}" for label, uid in self.clips])
        self._warned = False

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Clip:
        label, uid = self.clips[index]
        files, seconds = self.files(index), torch.arange(SEMANTIC_LENGTH)
        valid = seconds < SEMANTIC_SECONDS[label]
        masks = layouts.semantic_masks(label, self.split)
        annotated = seconds < layouts.semantic_annotated(label)
        frames = stack_frames([self._read(path, size=self.size) for path in files.frames], uid)
        known = stack_frames(self._masks(files.masks[:masks]), uid)
        labels = known.new_zeros(SEMANTIC_LENGTH, *known.shape[1:])
        labels[valid] = IGNORE
        labels[:masks] = known
        waveform, rate = read_audio(inside(self.root, files.sounds[0]))
        heard = min(SEMANTIC_LENGTH, VGGishLogMel.examples(waveform.shape[-1], rate))
        return Clip(
            frames=pad_frames(frames, SEMANTIC_LENGTH), waveform=pad_sound(waveform, SEMANTIC_LENGTH * rate),
            sample_rate=rate, labels=labels, annotated=annotated, valid=valid, identifier=uid,
            extras={HEARD: torch.tensor(heard)},
        )  # fmt: skip

    def files(self, index: int) -> ClipFiles:
        """The paths of clip `index`, relative to `root`."""
        return layouts.semantic_files(*self.clips[index])

    def entry(self, index: int) -> ClipEntry:
        """Clip `index` without reading it."""
        label, uid = self.clips[index]
        return ClipEntry(uid, SEMANTIC_SECONDS[label], label)

    def stray_colours(self, index: int) -> Counter[tuple[int, int, int]]:
        """{RGB that is not in the palette: pixels} over the masks of clip `index`, in their full size."""
        label, _ = self.clips[index]
        found: Counter[tuple[int, int, int]] = Counter()
        for path in self.files(index).masks[: layouts.semantic_masks(label, self.split)]:
            found.update(to_labels(self._read(path, size=None, nearest=True), len(self.classes) + 1)[1])
        return found

    def _masks(self, paths: Sequence[str]) -> list[npt.NDArray[np.int64]]:
        """(H, W) each; the first stray colours are reported."""
        masks, stray = [], Counter[tuple[int, int, int]]()
        for path in paths:
            rgb = self._read(path, size=self.size, nearest=True)
            labels, colours = to_labels(rgb, len(self.classes) + 1, unknown=self.unknown)
            masks.append(labels)
            stray.update(colours)
        if stray and not self._warned:
            self._warned = True
            warnings.warn(
                f"{self.root / paths[0]}: {stray.total()} pixels of this clip have {len(stray)} colours that "
                f"are not in the palette, most of them {stray.most_common(1)[0][0]}; they become "
                f"{self.unknown}. Further clips are not reported; count with stray_colours(index)",
                stacklevel=3,
            )
        return masks

    def _read(self, path: str, *, size: int | None, nearest: bool = False) -> Pixels:
        return read_image(inside(self.root, path), size=size, fit=self.fit, nearest=nearest)


def read_classes(path: Path) -> tuple[str, ...]:
    """The names of labels 1 .. K-1 out of label2idx.json, {name: index}; the first is the background, 0 or 1.

    Raises UserError when the file is missing or damaged, or its indices are not 0 .. K-1 (or 1 .. K).
    """
    if not path.is_file():
        raise UserError(f"{path}: missing; it comes with the release, beside metadata.csv")
    try:
        numbers = {
            int(index): str(name) for name, index in json.loads(path.read_text(encoding="utf-8")).items()
        }
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a table {{name: index}} ({error}); get it again") from None
    if numbers.get(1) == "background":  # the order of the names counts, for the authors' loader alone
        numbers = {index - 1: name for index, name in numbers.items()}
    if sorted(numbers) != list(range(len(numbers))) or not 2 <= len(numbers) <= IGNORE:
        raise UserError(f"{path}: its indices are not 0 to {len(numbers) - 1}, one a name; get it again")
    return tuple(numbers[index] for index in range(1, len(numbers)))
