"""The csv tables of the benchmarks, by column name."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from avslib.data.readers.layouts import SPLITS
from avslib.errors import UserError

Row = dict[str, str]


def read_table(
    path: Path,
    columns: Sequence[str],
    *,
    needed: Sequence[str] | None = None,
    positional: bool = False,
) -> list[Row]:
    """The rows of a csv file as {column: text}.

    columns:    the columns of the layout, in its order
    needed:     those that must be there; all of `columns` if None. Others may be missing, more may be there
    positional: a table whose first line does not name them is read by position, as the authors' loaders do
                (`columns` in order); with or without a line of other names on top

    Raises UserError for a file that is missing, is no csv text, lacks columns, or has a row that is short.
    """
    needed = columns if needed is None else needed
    lines = _lines(path)
    if not lines:
        raise UserError(f"{path}: empty; get the table of the release again")
    names = [name.strip() for name in lines[0]]
    absent = [name for name in needed if name not in names]
    if absent and positional and len(names) >= len(columns):
        headed = not any(cell.strip() in SPLITS for cell in lines[0])  # else the first line is data already
        names, lines = list(columns) + names[len(columns) :], lines if headed else [[], *lines]
    elif absent:
        raise UserError(f"{path}: no column {', '.join(absent)}; it has {', '.join(names)}")
    for number, line in enumerate(lines[1:], start=2):
        if len(line) < len(names):
            raise UserError(f"{path}: line {number} has {len(line)} of {len(names)} columns; correct it")
    return [dict(zip(names, (cell.strip() for cell in line))) for line in lines[1:]]


def read_headless(path: Path, columns: Sequence[str]) -> list[Row]:
    """The rows of a csv file that does not name its columns, as {column: text}; more cells may follow.

    Raises UserError for a file that is missing, empty or no csv text, or has a row that is short.
    """
    lines = _lines(path)
    if not lines:
        raise UserError(f"{path}: empty; get the table again")
    for number, line in enumerate(lines, start=1):
        if len(line) < len(columns):
            what = f"has {len(line)} of {len(columns)} columns ({', '.join(columns)})"
            raise UserError(f"{path}: line {number} {what}; correct it")
    return [dict(zip(columns, (cell.strip() for cell in line))) for line in lines]


def of_split(rows: list[Row], split: str, path: Path) -> list[Row]:
    """The rows of one split. Raises UserError when `split` is unknown or holds no row."""
    if split not in SPLITS:
        raise UserError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
    chosen = [row for row in rows if row["split"] == split]
    if not chosen:
        known = ", ".join(sorted({row["split"] for row in rows})) or "nothing"
        raise UserError(f"{path}: no row of split {split!r}; its column 'split' holds {known}")
    return chosen


def _lines(path: Path) -> list[list[str]]:
    """The cells of every line that is not empty."""
    if not path.is_file():
        raise UserError(f"{path}: no such table; give the folder that holds the release as it was unpacked")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [line for line in csv.reader(file) if any(line)]
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a csv table ({error}); get the table of the release again") from None
