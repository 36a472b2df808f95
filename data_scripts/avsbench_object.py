"""AVSBench-object, S4 and MS3: from what its authors send to a folder that avslib reads.

    python data_scripts/avsbench_object.py DIR --archives FILE [FILE ...]

1. Ask for the data: github.com/OpenNLPLab/AVSBench links a form for AVSBench-object. Where its site does not
   answer, write to the address that the authors give in issue 30 there. It is for research; read its terms.
2. Run this script on the archives you are sent (zip or tar; others are to be unpacked into DIR by hand). Frames and
   sound that are not among them are taken from raw_videos/ (pip install 'avslib[data]').
3. It compares the clips with the papers' (S4 3452/740/740, MS3 286/64/64) and writes their sha256 sums.

Run it again at any time: what is done is left alone, and damaged files are replaced from the archives.
DIR then holds Single-source/ and Multi-sources/, as avslib/data/readers/layouts.py has them.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from avslib.data.doctor import run_parallel
from avslib.data.doctor.inventory import Inventory, Listed
from avslib.data.prepare.extract import extract
from avslib.data.prepare.release import finish, listed, parser, run, unpack_all
from avslib.data.readers import layouts
from avslib.data.readers.paths import inside

SUBSETS = tuple(layouts.OBJECT_TABLE)
ANCHORS = {
    name: path
    for top, subset in (("Single-source", "s4"), ("Multi-sources", "ms3"))
    for name, path in (
        (top, top),
        (f"{subset}_data", layouts.OBJECT_FOLDER[subset]),
        (f"{subset}_meta_data.csv", layouts.OBJECT_TABLE[subset]),
    )
}
"""What the archives may begin with, and where it belongs."""


def extract_clip(clip: Listed, *, root: Path) -> int:
    """Take what is missing from the clip's video, if that is there; how many files."""
    category = clip.heading
    video = layouts.object_files(clip.subset, clip.name, clip.split, category).video
    assert video is not None
    if not inside(root, video).is_file():
        return 0
    frames = [inside(root, path) for path in clip.files.frames]
    return extract(inside(root, video), frames=frames, sound=inside(root, clip.files.sounds[0]))


def extract_all(found: Inventory) -> None:
    """All clips, in parallel, where there are videos at all."""
    if any((found.root / folder / "raw_videos").is_dir() for folder in layouts.OBJECT_FOLDER.values()):
        written = sum(run_parallel(partial(extract_clip, root=found.root), found.clips, unit="video"))
        print(f"{written} files taken from videos")


def main() -> int:
    """Unpack, extract, compare, sum up."""
    options = parser(__doc__).parse_args()
    unpack_all(options.archives, options.folder, ANCHORS)
    found = listed(options.folder, SUBSETS, __doc__)
    extract_all(found)
    return finish(found)


if __name__ == "__main__":
    run(main)
