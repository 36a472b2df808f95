"""Licences and authors of the files that AVS-Mini is chosen from: which families a licence belongs to, whom to name."""

from __future__ import annotations

import re
from pathlib import Path

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
