"""The credits page: who made the pictures and the sounds, from the manifest.

python -m avslib.data.mini.credits > book/credits.md
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from avslib.data.mini.pack import FAMILIES, KINDS, Item, Pack, load_pack

HOMES = {
    "0ad-data": "https://play0ad.com",
    "blanket": "https://github.com/rafaelmardojai/blanket",
    "flightgear-data-base": "https://www.flightgear.org",
    "gcompris-qt-data": "https://gcompris.net",
    "lomiri-wallpapers-16.04": "https://gitlab.com/ubports/development/core/lomiri-wallpapers",
    "lugaru-data": "https://www.wolfire.com/lugaru",
    "mate-backgrounds": "https://mate-desktop.org",
    "mate-media-common": "https://mate-desktop.org",
    "megaglest-data": "https://megaglest.org",
    "npm @lobehub/fluent-emoji-3d": "https://github.com/microsoft/fluentui-emoji",
    "scratch": "https://scratch.mit.edu",
    "tuxpaint-stamps-default": "https://tuxpaint.org",
    "widelands-data": "https://www.widelands.org",
    "github AntumMT/mod-sounds": "https://github.com/AntumMT/mod-sounds",
    "github OpenRCT2/OpenSoundEffects": "https://github.com/OpenRCT2/OpenSoundEffects",
    "github OpenTTD/OpenSFX": "https://github.com/OpenTTD/OpenSFX",
    "github aM3z/animal-rescue": "https://github.com/aM3z/animal-rescue",
    "github ezfibuilds/NPC-Thought-Starter-Generator": "https://github.com/ezfibuilds/NPC-Thought-Starter-Generator",
    "github hooria-malik/speech-preprocessing-librispeech": "https://www.openslr.org/12",
    "github librosa/data": "https://github.com/librosa/data",
    "github londonreturns/ESC-50_Sound_Classification": "https://github.com/karolpiczak/ESC-50",
    "github runsy/petz": "https://github.com/runsy/petz",
}
TEXTS = {
    "CC-BY-2.0": "https://creativecommons.org/licenses/by/2.0/",
    "CC-BY-2.5": "https://creativecommons.org/licenses/by/2.5/",
    "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/",
    "CC-BY-SA-1.0": "https://creativecommons.org/licenses/by-sa/1.0/",
    "CC-BY-SA-2.5": "https://creativecommons.org/licenses/by-sa/2.5/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-2.0": "https://creativecommons.org/licenses/by-sa/2.0/",
    "CC-BY-SA-3.0": "https://creativecommons.org/licenses/by-sa/3.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "GPL-2+": "https://www.gnu.org/licenses/old-licenses/gpl-2.0.html",
    "GPL-3": "https://www.gnu.org/licenses/gpl-3.0.html",
    "GPL-3+": "https://www.gnu.org/licenses/gpl-3.0.html",
    "MIT": "https://opensource.org/license/mit",
}
INTRODUCTION = """# Credits

AVS-Mini, the data that comes with this course, is made of {count} pictures and sounds that other people made
and gave away under free licences. This page is written from the manifest
(`avslib/data/mini/manifest.csv`), which has one row per file.

**What was changed.** Pictures were cut out and made smaller; of the photographs marked *photo+isnet* a network
drew the outline. Sounds were shortened and brought to one loudness. Scenes put them together.

**Which licence holds.** Each file keeps its own. A scene that is printed in this book or kept with its sources
holds files of at most one copyleft family beside permissive ones; the scene is under that licence, and its
caption says so: GPL-3.0 for the family *GPL*, CC BY-SA 4.0 for *CC-BY-SA*. In training, scenes are put together
in memory and mix freely.

**Photographs from COCO.** That collection names the page of a photograph on Flickr, not who took it. The last column
links the page; `data_scripts/credits.py` looks the names up, and an author "see origin" is one that it has not found yet.

**Recordings from ESC-50.** The clips used here are those that their authors gave to freesound under CC0 or CC BY, and
they are taken under these licences; author and freesound number stand in the table. The collection ESC-50 as a whole
is offered under other terms (CC BY-NC 3.0), which concern whoever uses it as a whole.

The texts of the GPL and of the MIT licence lie beside the files, in
`avslib/data/mini/pack/licences/`; the others are linked here.
"""


def _cell(text: str) -> str:
    """Text that stands in a table cell as it is."""
    return text.replace("|", r"\|").replace("@", r"\@").replace("_", r"\_").replace("<", "&lt;")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _link(text: str, addresses: dict[str, str]) -> str:
    address = addresses.get(text) or addresses.get(text.split(" (")[0])
    return f"[{_cell(text)}]({address})" if address else _cell(text)


def _origin(text: str) -> str:
    """`path in the source`, or its file name and a link where the manifest names the page that it comes from."""
    address = re.search(r"\((https://[^\s,)]+)", text)
    if address is None:
        return f"`{text}`"
    file, number = text.partition(" (")[0].rpartition("/")[2], re.search(r"\d{4,}", address[1])
    site = address[1].split("/")[2].removeprefix("www.").split(".")[-2]
    return f"`{file}`, [{site}{f' {number[0]}' if number else ''}]({address[1]})"


def _kinds(items: Iterable[Item]) -> str:
    """'3 cut-outs, 1 sound'."""
    count = Counter(item.kind.replace("cutout", "cut-out") for item in items)
    kinds = (kind.replace("cutout", "cut-out") for kind in KINDS)
    return ", ".join(f"{count[kind]} {kind}{'s' if count[kind] > 1 else ''}" for kind in kinds if count[kind])


def _families(pack: Pack) -> str:
    """One row per family; a file under a choice of two is counted in both."""
    rows = []
    for family in FAMILIES:
        items = [item for item in pack.items if family in item.families]
        licences = sorted({item.licence for item in items})
        rows.append((family, str(len(items)), _kinds(items), ", ".join(_link(x, TEXTS) for x in licences)))
    return _table(("family", "files", "of which", "licences"), rows)


def _sources(pack: Pack) -> str:
    """One row per source, author and licence."""
    key = attrgetter("source", "author", "licence")
    rows = (
        (_link(source, HOMES), _cell(author), _link(licence, TEXTS), _kinds(items))
        for (source, author, licence), items in groupby(sorted(pack.items, key=key), key)
    )
    return _table(("source", "author", "licence", "files"), rows)


def _files(pack: Pack) -> str:
    """One row per file."""
    rows = []
    for item in pack.items:
        shows = "background" if item.kind == "background" else item.name
        cells = map(_cell, (shows, item.medium, item.author, item.licence))
        rows.append((f"`{item.path.name}`", *cells, _origin(item.origin)))
    return _table(("file", "shows", "medium", "author", "licence", "file in its source"), rows)


def credits_markdown() -> str:
    """The page `book/credits.md` in MyST Markdown."""
    pack = load_pack()
    return "\n".join(
        (
            INTRODUCTION.format(count=len(pack.items)),
            "## Licence families\n", _families(pack), "",
            "## Sources and authors\n", _sources(pack), "",
            "## Every file\n",
            f":::{{dropdown}} {len(pack.items)} files", _files(pack), ":::", "",
        )
    )  # fmt: skip


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # it is a file of the book
    print(credits_markdown(), end="")
