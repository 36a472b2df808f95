"""Does `avslib doctor` find every planted fault among thousands of files, and nothing else, and how fast?

    python benchmarks/doctor.py [--clips 2000] [--size 64] [--workers 0] [--folder DIR]

Writes AVS-Mini in the layout of AVSBench (S4, MS3 and AVSS, a third of the clips each), examines it, plants the
faults of tests/data/planted_faults.py, each in a clip of its own, and examines it again. With --folder the clips are
kept, without the faults.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from avslib.data.doctor import Report, examine
from avslib.data.mini.writer import write_mini

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "data"))
from planted_faults import plant


def timed(folder: Path, workers: int) -> Report:
    """Examine `folder` and tell how long it took."""
    start = time.perf_counter()
    report = examine(folder, workers=workers)
    seconds = time.perf_counter() - start
    files = sum(one.counts[kind] for one in report.findings for kind in ("frames", "masks", "sounds"))
    clips = len(report.inventory.clips)
    print(
        f"{clips} clips, {files} files in {seconds:.1f} s: {clips / seconds:.0f} clips and {files / seconds:.0f} files a second"
    )
    return report


def main() -> None:
    """Write, examine, plant, examine."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        kept = options.folder or Path(scratch) / "whole"
        write_mini(kept, layout="avsbench", clips=-(-options.clips // 3), size=options.size)
        print(f"before: {len(timed(kept, options.workers).faults)} faults")
        folder = Path(scratch) / "faulty" / "mini"
        shutil.copytree(kept, folder)
        said = Counter(plant(folder))
        found = Counter((fault.kind, fault.path) for fault in timed(folder, options.workers).faults)
        print(f"planted {said.total()}, found {(said & found).total()}, and {(found - said).total()} others")
        for name, rest in (("not found", said - found), ("not planted", found - said)):
            for kind, path in rest:
                print(f"{name}: {kind}: {path}")


if __name__ == "__main__":
    main()
