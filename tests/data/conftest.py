"""A copy of a few files of AVS-Mini that tests may break."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from avslib.data.mini.pack import FOLDER, load_pack

KEPT = {
    "cutouts/cow_01.webp",
    "sounds/cow_000.ogg",
    "backgrounds/bg_000.jpg",
    "noise/noise_wind_000.ogg",
}


class Copy:
    """`folder` holds a manifest and the files it lists; `rewrite` changes the row of one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with (FOLDER / "manifest.csv").open(newline="", encoding="utf-8") as handle:
            self.rows = [row for row in csv.DictReader(handle) if row["path"] in KEPT]
        for row in self.rows:
            self.path(row["path"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(FOLDER / "pack" / row["path"], self.path(row["path"]))
        self.write(list(self.rows[0]))

    def path(self, name: str) -> Path:
        return self.folder / "pack" / name

    def write(self, columns: list[str]) -> None:
        with (self.folder / "manifest.csv").open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(self.rows)

    def rewrite(self, name: str, **values: str) -> None:
        for row in self.rows:
            if row["path"] == name:
                row.update(values)
        self.write(list(self.rows[0]))


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    load_pack.cache_clear()
    yield Copy(tmp_path)
    load_pack.cache_clear()
