"""What the doctor found, as one table, the faults by kind, and the next command."""

from __future__ import annotations

import csv
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from pathlib import Path

from avslib.data.doctor.advice import next_command
from avslib.data.doctor.checks import Findings
from avslib.data.doctor.faults import CORRUPT, KINDS, MISSING, Fault
from avslib.data.doctor.inventory import Inventory, Listed
from avslib.data.readers.layouts import COCO_ID, SPLITS, TABLES
from avslib.errors import UserError

WIDTH, SHOWN, LONG = 110, 10, 200
HEAD = (
    "data", "split", "clips", "of", "frames", "masks", "sounds", "missing", "corrupt", "wrong",
    "silent masks", "mono", "clipped", "silent", "odd length", "stray px",
)  # fmt: skip
LEGEND = """clips: in the table; of: as the paper says, or as AVS-Mini was ordered. frames, masks, sounds: whole files. missing, corrupt, wrong: \
faults. The rest is no fault: masks in which nothing sounds; sounds that are mono, clipped, silent, or more than \
0.5 s off; pixels of colours that are nobody's."""


@dataclass(frozen=True)
class Report:
    """`faults` in order, `findings` one for each of `inventory.clips`. `str()` is the page to read."""

    inventory: Inventory
    findings: Sequence[Findings]
    faults: Sequence[Fault]

    def __str__(self) -> str:
        found = self.inventory
        whose = " (AVS-Mini)" if found.order else ""
        absent = [name for name in TABLES if name not in found.subsets]
        parts = [
            f"{found.root}: {', '.join(found.subsets)}{whose}; not here: {', '.join(absent) or 'nothing'}",
            align([HEAD, *self._rows()]),
            textwrap.fill(LEGEND, WIDTH),
            *self._classes(),
            *self._notes(),
            *self._faults(),
            next_command(found, self.faults),
        ]
        return "\n\n".join(parts)

    def write_csv(self, path: Path) -> None:
        """All faults as a table. Raises UserError when it cannot be written."""
        try:
            with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
                writer = csv.writer(file)
                writer.writerow(("kind", "path", "what"))
                writer.writerows((fault.kind, fault.path, fault.what) for fault in self.faults)
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror}); give another file") from None

    def _rows(self) -> Iterator[tuple[str, ...]]:
        """One line a split, and one for what belongs to no single clip."""
        own: dict[tuple[str, str], list[Findings]] = defaultdict(list)
        for clip, one in zip(self.inventory.clips, self.findings):
            own[clip.subset, clip.split].append(one)
        for subset, split in product(self.inventory.subsets, SPLITS):
            expected = self.inventory.expected(subset).get(split)
            if own[subset, split] or expected:
                yield self._row(subset, split, own[subset, split], expected)
        clip_faults = {fault for one in self.findings for fault in one.faults}
        if others := [fault for fault in self.faults if fault not in clip_faults]:
            yield ("all", "tables", *("",) * 5, *_of_each(others), *("",) * 6)

    def _row(self, subset: str, split: str, own: Sequence[Findings], expected: int | None) -> tuple[str, ...]:
        counts = sum((one.counts for one in own), Counter[str]())
        return (
            subset, split, str(len(own)), "" if expected is None else str(expected),
            *(str(counts[name]) for name in ("frames", "masks", "sounds")),
            *_of_each([fault for one in own for fault in one.faults]),
            *(str(counts[name]) for name in ("silent", "mono", "clipped", "quiet", "odd", "stray")),
        )  # fmt: skip

    def _classes(self) -> Iterator[str]:
        """How many clips each class sounds in; MS3 has no classes."""
        for subset in self.inventory.subsets:
            counts = Counter[str]()
            for clip, one in zip(self.inventory.clips, self.findings):
                if clip.subset == subset:
                    counts.update(self._sounding(clip, one))
            if counts:
                listed = ", ".join(f"{name} {count}" for name, count in counts.most_common())
                yield textwrap.fill(f"{subset}, clips by class: {listed}", WIDTH, subsequent_indent="    ")

    def _sounding(self, clip: Listed, one: Findings) -> list[str]:
        if clip.masks == "binary":
            return [clip.heading] if clip.heading else []
        names = tuple(COCO_ID) if clip.masks == "ids" else self.inventory.classes
        return [names[label - 1] for label in one.labels]

    def _notes(self) -> Iterator[str]:
        """What is no fault, but good to know."""
        if piped := sum(one.counts["piped"] for one in self.findings):
            what = "written through a pipe: their headers do not say how long they are, and they are read to the end"
            yield textwrap.fill(f"note: {piped} sounds were {what}", WIDTH)

    def _faults(self) -> Iterator[str]:
        for kind, group in groupby(self.faults, key=lambda fault: fault.kind):
            faults = list(group)
            lines = [f"  {_short(printable(f'{fault.path}: {fault.what}'))}" for fault in faults[:SHOWN]]
            if len(faults) > SHOWN:
                lines.append(f"  and {len(faults) - SHOWN} more; all of them: --csv FILE")
            yield "\n".join((f"{kind} ({len(faults)}): {KINDS[kind]}", *lines))


def _of_each(faults: Sequence[Fault]) -> tuple[str, str, str]:
    """How many are missing, corrupt, and wrong otherwise."""
    missing = sum(fault.kind in MISSING for fault in faults)
    corrupt = sum(fault.kind in CORRUPT for fault in faults)
    return str(missing), str(corrupt), str(len(faults) - missing - corrupt)


def _short(line: str) -> str:
    return line if len(line) <= LONG else f"{line[:LONG]} ... (whole: --csv FILE)"


def printable(text: str) -> str:
    """Names on disk can hold anything, commands to the terminal too."""
    return text if text.isprintable() else ascii(text)


def align(rows: Sequence[Sequence[str]]) -> str:
    """Columns of text, words to the left and numbers to the right; a heading of two words takes two lines."""
    head = [name.rpartition(" ") for name in rows[0]]
    lines = [[first for first, _, _ in head], [last for _, _, last in head], *rows[1:]]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join(c.ljust(w) if k < 2 else c.rjust(w) for k, (c, w) in enumerate(zip(line, widths))).rstrip()
        for line in lines
    )
