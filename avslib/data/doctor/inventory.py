"""Which releases lie in a folder, and what their tables say should be there."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from avslib.data.doctor.faults import Fault
from avslib.data.mini.writer import MARK, MiniOrder
from avslib.data.readers import layouts
from avslib.data.readers.avsbench_semantic import read_classes
from avslib.data.readers.layouts import SPLITS, TABLES, ClipFiles
from avslib.data.readers.paths import inside, left_behind, plain_name
from avslib.data.readers.tables import Row, read_table
from avslib.data.readers.vpo import read_stills
from avslib.errors import UserError

MASKS: dict[str, Literal["binary", "colours", "ids"]] = dict.fromkeys(layouts.VPO_TABLE, "ids") | {
    "s4": "binary", "ms3": "binary", "avss": "colours",
}  # type: ignore[assignment] # fmt: skip


@dataclass(frozen=True)
class Listed:
    """One clip as the tables list it.

    files:   where everything is, with as many masks as the release has; `log_mel` only where it has any
    seconds: how long its sound should be; None where any length will do
    masks:   how they store what sounds
    heading: its class in the table of S4
    """

    subset: str
    split: str
    name: str
    files: ClipFiles
    seconds: float | None
    masks: Literal["binary", "colours", "ids"]
    heading: str = ""


@dataclass
class Inventory:
    """What the tables of a folder list, what is wrong with them, and how many clips there should be."""

    root: Path
    clips: list[Listed] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    subsets: list[str] = field(default_factory=list)
    classes: tuple[str, ...] = ()
    order: MiniOrder | None = None

    def expected(self, subset: str) -> dict[str, int]:
        """{split: clips}: as the paper says, or as AVS-Mini was ordered."""
        if self.order is None:
            return layouts.COUNTS[subset]
        return self.order.count if subset in self.order.subsets else {}


def take_inventory(root: Path) -> Inventory:
    """Read the tables of all releases in `root`, a folder as `data_folder` gives it.

    Raises UserError when there is none.
    """
    found = Inventory(root, order=_mini_order(root))
    found.subsets = [name for name, table in TABLES.items() if os.path.lexists(root / table)]
    if not found.subsets:
        raise UserError(
            f"{root}: holds no benchmark: none of {', '.join(TABLES.values())}. Give the folder of a release as "
            "it was unpacked; how to get one: python data_scripts/avsbench_object.py --help (or "
            "avsbench_semantic.py, vpo.py, build_vpo.py); for AVS-Mini: avslib mini write DIR"
        )
    for subset in found.subsets:
        try:
            table = inside(root, TABLES[subset])
            if subset == "avss":
                found.classes = _classes(found)
            needed, positional = layouts.NEEDED.get(subset), subset in layouts.OBJECT_TABLE
            rows = read_table(table, layouts.COLUMNS[subset], needed=needed, positional=positional)
        except UserError as error:
            found.faults.append(Fault("table", TABLES[subset], _without(root, error)))
            continue
        judged = [(row, _odd(row, subset)) for row in rows]
        found.faults += [fault for _, fault in judged if fault]
        kept = _unique([row for row, fault in judged if not fault], subset, found)
        found.clips += _clips(kept, subset, found)
        if subset not in layouts.VPO_TABLE:
            found.faults += _unlisted(root, subset, {_name(row, subset) for row in rows})
    found.faults += _same_table(root)
    return found


def _name(row: Row, subset: str) -> str:
    return row[layouts.NAMES[subset][0]]


def _odd(row: Row, subset: str) -> Fault | None:
    """What is wrong with a row by itself: its names, split, part, or position."""
    table, name = TABLES[subset], _name(row, subset)
    try:
        for column in layouts.NAMES[subset]:
            plain_name(row[column], f"column {column}")
    except UserError as error:
        return Fault("unsafe name", table, str(error))
    if row["split"] not in SPLITS:
        return Fault("unknown split", table, f"{name} is in split {row['split']!r}")
    if subset == "avss" and row["label"] not in layouts.SEMANTIC_SECONDS:
        return Fault("unknown part", table, f"{name} has label {row['label']!r}, not v1s, v1m or v2")
    if subset in layouts.VPO_TABLE:
        row["split"] = row["split"].replace("val", "test")
        try:
            read_stills([row], subset, table)
        except UserError as error:
            return Fault("wrong position", table, f"{name}: {str(error).partition(': ')[2]}")
    return None


def _unique(rows: Sequence[Row], subset: str, found: Inventory) -> list[Row]:
    """The rows without those that come twice, in one split or in two; the first one stays."""
    split_of: dict[str, str] = {}
    seen: set[tuple[str, ...]] = set()
    kept = []
    for row in rows:
        name, split = _name(row, subset), row["split"]
        key = (name, row.get("category", ""), row.get("ann_Ids", ""), row.get("vgg_file", ""))
        if split_of.setdefault(name, split) != split:
            what = f"{name} is in {split_of[name]} and in {split}"
            found.faults.append(Fault("split leak", TABLES[subset], what))
        elif key in seen:
            found.faults.append(Fault("duplicate id", TABLES[subset], f"{name} is listed twice in {split}"))
        else:
            seen.add(key)
            kept.append(row)
    return kept


def _clips(rows: list[Row], subset: str, found: Inventory) -> Iterator[Listed]:
    if subset in layouts.VPO_TABLE:
        yield from _stills(rows, subset)
        return
    for row in rows:
        name, split, heading = _name(row, subset), row["split"], row.get("category", "")
        if subset == "avss":
            part = row["label"]
            files, seconds = layouts.semantic_files(part, name), layouts.SEMANTIC_SECONDS[part]
            count = layouts.semantic_masks(part, split)
        else:
            files, seconds = layouts.object_files(subset, name, split, heading), layouts.OBJECT_SECONDS
            count = layouts.object_masks(subset, split)
        pickles = f"{layouts.OBJECT_FOLDER.get(subset, '')}/audio_log_mel"
        log_mel = files.log_mel if (found.root / pickles).is_dir() else None
        files = ClipFiles(files.frames, files.masks[:count], files.sounds, log_mel)
        yield Listed(subset, split, name, files, seconds, MASKS[subset], heading if subset == "s4" else "")


def _stills(rows: list[Row], subset: str) -> Iterator[Listed]:
    for split in ("train", "test"):
        for still in read_stills([row for row in rows if row["split"] == split], subset, TABLES[subset]):
            yield Listed(subset, split, still.image, still.files(subset), None, "ids")


def _unlisted(root: Path, subset: str, names: set[str]) -> Iterator[Fault]:
    """Folders of clips that no row names."""
    patterns = {
        "s4": ["Single-source/s4_data/visual_frames/*/*/*"], "ms3": ["Multi-sources/ms3_data/visual_frames/*"],
        "avss": [f"{part}/*" for part in layouts.SEMANTIC_SECONDS],
    }[subset]  # fmt: skip
    for folder in sorted(path for pattern in patterns for path in root.glob(pattern)):
        if folder.name not in names and folder.is_dir() and not left_behind(str(folder.relative_to(root))):
            what = f"no row of {TABLES[subset]} names it"
            yield Fault("unlisted clip", str(folder.relative_to(root)), what)


def _same_table(root: Path) -> Iterator[Fault]:
    """VPO-MSMI is VPO-MS and more, but a user of CAVP reports an archive whose two tables are one (its issue 1)."""
    columns = layouts.COLUMNS["vpo-ms"]  # one that is a copy may lack the other's last
    try:
        tables = [read_table(inside(root, TABLES[subset]), columns) for subset in ("vpo-ms", "vpo-msmi")]
    except UserError:
        return  # told of before
    less, more = (sorted(tuple(row[name] for name in columns) for row in rows) for rows in tables)
    if less == more and less:
        what = (
            f"lists the {len(more)} rows of {TABLES['vpo-ms']} and no others; get a later archive of VPO-MSMI"
        )
        yield Fault("same table", TABLES["vpo-msmi"], f"{what}, or see data_scripts/build_vpo.py")


def _classes(found: Inventory) -> tuple[str, ...]:
    try:
        return read_classes(inside(found.root, layouts.SEMANTIC_CLASSES_FILE))
    except UserError as error:
        found.faults.append(Fault("class list", layouts.SEMANTIC_CLASSES_FILE, _without(found.root, error)))
        return tuple(f"class {k}" for k in range(1, 71))


def _mini_order(root: Path) -> MiniOrder | None:
    """What AVS-Mini was ordered, where the folder is AVS-Mini."""
    try:
        written: dict[str, Any] = json.loads((root / MARK).read_text(encoding="utf-8"))
        known = {f.name: written[f.name] for f in fields(MiniOrder)}
        return MiniOrder(**known | {"subsets": tuple(written["subsets"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _without(root: Path, error: UserError) -> str:
    """The message, without the path that is told anyway."""
    return str(error).partition(": ")[2] or str(error)


def count_faults(found: Inventory) -> Iterator[Fault]:
    """Splits that are not as large as they should be; asked where the table is otherwise in order."""
    listed = Counter((clip.subset, clip.split) for clip in found.clips)
    for subset in found.subsets:
        for split, count in found.expected(subset).items():
            if listed[subset, split] != count:
                whose = "the paper's" if found.order is None else "the ordered"
                what = f"{split} has {listed[subset, split]} of {whose} {count} clips"
                yield Fault("wrong count", TABLES[subset], what)
