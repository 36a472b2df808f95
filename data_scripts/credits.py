"""Look up who took the photographs of AVS-Mini whose source names their page on Flickr, but not their author.

    python data_scripts/credits.py [--manifest FILE] [--cache FILE]

Writes the names into the manifest, one file at once at the end. Every answer is kept in the cache (a JSON file, by
number of the photograph), so that a second run asks for what is missing only; a photograph that its author has taken
down is asked for once. What could not be found is told and keeps its page as the credit.
Afterwards: python -m avslib.data.mini.credits > book/credits.md
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from tqdm import tqdm

from avslib.data.mini.pack import FOLDER
from avslib.data.prepare.release import run
from avslib.encoders.weights import cache_folder
from avslib.errors import UserError
from avslib.files import forgiving_output, write_file

PAGE = re.compile(r"https://www\.flickr\.com/photo\.gne\?id=(\d+)")
UNNAMED = "see origin"
"""How an author ends who is known by the photograph's page alone."""
SERVICE = "https://www.flickr.com/services/oembed/?format=json&url="
DIGITS = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
"""Of Flickr's short addresses, flic.kr/p/..., which its oEmbed service takes (photo.gne it does not)."""
PAUSE = 0.5
"""Seconds between two questions: it is a public service."""


def short_address(photo: int) -> str:
    """https://flic.kr/p/... of the photograph with this number."""
    text = ""
    while photo:
        photo, digit = divmod(photo, len(DIGITS))
        text = DIGITS[digit] + text
    return f"https://flic.kr/p/{text}"


def ask(photo: str) -> str | None:
    """The author's name, None where the photograph is not public any more. Raises OSError when nobody answers."""
    address = SERVICE + urllib.parse.quote(short_address(int(photo)), safe="")
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code in (401, 403, 404, 410):
            return None
        raise
    name = found.get("author_name") if isinstance(found, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise OSError(f"{address}: an answer without author_name")
    return " ".join(name.split())


def read_cache(path: Path) -> dict[str, str | None]:
    """{number of the photograph: author or None} of what was asked before. Raises UserError for another file."""
    if not path.exists():
        return {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        assert isinstance(kept, dict) and all(v is None or isinstance(v, str) for v in kept.values())
    except (OSError, ValueError, AssertionError):
        raise UserError(f"{path}: not a cache of authors; move it away, or give another --cache") from None
    return kept


def look_up(photos: list[str], cache: Path) -> tuple[dict[str, str | None], str]:
    """(answers, why it ended early or ""): asks for what the cache does not know and keeps every answer there."""
    known = read_cache(cache)
    for photo in tqdm([p for p in photos if p not in known], unit="photo", desc="Flickr"):
        try:
            known[photo] = ask(photo)
        except (OSError, ValueError) as error:
            return known, str(getattr(error, "reason", None) or error)
        write_file(cache, json.dumps(known, indent=1, sort_keys=True).encode())
        time.sleep(PAUSE)
    return known, ""


def read_manifest(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """(columns, rows). Raises UserError where it is not AVS-Mini's."""
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            reader = csv.DictReader(handle)
            rows, columns = list(reader), list(reader.fieldnames or ())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); give the manifest of AVS-Mini") from None
    if missing := {"path", "origin", "author"} - set(columns):
        raise UserError(f"{path}: no column {', '.join(sorted(missing))}; give the manifest of AVS-Mini")
    return columns, rows


def main() -> int:
    """Look up, write, tell."""
    forgiving_output()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--manifest", type=Path, default=FOLDER / "manifest.csv")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "flickr_authors.json")
    options = parser.parse_args()
    columns, rows = read_manifest(options.manifest)
    wanted = {
        row["path"]: page[1]
        for row in rows
        if row["author"].endswith(UNNAMED) and (page := PAGE.search(row["origin"]))
    }
    known, ended = look_up(list(dict.fromkeys(wanted.values())), options.cache.expanduser())
    named = 0
    for row in rows:
        if name := known.get(wanted.get(row["path"], "")):
            row["author"], named = f"{name} (Flickr)", named + 1
    if named:
        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_file(options.manifest, buffer.getvalue().encode())
    gone = [path for path, photo in wanted.items() if photo in known and not known[photo]]
    later = [path for path, photo in wanted.items() if photo not in known]
    print(f"{named} of {len(wanted)} files have their author's name now.")
    if gone:
        print(f"No public page any more, so their address stays the credit: {', '.join(gone)}")
    if later:
        raise UserError(f"{len(later)} not asked ({ended}); run it again: what was answered is kept")
    return 0


if __name__ == "__main__":
    run(main)
