"""Every data set by its name: what is in it, how it is opened, how it is scored. The one list of data.

DATASETS["mini/ms3"].open("test")
DATASETS["avsbench/ms3"].open("test", folder=Path("AVSBench"))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from avslib.data.mini.pack import CLASSES, CORE_CLASSES, EDITION
from avslib.data.mini.scenes import MiniScenes
from avslib.data.mini.subsets import SUBSETS
from avslib.data.readers.avsbench_object import AVSBenchObject
from avslib.data.readers.avsbench_semantic import AVSBenchSemantic
from avslib.data.readers.layouts import SEMANTIC_NAMES, VPO_TABLE
from avslib.data.readers.vpo import VPO
from avslib.errors import UserError
from avslib.metrics.protocols import AVSBenchBinary, DatasetLevel
from avslib.metrics.protocols import AVSBenchSemantic as SemanticProtocol
from avslib.types import Clips, ScoringProtocol


@dataclass(frozen=True)
class Wanted:
    """How a split is wanted. What a data set does not offer it leaves aside: a benchmark has no seed.

    size:          side of the square pictures, pixels; None for pictures as they are
    fold:          which instances are held out;  seed: of composed training scenes
    length:        how many composed scenes;  seconds: T of composed training scenes, None for the data's own
    turns:         composed training scenes in which the objects take turns to sound
    sound_seconds: of sound around a still
    """

    split: str
    folder: Path | None = None
    size: int | None = 224
    fold: int = 0
    seed: int = 0
    length: int = 200
    seconds: int | None = None
    turns: bool = False
    sound_seconds: float = 1.0


@dataclass(frozen=True)
class DataSpec:
    """One data set.

    name:          what `--data` and `open_data` call it
    task:          the benchmark that it is or mirrors: s4, ms3, avss, vpo-ss, vpo-ms or vpo-msmi
    classes:       K, the logits a pixel gets: 1 for binary masks, else the classes and the background
    read:          how a `Wanted` split is read
    protocols:     () -> fresh protocols; the first one's first number chooses the best epoch
    tests:         the splits that a run is scored on; "test-seen" shows training cut-outs in new scenes
    composed:      scenes are composed on the fly: any number of them, in folds; else files in a folder
    validates:     has a validation split of its own by which weights may be chosen; VPO has none
    edition:       of AVS-Mini, whose results of two editions are not to be compared
    sound_seconds: how much sound there is for a frame;  sound_channels: 1 mono, 2 left and right
    names:         of classes 1, 2, ..., where the data set gives names
    """

    name: str
    task: str
    classes: int
    read: Callable[[Wanted], Clips]
    protocols: Callable[[], list[ScoringProtocol]]
    tests: tuple[str, ...] = ("test",)
    composed: bool = False
    validates: bool = True
    edition: int | None = None
    sound_seconds: float = 1.0
    sound_channels: int = 1
    names: tuple[str, ...] = ()

    @property
    def seconds(self) -> int:
        """T of its longest clips."""
        return {"s4": 5, "ms3": 5, "avss": 10}.get(self.task, 1)

    def open(self, split: str, *, folder: Path | str | None = None, **wanted: object) -> Clips:
        """`split` ("train", "val", "test"; "test-seen" and "by-source" of AVS-Mini); `wanted`: other fields of `Wanted`.

        Raises UserError: a folder is missing or not needed, a fold of a benchmark, and as the readers do.
        """
        where = None if folder is None else Path(folder)
        self.check(where, int(wanted.get("fold", 0)))  # type: ignore[call-overload]
        clips = self.read(Wanted(split, where, **{"sound_seconds": self.sound_seconds, **wanted}))  # type: ignore[arg-type]
        clips.spec = self  # type: ignore[attr-defined]
        return clips

    def check(self, folder: Path | None, fold: int = 0) -> None:
        """Raises UserError when a benchmark comes without its folder, or AVS-Mini with one; and for a fold."""
        if self.composed and folder is not None:
            known = ", ".join(name for name, spec in DATASETS.items() if not spec.composed)
            raise UserError(f"--data-dir {folder}: {self.name} needs no folder; real data are {known}")
        if not self.composed and folder is None:
            raise UserError(
                f"{self.name} is not part of avslib: give the folder of the release with --data-dir DIR"
            )
        if fold and not self.composed:
            raise UserError(f"fold {fold}: {self.name} comes with one split; folds are AVS-Mini's")


def protocols(classes: int) -> list[ScoringProtocol]:
    """The benchmark's own, with the batches of 4 clips of its test.sh, and one global count."""
    if classes > 1:
        return [SemanticProtocol(classes=classes), DatasetLevel(classes=classes)]
    return [AVSBenchBinary(), DatasetLevel()]


def _mini(subset: str, classes: tuple[str, ...], wanted: Wanted) -> Clips:
    """AVS-Mini's scenes. The seed moves the training scenes only: all runs of a fold are scored on the same ones."""
    train = wanted.split == "train"
    return MiniScenes(
        subset,
        split=wanted.split.removesuffix("-seen"),
        fold=wanted.fold,
        length=wanted.length,
        size=wanted.size or 224,
        seconds=wanted.seconds if train else None,
        turns=wanted.turns and train,
        seed=wanted.seed if train else 0,
        instances="seen" if wanted.split == "test-seen" else "unseen",
        classes=classes,
    )


def _folder(wanted: Wanted) -> Path:
    assert wanted.folder is not None, "DataSpec.check has seen to that"
    return wanted.folder


def _object(subset: str, wanted: Wanted) -> Clips:
    return AVSBenchObject(_folder(wanted), subset=subset, split=wanted.split, size=wanted.size)


def _semantic(wanted: Wanted) -> Clips:
    """Training clips are cropped, the others squashed, as the authors do."""
    fit = "crop" if wanted.split == "train" and wanted.size else "squash"
    return AVSBenchSemantic(_folder(wanted), split=wanted.split, size=wanted.size, fit=fit)  # type: ignore[arg-type]


def _vpo(subset: str, wanted: Wanted) -> Clips:
    """VPO's "val" is its test split, as in CAVP: choose no weights by it."""
    split = "test" if wanted.split == "val" else wanted.split
    return VPO(_folder(wanted), subset=subset, split=split, size=wanted.size, seconds=wanted.sound_seconds)


def _mini_spec(subset: str, pack: str = "mini", names: tuple[str, ...] = CORE_CLASSES) -> DataSpec:
    classes = 1 if SUBSETS[subset][0].subset.binary else 1 + len(names)
    return DataSpec(
        name=f"{pack}/{subset}",
        task=subset,
        classes=classes,
        read=partial(_mini, subset, names),
        protocols=partial(protocols, classes),
        tests=("test", "test-seen"),
        composed=True,
        edition=EDITION,
        sound_channels=2 if subset.startswith("vpo") else 1,
        names=names if classes > 1 else (),
    )


def _vpo_spec(subset: str) -> DataSpec:
    return DataSpec(
        name=subset, task=subset, classes=22, read=partial(_vpo, subset), protocols=partial(protocols, 22),
        validates=False,
        sound_seconds=3.0, sound_channels=2,
    )  # fmt: skip


DATASETS: Mapping[str, DataSpec] = {
    spec.name: spec
    for spec in (
        *map(_mini_spec, ("ms3", "s4", "avss", "vpo-ss", "vpo-ms", "vpo-msmi")),
        *(_mini_spec(subset, "mini-16", CLASSES) for subset in ("ms3", "avss")),
        DataSpec("avsbench/s4", "s4", 1, partial(_object, "s4"), partial(protocols, 1)),
        DataSpec("avsbench/ms3", "ms3", 1, partial(_object, "ms3"), partial(protocols, 1)),
        DataSpec("avss", "avss", 71, _semantic, partial(protocols, 71), names=SEMANTIC_NAMES[1:]),
        *map(_vpo_spec, VPO_TABLE),
    )
}
"""Name -> data set."""


def find_data(name: str, more: Mapping[str, DataSpec] | None = None) -> DataSpec:
    """The data set called `name`, in `more` or in `DATASETS`. Raises UserError listing the known names."""
    known = {**DATASETS, **(more or {})}
    if name not in known:
        raise UserError(f"unknown data {name!r}; choose one of: {', '.join(known)}")
    return known[name]
