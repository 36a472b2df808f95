"""AVSBench-semantic by number of sounding classes: which clips have a single source, and which several.

    python data_scripts/split_avss.py DIR [--out FILE.csv] [--smallest 100]

CPM reports AVSBench-semantic also for clips with one source (1,278) and with several (276; together the 1,554 of
the test split). ITS LIST IS NOT PUBLIC. This split is ours: a clip has several sources when its masks show
two or more classes, of which each has more than 100 pixels in some frame. Its counts need not be CPM's, and
scores on it are not to be put beside CPM's. Training clips of v1s have one mask, so one second is all that is counted.

FILE has a row a clip: uid, split, label, sources (silent, single source, multi-source), classes.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections import Counter
from functools import partial
from pathlib import Path

import torch

from avslib.data.doctor import run_parallel
from avslib.data.doctor.inventory import Listed
from avslib.data.doctor.report import align
from avslib.data.prepare.release import listed, run
from avslib.data.readers.images import read_image
from avslib.data.readers.palette import to_labels
from avslib.data.readers.paths import inside
from avslib.files import check_file, check_not_read, write_file
from avslib.metrics.groups import SMALLEST, sources

NAMES = ("silent", "single source", "multi-source")
HEAD = b"uid,split,label,sources,classes"
PAPERS = {"single source": "1278", "multi-source": "276"}


def classify(clip: Listed, *, root: Path, classes: tuple[str, ...], smallest: int) -> dict[str, str]:
    """One row of the table."""
    rgb = [read_image(inside(root, path), size=None, nearest=True) for path in clip.files.masks]
    labels = torch.stack(
        [torch.from_numpy(to_labels(image, len(classes) + 1)[0]) for image in rgb]
    )  # (T, H, W)
    pixels = torch.stack(
        [torch.bincount(frame.flatten(), minlength=len(classes) + 1) for frame in labels]
    )  # (T, K)
    shown = [name for name, large in zip(classes, (pixels[:, 1:] > smallest).any(0).tolist()) if large]
    return {
        "uid": clip.name, "split": clip.split, "label": clip.files.sounds[0].partition("/")[0],
        "sources": sources(labels[None], smallest=smallest)[0], "classes": ";".join(shown),
    }  # fmt: skip


def main() -> int:
    """Classify all clips, write the table, print the counts."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("folder", type=Path, help="what holds metadata.csv")
    arguments.add_argument("--out", type=Path, help="DIR/avss_sources.csv if not given")
    arguments.add_argument("--smallest", type=int, default=SMALLEST, help="pixels a class must exceed")
    options = arguments.parse_args()
    found = listed(options.folder, ("avss",), __doc__)
    out = options.out or found.root / "avss_sources.csv"
    check_not_read(out, [found.root / "metadata.csv"])
    check_file(out, "--out", HEAD)
    work = partial(classify, root=found.root, classes=found.classes, smallest=options.smallest)
    rows = run_parallel(work, found.clips, unit="clip")
    write_file(out, table(rows))
    counts = Counter((row["split"], row["sources"]) for row in rows)
    lines = [(split, *(str(counts[split, name]) for name in NAMES)) for split in ("train", "val", "test")]
    papers = ("CPM's test", "", *PAPERS.values())
    print(align([("split", *(name.replace(" ", "-") for name in NAMES)), *lines, papers]))
    print(f"{out}: our split; the paper's list of 1278 and 276 clips is not public")
    return 0


def table(rows: list[dict[str, str]]) -> bytes:
    """A csv file with a head line."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


if __name__ == "__main__":
    run(main)
