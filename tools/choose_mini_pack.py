"""Choose the files of AVS-Mini from a larger pack and write avslib/data/mini/.

    python tools/choose_mini_pack.py SOURCE_FOLDER      # a folder with manifest.csv and the files it lists

Kept: tiers A and B, the 18 classes of the course, pictures of other classes as objects that never sound,
noises and backgrounds. Left out: licences that are GFDL only, unclear or unusual; recordings of a rate below
11 kHz, whose band is too narrow; noises in which a bird or a person may be heard, which could be classes.
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
ALIVE = "birds day_temperate day_temperate_gen day_tropical summer_night city coffee_shop".split()
LOWEST_RATE = 11_025
CLIPS_PER_SPEAKER = 5
RECORDINGS_PER_CLASS = 24
COLUMNS = (
    "path kind class instance medium source origin licence family author seconds original_rate sha256".split()
)
SOURCE_AUTHORS = {
    "tuxpaint-stamps-default": "Bill Kendrick and the Tux Paint contributors",
    "scratch": "Lifelong Kindergarten Group, MIT Media Lab",
    "npm @lobehub/fluent-emoji-3d": "Microsoft (Fluent Emoji)",
    "mate-media-common": "the MATE developers",
    "lugaru-data": "Wolfire Games",
    "0ad-data": "Wildfire Games",
    "widelands-data": "the Widelands development team",
    "megaglest-data": "the MegaGlest team",
    "flightgear-data-base": "the FlightGear developers",
}
PER_FILE = {  # from debian/copyright of the package, or the upstream list of sounds: licence, author
    "boat.ogg": ("CC0-1.0", "Falcet"),
    "rain.ogg": ("CC-BY", "alex36917"),
    "storm.ogg": ("CC-BY", "digifish music"),
    "stream.ogg": ("CC0-1.0", "gluckose"),
    "waves.ogg": ("CC-BY", "Luftrum"),
    "wind.ogg": ("public-domain", "Stilgar"),
    "Bridge_by_Sander_Klootwijk.jpg": ("CC-BY-SA-4.0", "Sander Klootwijk"),
    "Dragonfly_by_Bolly.jpg": ("CC-BY-SA-4.0", "Bolly"),
    "Picture_0B_by_freespace.jpg": ("CC-BY-4.0", "Trevor Freespace"),
    "Picture_1A_by_freespace.jpg": ("CC-BY-4.0", "Trevor Freespace"),
    "Wine_by_Jakkub_Mede.jpg": ("CC-BY-4.0", "Jakub Mede"),
    "aitzgorri_by_Aitzol_Berasategi.jpg": ("CC-BY-4.0", "Aitzol Berasategi"),
    "analogpattern_by_Peter_Nerlich.jpg": ("CC-BY-SA-4.0", "Peter Nerlich"),
    "free_by_Peter_Nerlich.jpg": ("CC-BY-SA-4.0", "Peter Nerlich"),
    "friends_by_Aitzol_Berasategi.jpg": ("CC-BY-4.0", "Aitzol Berasategi"),
    "greentock_by_Peter_Nerlich.jpg": ("CC-BY-SA-4.0", "Peter Nerlich"),
    "life_by_Aitzol_Berasategi.jpg": ("CC-BY-4.0", "Aitzol Berasategi"),
    "picosdeeuropa_by_Aitzol_Berasategi.jpg": ("CC-BY-4.0", "Aitzol Berasategi"),
    "seeding_by_Clements_Engelhardt.jpg": ("CC0-1.0", "Clemens Engelhardt"),
    "sunset_by_Aitzol_Berasategi.jpg": ("CC-BY-4.0", "Aitzol Berasategi"),
    "umang_by_Abhishek_Mudgal.jpg": ("CC-BY-4.0", "Abhishek Mudgal"),
    "Aqua.jpg": ("GPL-2+", "Charles Barbin"),
    "Blinds.jpg": ("GPL-2+", "Lennart Poettering, Andrea Cimitan"),
    "Dune.jpg": ("GPL-2+", "Marco Cogoni, Hylke Bons"),
    "FreshFlower.jpg": ("GPL-2+", "Jens Ansorg"),
    "Garden.jpg": ("GPL-2+", "Charles Barbin"),
    "GreenMeadow.jpg": ("GPL-2+", "Timothy Schellhase, Lapo Calamandrei"),
    "LadyBird.jpg": ("GPL-2+", "Charles Barbin"),
    "RainDrops.jpg": ("GPL-2+", "blackcombwhistler07"),
    "Storm.jpg": ("GPL-2+", "Sergey Nazarov"),
    "TwoWings.jpg": ("GPL-2+", "Charles Barbin, Hylke Bons"),
    "Wood.jpg": ("GPL-2+", "Jean-François Fortin Tam"),
    "YellowFlower.jpg": ("GPL-2+", "Charles Barbin"),
}


def families(licence: str) -> str:
    """Licence families a file can be used under, joined by '|'; '' means leave it out."""
    if any(
        word in licence for word in ("see data/licenses", "per-file", "free-art", "Artistic", "image", "/")
    ):
        return ""
    if "GFDL" in licence:  # 'GFDL or CC-BY-SA or GPL' leaves a choice, GFDL alone does not
        return "|".join(name for name in ("CC-BY-SA", "GPL") if re.search(rf"or {name}", licence))
    if licence.startswith("CC-BY-SA"):
        return "CC-BY-SA"
    if licence.startswith("GPL"):
        return "GPL"
    return "permissive" if re.match(r"MIT|CC0|CC-BY|public-domain", licence) else ""


def rights(row: dict[str, str]) -> tuple[str, str]:
    """(licence, author) of a file, tidied: 'GPL-3+ (2008 A. Person <a@b>)' gives ('GPL-3+', 'A. Person')."""
    file, source = Path(row["upstream_file"]).name, row["source_package"]
    if file in PER_FILE and source.split()[0] in ("blanket", "lomiri-wallpapers-16.04", "mate-backgrounds"):
        return PER_FILE[file]
    licence, _, author = row["licence"].partition(" (")
    author = re.sub(r"<.*?>|\(\S+@\S+\)|\b\d{4}(-\d{4})?,? ?|, Files: \*|\)$", "", author).strip(" )")
    licence = re.sub(r"^GPLv", "GPL-", licence)
    if source.startswith("tuxpaint"):  # its notice reads 'version 2 or any later'
        licence = {"GPL-2": "GPL-2+", "PD": "public-domain"}.get(licence, licence)
    return licence, {"none": "not named", "": SOURCE_AUTHORS.get(source, "")}.get(author, author)


def wanted(row: dict[str, str]) -> bool:
    """Of the right tier, licence, class and kind."""
    if row["tier"] not in "AB" or not families(rights(row)[0]) or not rights(row)[1]:
        return False
    if row["kind"] == "background":
        return True
    if row["kind"] == "noise":
        return row["cls"].removeprefix("noise_") not in ALIVE
    if row["kind"] == "cutout":
        return row["cls"] in CLASSES or (row["cls"] in NEVER_SOUND and row["medium"].startswith("photo"))
    heard = row["medium"].startswith("recording") and int(row["orig_sr"]) >= LOWEST_RATE
    return row["cls"] in CLASSES and heard


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
    licence, author = rights(row)
    return {
        "path": row["path"], "kind": row["kind"], "class": row["cls"], "instance": row["instance"],
        "medium": row["medium"], "source": row["source_package"], "origin": row["upstream_file"],
        "licence": licence, "family": families(licence), "author": author,
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
    for folder in ("cutouts", "sounds", "noise", "backgrounds"):
        shutil.rmtree(TARGET / "pack" / folder, ignore_errors=True)
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
