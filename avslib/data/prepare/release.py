"""The steps that the scripts of data_scripts/ share: unpack, count, sum up.

Each step can be repeated: what is done already is found and left alone.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm.auto import tqdm

from avslib.data.doctor.inventory import Inventory, take_inventory
from avslib.data.doctor.report import align
from avslib.data.doctor.scan import cores
from avslib.data.mini.writer import MARK
from avslib.data.prepare.archives import under, unpack
from avslib.data.readers.layouts import TABLES
from avslib.data.readers.paths import data_folder, inside
from avslib.errors import UserError
from avslib.files import forgiving_output, write_file


def parser(about: str | None) -> argparse.ArgumentParser:
    """The arguments that every script has: the folder, and archives to unpack into it."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("folder", type=Path, help="where the data goes, or is")
    made.add_argument("--archives", type=Path, nargs="*", default=[], help="zip or tar files you were sent")
    return made


def run(main: Callable[[], int]) -> None:
    """Run a script. A `UserError` ends it with one line and status 2, Ctrl-C with 130."""
    forgiving_output()
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted; the same command continues", file=sys.stderr)
        sys.exit(130)


def unpack_all(archives: Iterable[Path], folder: Path, anchors: dict[str, str]) -> None:
    """Unpack each archive to where `anchors` say, and tell what came of it."""
    for archive in archives:
        done = unpack(archive, folder, place=under({MARK: MARK} | anchors))
        counts = f"{done.written} files written, {done.kept} were there, {done.left_out} left out"
        print(f"{archive.name}: {counts}")


def listed(folder: Path, subsets: Sequence[str], about: str | None) -> Inventory:
    """The inventory of those of `subsets` that are in `folder`. Raises UserError when none is."""
    root = data_folder(folder) if folder.is_dir() else folder
    tables = [TABLES[subset] for subset in subsets]
    if not any((root / table).is_file() for table in tables):
        raise UserError(f"{folder}: none of {', '.join(tables)} is there yet.\n\n{about}")
    found = take_inventory(root)
    found.subsets = [subset for subset in found.subsets if subset in subsets]
    found.clips = [clip for clip in found.clips if clip.subset in subsets]
    return found


def finish(found: Inventory, *, exact: bool = True) -> int:
    """Compare the counts with the papers', write the sums, name the next command; the exit status.

    exact: whether other counts than the papers' are a failure
    """
    right = check_counts(found) or not exact
    if not exact:
        print("this was built, it is not the release; other counts than the paper's are no error")
    files = {path for clip in found.clips for path in clip.files.needed}
    files |= {TABLES[subset] for subset in found.subsets}
    name = f"SHA256SUMS-{'-'.join(found.subsets)}.txt"
    count = write_sums(found.root, sorted(files), found.root / name)
    missing = len(files) - count
    print(f"{count} files are summed up in {name}; check them later with: sha256sum -c --quiet {name}")
    print(f"{missing} files are missing" if missing else "all files are there", end="; ")
    print(f"next: avslib doctor {found.root}")
    return 0 if right and not missing else 1


def check_counts(found: Inventory) -> bool:
    """Print clips a split beside what they should be; whether they agree."""
    own = Counter((clip.subset, clip.split) for clip in found.clips)
    whose = "paper" if found.order is None else "AVS-Mini's order"
    rows = [("data", "split", "clips", whose, "")]
    for subset in found.subsets:
        for split, count in found.expected(subset).items():
            here = own[subset, split]
            rows.append((subset, split, str(here), str(count), "" if here == count else "differs"))
    print(align(rows))
    return all(not row[-1] for row in rows[1:])


def write_sums(root: Path, files: Sequence[str], manifest: Path) -> int:
    """Write the sha256 of those of `files` that are there, in the format of sha256sum; how many those are.

    A file that is older than the manifest keeps the sum it has in it, so that nothing is read twice.
    """
    since = manifest.stat().st_mtime if manifest.is_file() else 0.0
    lines = manifest.read_text(encoding="utf-8").splitlines() if since else []
    known = {path: digest for digest, _, path in (line.partition("  ") for line in lines)}
    there = [path for path in files if inside(root, path).is_file()]

    def digest(path: str) -> str:
        if path in known and (root / path).stat().st_mtime < since:
            return known[path]
        return hashlib.sha256((root / path).read_bytes()).hexdigest()

    with ThreadPoolExecutor(cores()) as pool:
        sums = tqdm(pool.map(digest, there), total=len(there), unit="file", desc="sha256")
        lines = [f"{one}  {path}\n" for one, path in zip(sums, there)]
    write_file(manifest, "".join(lines).encode())
    return len(there)
