"""Choose the files of AVS-Mini from larger packs and write avslib/data/mini/.

    python tools/choose_mini_pack.py FIRST SECOND      # folders with manifest.csv and the files it lists

The folders are given in the order of the editions: a file's edition is the number of its folder. A folder's
`credits.csv`, where there is one, says licences and authors; otherwise they are in the manifest.

Kept: tiers A and B, the sixteen classes of the course, photographs of everything else as objects that never
sound, noises and backgrounds. Left out: licences that are GFDL only, unclear or unusual; recordings of a rate
below 11 kHz, whose band is too narrow, or with a second that is hardly heard; noises in which a bird or a person may be heard, which could be
classes; backgrounds that show a class; pictures of a class under another name (a crow is a bird); children, and people whom a photograph of
somebody else's shows.
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from mini_rights import families, rights

from avslib.audio.files import read_audio, resample
from avslib.data.mini.pack import LOUDNESS, SAMPLE_RATE, treat

TARGET = Path(__file__).resolve().parent.parent / "avslib" / "data" / "mini"
CLASSES = (
    (
        "airplane bird cat cow dog man train woman car duck elephant frog hen horse pig sheep"  # the first 8: core
    ).split()
)
ANOTHER_NAME = "crow gull owl race_car baby boy girl".split()
SHOW_A_CLASS = ["bg_074"]
"""Backgrounds with something of a class in them that would be unlabelled; all were looked at. This one has two dogs."""
SAME = {"dog_03": "dog_img209", "cat_04": "cat_img03"}
"""Cut-out -> the instance that it belongs with, which no name tells: a photograph of two dogs that another source has
cut apart, and one cat photographed twice. Found by looking at all cut-outs of the sixteen classes side by side."""
ALIVE = "birds day_temperate day_temperate_gen day_tropical summer_night city coffee_shop".split()
LOWEST_RATE = 11_025
CLIPS_PER_SPEAKER = 3
CLIPS_PER_RECORDIST = 10
"""Of one class: what comes from one hand or package is of one sort."""
COLUMNS = (
    "path kind class instance group edition medium source origin licence family author seconds original_rate"
    " sha256"
).split()
QUIETEST = 0.1
"""Power of the quietest 0.96 s of a recording, in parts of its active part's: a second labelled as sounding is heard."""
Row = dict[str, str]


def read(folder: Path, edition: int) -> list[Row]:
    """The rows of a folder's manifest with `folder`, `edition`, `licence`, `author` and `family`."""
    credits: dict[str, Row] = {}
    if (folder / "credits.csv").is_file():
        with (folder / "credits.csv").open(newline="", encoding="utf-8") as handle:
            credits = {row["path"]: row for row in csv.DictReader(handle)}
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        told = credits.get(row["path"])
        row["licence"], row["author"] = (told["licence"], told["author"]) if told else rights(row)
        row |= {"folder": str(folder), "edition": str(edition), "family": families(row["licence"])}
    return rows


def wanted(row: Row) -> bool:
    """Of the right tier, licence, class and kind."""
    if row["tier"] not in "AB" or not row["family"] or not row["author"]:
        return False
    if row["kind"] == "background":
        return Path(row["path"]).stem not in SHOW_A_CLASS
    if row["kind"] == "noise":
        return row["cls"].removeprefix("noise_") not in ALIVE
    if row["kind"] == "cutout":
        silent = row["cls"] not in ANOTHER_NAME and row["medium"].startswith("photo")
        return row["cls"] in CLASSES or silent
    if row["cls"] not in CLASSES or not row["medium"].startswith("recording"):
        return False
    return (
        int(row["orig_sr"]) >= LOWEST_RATE and quietest_second(Path(row["folder"]) / row["path"]) > QUIETEST
    )


def quietest_second(path: Path) -> float:
    """The power of the quietest 0.96 s of a recording that is treated and repeated, in parts of its active part's."""
    waveform, rate = read_audio(path)
    sound = treat(resample(waveform.mean(dim=0, keepdim=True), rate, SAMPLE_RATE)[0].numpy(), path)
    window = int(0.96 * SAMPLE_RATE)
    repeated = np.resize(sound, len(sound) + window).astype(np.float64)
    energy = np.cumsum(np.concatenate(([0.0], repeated**2)))
    return float((energy[window:] - energy[:-window]).min() / window / LOUDNESS**2)


def group(row: Row) -> str:
    """What has to stay on one side of a split: a photograph (of several objects), or a recordist or package."""
    if row["kind"] == "sound":
        return f"{row['source_package']}: {row['author']}" if row["edition"] == "1" else row["author"]
    if Path(row["path"]).stem in SAME:
        return SAME[Path(row["path"]).stem]
    coco = re.search(r"(?:train|val)2017/0*(\d+)\.jpg", row["upstream_file"])
    return f"COCO {coco[1]}" if coco else row["instance"]


def thin(rows: list[Row]) -> list[Row]:
    """At most a few clips of one speaker, and of one recordist and class."""
    clips: Counter[tuple[str, ...]] = Counter()
    kept = []
    for row in rows:
        if row["kind"] == "sound":
            speech = "speech" in row["medium"]
            key = (row["instance"],) if speech else (row["cls"], row["group"])
            clips[key] += 1
            if clips[key] > (CLIPS_PER_SPEAKER if speech else CLIPS_PER_RECORDIST):
                continue
        kept.append(row)
    return kept


def one_photograph(rows: list[Row]) -> None:
    """Objects of one file of a source are of one photograph: give them one group."""
    of_file: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row["kind"] == "cutout":
            of_file[row["source_package"], row["upstream_file"]].append(row)
    for together in of_file.values():
        for row in together:
            row["group"] = together[0]["group"]


def convert(row: Row) -> Row:
    """A row of the source manifest in our columns."""
    return {
        "path": row["path"], "kind": row["kind"], "class": row["cls"].replace("_", "-"), "instance": row["instance"],
        "group": row["group"], "edition": row["edition"], "medium": row["medium"], "source": row["source_package"],
        "origin": row["upstream_file"], "licence": row["licence"], "family": row["family"], "author": row["author"],
        "seconds": row["seconds"], "original_rate": row["orig_sr"], "sha256": row["sha256"],
    }  # fmt: skip


def choose(folders: list[Path]) -> list[Row]:
    """The rows of all folders that AVS-Mini keeps, as they stand in the packs' manifests."""
    rows = [row for k, folder in enumerate(folders, start=1) for row in read(folder, k) if wanted(row)]
    for row in rows:
        row["group"] = group(row)
    one_photograph(rows)
    return thin(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    chosen = choose(parser.parse_args().folders)
    for folder in ("cutouts", "sounds", "noise", "backgrounds"):
        shutil.rmtree(TARGET / "pack" / folder, ignore_errors=True)
    for row in chosen:
        path = TARGET / "pack" / row["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(row["folder"]) / row["path"], path)
    with (TARGET / "manifest.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(convert, chosen))
    size = sum((TARGET / "pack" / row["path"]).stat().st_size for row in chosen)
    print(f"{len(chosen)} files, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
