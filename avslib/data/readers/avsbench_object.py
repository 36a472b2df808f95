"""AVSBench-object, the first audio-visual segmentation benchmark: S4 and MS3, binary masks, five seconds.

The layout is stated in `avslib.data.readers.layouts`; "Audio-Visual Segmentation", Zhou et al., ECCV 2022.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from avslib.audio.files import read_audio
from avslib.audio.frontends import VGGishLogMel
from avslib.data.listing import ClipEntry
from avslib.data.readers import layouts
from avslib.data.readers.images import Fit, Pixels, read_image
from avslib.data.readers.layouts import OBJECT_SECONDS, OBJECT_TABLE, ClipFiles
from avslib.data.readers.paths import data_folder, expect, inside, plain_name
from avslib.data.readers.safe_pickle import read_tensor
from avslib.data.readers.stacks import stack_frames
from avslib.data.readers.tables import Row, of_split, read_table
from avslib.errors import UserError
from avslib.types import IGNORE, Clip


class AVSBenchObject(Dataset[Clip]):
    """Clips of five seconds with one frame and one binary mask each, from the files of the release.

    root:   the folder that holds Single-source/ and Multi-sources/
    subset: "s4" (one source) or "ms3" (several)
    split:  "train", "val" or "test". Training clips of S4 have the mask of second 0 alone: the others are
            labelled 255, and are not `annotated`
    size:   side of the square frames, pixels; None for the files as they are (224 x 224 in the release)

    The waveform is the clip's wav file as it is. Raises UserError for a root without the release, an unknown
    subset or split, a table that names what is not there or not inside `root`; and, when a clip is read, for
    a file that is damaged.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        subset: str = "ms3",
        split: str = "train",
        size: int | None = 224,
        fit: Fit = "squash",
    ) -> None:
        if subset not in OBJECT_TABLE:
            raise UserError(f"unknown subset {subset!r} of AVSBench-object; choose one of s4, ms3")
        self.root, self.subset, self.split, self.size, self.fit = data_folder(root), subset, split, size, fit
        table = inside(self.root, OBJECT_TABLE[subset])
        rows = read_table(table, layouts.COLUMNS[subset], needed=layouts.NEEDED[subset], positional=True)
        self.rows = [self._checked(row, table) for row in of_split(rows, split, table)]
        expect(self.root, [files.frames[0].rpartition("/")[0] for files in map(self._files, self.rows)])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Clip:
        files, seconds = self.files(index), torch.arange(OBJECT_SECONDS)
        annotated = seconds < layouts.object_masks(self.subset, self.split)
        frames = [self._read(path) for path in files.frames]
        masks = [self._mask(path) for path in files.masks[: int(annotated.sum())]]
        masks += [np.full_like(masks[0], IGNORE)] * (OBJECT_SECONDS - len(masks))
        waveform, rate = read_audio(inside(self.root, files.sounds[0]))
        name = self.rows[index]["name"]
        return Clip(
            frames=stack_frames(frames, name), waveform=waveform, sample_rate=rate,
            labels=stack_frames(masks, name), annotated=annotated, valid=seconds >= 0, identifier=name,
        )  # fmt: skip

    def files(self, index: int) -> ClipFiles:
        """The paths of clip `index`, relative to `root`."""
        return self._files(self.rows[index])

    def entry(self, index: int) -> ClipEntry:
        """Clip `index` without reading it."""
        return ClipEntry(self.rows[index]["name"], OBJECT_SECONDS, self.subset)

    def log_mel(self, index: int, *, source: Literal["pickle", "wav"] = "pickle") -> Tensor:
        """(5, 1, 96, 64) VGGish log-mel of clip `index`: as released, or computed from the wav.

        Both are the same numbers, up to rounding, where the release's wav is the one the pickle was made of.
        The pickle is read without running what it holds. Raises UserError for another shape.
        """
        files = self.files(index)
        if source == "wav":
            waveform, rate = read_audio(inside(self.root, files.sounds[0]))
            return VGGishLogMel()(waveform, rate, frames=OBJECT_SECONDS)
        assert files.log_mel is not None
        path = inside(self.root, files.log_mel)
        stored = read_tensor(path).float()
        if stored.shape != (OBJECT_SECONDS, 1, 96, 64):
            raise UserError(f"{path}: shape {tuple(stored.shape)}, not (5, 1, 96, 64); take source='wav'")
        return stored

    def _checked(self, row: Row, table: Path) -> Row:
        name, *category = (plain_name(row[column], str(table)) for column in layouts.NAMES[self.subset])
        return {"name": name, "category": "".join(category)}  # MS3 has none

    def _files(self, row: Row) -> ClipFiles:
        return layouts.object_files(self.subset, row["name"], self.split, row["category"])

    def _read(self, path: str, **how: Any) -> Pixels:
        return read_image(inside(self.root, path), size=self.size, fit=self.fit, **how)

    def _mask(self, path: str) -> npt.NDArray[np.int64]:
        """(H, W), 1 above half of white. The authors' loaders agree on masks that hold 0 and 255 alone."""
        grey = self._read(path, mode="L", nearest=True)
        if 0 < grey.max() < 128:
            raise UserError(
                f"{self.root / path}: its brightest pixel is {grey.max()} of 255, so all of it would be "
                "background; store masks as 0 and 255"
            )
        return (grey > 127).astype(np.int64)
