"""AVS-Mini on disk, in the layouts of AVSBench and VPO: `write_mini(Path("mini"), layout="avsbench")`.

The files have the names of the real releases, and classes their numbers, so that any loader of those reads them. Run
again, it writes only what is missing; it refuses a folder that holds anything else.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice, product
from pathlib import Path

from tqdm.auto import tqdm

from avslib.data.mini.files import SEMANTIC_NAMES, Row, entry, fits
from avslib.data.mini.pack import CORE_CLASSES, FOLDER, LICENCES, Item
from avslib.data.mini.scene import Scene
from avslib.data.mini.scenes import MiniScenes
from avslib.data.readers import layouts
from avslib.data.readers.paths import holds_anything
from avslib.errors import UserError
from avslib.files import write_file

LAYOUTS = {"avsbench": ("s4", "ms3", "avss"), "vpo": ("vpo-ss", "vpo-ms", "vpo-msmi")}
"""Layout -> the subsets it holds."""
SHARES = {
    "avsbench": {"train": 0.7, "val": 0.1, "test": 0.2},
    "vpo": {"train": 0.8, "test": 0.2},  # VPO has no validation split
}
MARK = "avs-mini.json"
"""Tells which folders are ours, and what is in them."""


@dataclass(frozen=True)
class MiniOrder:
    """What is to be written; `avs-mini.json` holds it, with a checksum of AVS-Mini's manifest.

    clips: of each subset, train, val and test together; the other fields as for `MiniScenes`
    """

    layout: str
    subsets: tuple[str, ...]
    clips: int
    size: int
    fold: int
    seed: int
    family: str | None
    manifest: str = field(
        default_factory=lambda: hashlib.sha256((FOLDER / "manifest.csv").read_bytes()).hexdigest()
    )

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise UserError(f"unknown layout {self.layout!r}; choose one of {', '.join(LAYOUTS)}")
        for subset in self.subsets:
            if subset not in LAYOUTS[self.layout]:
                known = ", ".join(LAYOUTS[self.layout])
                raise UserError(f"layout {self.layout} has no subset {subset!r}; choose of {known}")
        if min(self.count.values()) < 1:
            raise UserError(f"{self.clips} clips are too few for {', '.join(self.count)}; write 10 or more")

    @property
    def count(self) -> dict[str, int]:
        """{split: clips of each subset}."""
        shares = SHARES[self.layout]
        count = {split: round(share * self.clips) for split, share in shares.items()}
        return count | {"train": self.clips - sum(count.values()) + count["train"]}


def write_mini(
    folder: Path, *, layout: str, subsets: tuple[str, ...] = (), clips: int = 200, size: int = 224,
    fold: int = 0, seed: int = 0, family: str | None = None, progress: bool = True,
) -> int:  # fmt: skip
    """Write `clips` scenes of each of `subsets` (all of the layout's if empty); how many scenes there are now.

    A scene is the one that `MiniScenes(subset, split=..., fold=fold, size=size, seed=seed, family=family)` has at
    the index in its name; scenes that VPO cannot hold are passed over there, see `files.fits`. Pictures
    are png in AVSBench-object and else jpg, sounds wav of 16 bits. A file that is there is taken to be
    whole, because every file is put in place at once; to have a damaged one written again, delete it.

    Raises UserError when the folder holds anything but an earlier part of the same order, or cannot be written.
    """
    order = MiniOrder(layout, tuple(subsets) or LAYOUTS.get(layout, ()), clips, size, fold, seed, family)
    parts = [(*each, _fitting(order, *each)) for each in product(order.subsets, order.count)]
    prepare(folder, order)
    tables: dict[str, list[Row]] = {subset: [] for subset in order.subsets}
    used: set[Item] = set()
    with tqdm(total=len(order.subsets) * clips, unit="clip", disable=not progress) as bar:
        for subset, split, scenes in parts:
            bar.set_description(f"{subset} {split}")
            for index, scene in islice(scenes, order.count[split]):
                rows, files = entry(scene, subset, split, index)
                for path, make in files.items():
                    if not (folder / path).exists():
                        write_file(folder / path, make())
                tables[subset] += rows
                used.update(scene.files)
                bar.update()
    for subset, rows in tables.items():
        write_file(folder / layouts.TABLES[subset], table(layouts.COLUMNS[subset], rows))
    if "avss" in order.subsets:
        write_file(folder / layouts.SEMANTIC_CLASSES_FILE, class_list(SEMANTIC_NAMES))
    write_file(folder / "README.md", read_me(order, used).encode())
    return len(order.subsets) * clips


def _fitting(order: MiniOrder, subset: str, split: str) -> Iterator[tuple[int, Scene]]:
    """(index, scene) of those that the layout can hold, out of as many as file names have digits for. What is wrong
    with the order is told at once; scenes are composed when they are asked for."""
    scenes = MiniScenes(
        subset, split=split, fold=order.fold, size=order.size, seed=order.seed, family=order.family, length=10**6
    )  # fmt: skip
    every = enumerate(map(scenes.scene, range(len(scenes))))
    return ((index, scene) for index, scene in every if fits(scene, subset))


def prepare(folder: Path, order: MiniOrder) -> None:
    """Mark an empty folder as ours, or find the same mark. Raises UserError otherwise."""
    mark = folder / MARK
    text = json.dumps(asdict(order), indent=2) + "\n"
    try:
        if mark.is_file():
            if json.loads(mark.read_text(encoding="utf-8")) != json.loads(text):
                raise UserError(f"{mark}: was written with other options; give those, or another folder")
            _check_labels(folder / layouts.SEMANTIC_CLASSES_FILE)
            return
        if folder.exists() and (not folder.is_dir() or holds_anything(folder)):
            raise UserError(f"{folder}: is not empty and not AVS-Mini; give a new folder")
    except (OSError, json.JSONDecodeError) as error:
        raise UserError(f"{mark}: cannot be read ({error}); give another folder") from None
    write_file(mark, text.encode())


def class_list(names: Sequence[str]) -> bytes:
    """label2idx.json: {name: label}."""
    return json.dumps({name: label for label, name in enumerate(names)}, indent=2).encode()


def _check_labels(path: Path) -> None:
    """Raises UserError where an earlier avslib wrote masks with the labels 1 to 8, which stand for others now."""
    if path.is_file() and path.read_bytes() == class_list(("background", *CORE_CLASSES)):
        raise UserError(f"{path}: an earlier avslib wrote it with other labels; give a new folder")


def table(columns: tuple[str, ...], rows: list[Row]) -> bytes:
    """A csv file with a head line."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def read_me(order: MiniOrder, used: set[Item]) -> str:
    """What the folder holds, under which licence, and whose work it is."""
    licence = "Files of several licences are mixed: use it, but do not publish it."
    if order.family:
        licence = f"The scenes are under {LICENCES[order.family]}."
    credits = sorted({f"- {item.author} ({item.source}): {item.licence}" for item in used})
    semantic = ""
    if "avss" in order.subsets:
        semantic = " AVSBench has no cow: in label2idx.json it stands for clock."
    counts = ", ".join(f"{count} {split}" for split, count in order.count.items())
    return "\n".join(
        (
            "# AVS-Mini", "",
            f"Composed scenes in the layout of {order.layout}: {', '.join(order.subsets)}, of each {counts} clips, "
            f"{order.size} pixels, fold {order.fold}, seed {order.seed}. Not the real benchmark." + semantic, "",
            licence + " They are made of files by", "", *credits, "",
        )
    )  # fmt: skip
