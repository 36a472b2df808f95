"""Choose the files of AVS-Mini from a larger pack and write avslib/data/mini/.

    python tools/choose_mini_pack.py SOURCE_FOLDER      # a folder with manifest.csv and the files it lists

Kept: tiers A and B, the 18 classes of the course, pictures of other classes as objects that never sound,
noises and backgrounds. Left out: licences that are GFDL only, unclear or unusual, and recordings whose
energy lies above the course's band limit.
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
from collections import defaultdict
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "avslib" / "data" / "mini"
CLASSES = (
    "bird cow hammer hen horse man sheep woman deer duck goat pig dog cat elephant car airplane camel"
).split()
NEVER_SOUND = "bear tiger penguin ape parrot squirrel truck boat frog bee goose lion donkey bus owl".split()
CLIPS_PER_SPEAKER = 3
RECORDINGS_PER_CLASS = 24
COLUMNS = (
    "path kind class instance medium source origin licence family author seconds original_rate sha256".split()
)


def families(licence: str) -> str:
    """Licence families a file can be used under, joined by '|'; '' means leave it out."""
    unclear = ("see data/licenses", "none stated", "free-art", "Artistic", "GPL-3+/CC-BY-SA", "image ")
    if any(word in licence for word in unclear):
        return ""
    if "GFDL" in licence:  # 'GFDL or CC-BY-SA or GPL' leaves a choice, GFDL alone does not
        return "|".join(name for name in ("CC-BY-SA", "GPL") if re.search(rf"or {name}", licence))
    if "CC-BY-SA" in licence:  # also for 'CC-BY/CC-BY-SA/CC0 (per-file author)': the strictest of them
        return "CC-BY-SA"
    if licence.startswith("GPL"):
        return "GPL"
    return "permissive" if re.match(r"MIT|CC0|CC-BY-|PD|public-domain|per-file CC0/CC-BY/PD", licence) else ""


def author(licence: str) -> str:
    """The name in brackets that some licence fields carry."""
    match = re.search(r"\(([^()]*(?:\([^()]*\))?[^()]*)\)", licence)
    return (
        match.group(1) if match and "per-file" not in match.group(1) and "Files" not in match.group(1) else ""
    )


def wanted(row: dict[str, str]) -> bool:
    """Of the right tier, licence, class and kind."""
    if row["tier"] not in "AB" or not families(row["licence"]):
        return False
    if row["kind"] in ("noise", "background"):
        return True
    if row["kind"] == "cutout":
        return row["cls"] in CLASSES or (row["cls"] in NEVER_SOUND and row["medium"].startswith("photo"))
    return row["cls"] in CLASSES and row["medium"].startswith("recording")


def thin(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """At most a few clips of one speaker and RECORDINGS_PER_CLASS of one class."""
    of_instance: dict[str, int] = defaultdict(int)
    of_class: dict[str, int] = defaultdict(int)
    kept = []
    for row in rows:
        if row["kind"] == "sound":
            of_instance[row["instance"]] += 1
            if of_instance[row["instance"]] > CLIPS_PER_SPEAKER:
                continue
            of_class[row["cls"]] += 1
            if row["cls"] not in ("man", "woman") and of_class[row["cls"]] > RECORDINGS_PER_CLASS:
                continue
        kept.append(row)
    return kept


def convert(row: dict[str, str]) -> dict[str, str]:
    """A row of the source manifest in our columns."""
    return {
        "path": row["path"], "kind": row["kind"], "class": row["cls"], "instance": row["instance"],
        "medium": row["medium"], "source": row["source_package"], "origin": row["upstream_file"],
        "licence": row["licence"], "family": families(row["licence"]), "author": author(row["licence"]),
        "seconds": row["seconds"], "original_rate": row["orig_sr"], "sha256": row["sha256"],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    source: Path = parser.parse_args().source
    with (source / "manifest.csv").open(newline="", encoding="utf-8") as handle:
        chosen = [convert(row) for row in thin([row for row in csv.DictReader(handle) if wanted(row)])]
    shutil.rmtree(TARGET / "pack", ignore_errors=True)
    for row in chosen:
        path = TARGET / "pack" / row["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / row["path"], path)
    with (TARGET / "manifest.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(chosen)
    size = sum((TARGET / "pack" / row["path"]).stat().st_size for row in chosen)
    print(f"{len(chosen)} files, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
