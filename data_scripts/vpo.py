"""VPO-SS, VPO-MS and VPO-MSMI: from the published archives to a folder that avslib reads.

    python data_scripts/vpo.py DIR --archives FILE [FILE ...] [--videos VGGSOUND]

1. Get the data: the README of github.com/cyh-0/CAVP links VPO and the part of VGGSound that it uses; where the link
   to the sounds is dead, its issue 13 has another. The pictures are of COCO, the sounds of VGGSound: their terms hold.
2. Run this script on the archives (zip or tar; others are to be unpacked into DIR by hand). Sounds that are not
   among them are taken from VGGSound's own clips, VGGSOUND/<name>.mp4 (pip install 'avslib[data]').
3. It compares the clips with the paper's (VPO-SS 11312/890, VPO-MS 8380/1437, VPO-MSMI 11080/1775; there is no
   validation split) and writes their sha256 sums.

Run it again at any time: what is done is left alone, and damaged files are replaced from the archives.
DIR then holds VPO/ and vggsound_bench/, as avslib/data/readers/layouts.py has them. VPO-MSMI needs VPO-MS beside it.
Of one archive it is reported that its table of VPO-MSMI is a copy of VPO-MS's (issue 1): avslib doctor tells.
Where the archives cannot be had, data_scripts/build_vpo.py builds something like VPO out of COCO and VGGSound.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath

from avslib.data.doctor import run_parallel
from avslib.data.doctor.inventory import Inventory
from avslib.data.prepare.extract import extract
from avslib.data.prepare.release import finish, listed, parser, run, unpack_all
from avslib.data.readers import layouts
from avslib.data.readers.paths import inside

SUBSETS = tuple(layouts.VPO_TABLE)
FOLDERS = (
    "VPO",
    *layouts.VPO_FOLDER.values(),
    *map(str, PurePosixPath(layouts.VPO_SOUNDS).parents),
    layouts.VPO_SOUNDS,
)
ANCHORS = {PurePosixPath(path).name: path for path in FOLDERS if path != "."}
"""What the archives may begin with, and where it belongs."""


def extract_sound(path: str, *, root: Path, videos: Path) -> int:
    """Take the sound of one recording from its video, where it is missing and the video is there."""
    video = videos / f"{PurePosixPath(path).stem}.mp4"
    return extract(video, frames=(), sound=inside(root, path)) if video.is_file() else 0


def extract_all(found: Inventory, videos: Path) -> None:
    """All recordings, in parallel."""
    sounds = sorted({path for clip in found.clips for path in clip.files.sounds})
    written = sum(run_parallel(partial(extract_sound, root=found.root, videos=videos), sounds, unit="video"))
    print(f"{written} sounds taken from videos")


def main() -> int:
    """Unpack, extract, compare, sum up."""
    arguments = parser(__doc__)
    arguments.add_argument("--videos", type=Path, help="folder of VGGSound's clips, <name>.mp4")
    options = arguments.parse_args()
    unpack_all(options.archives, options.folder, ANCHORS)
    found = listed(options.folder, SUBSETS, __doc__)
    if options.videos:
        extract_all(found, options.videos)
    return finish(found)


if __name__ == "__main__":
    run(main)
