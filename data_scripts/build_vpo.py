"""VPO-SS, VPO-MS and VPO-MSMI built out of COCO and VGGSound, where the published archives cannot be had.

    python data_scripts/build_vpo.py DIR --coco COCO --vggsound VGGSOUND [--people FILE] [--seed 0]
                                     [--subsets vpo-ss ...] [--size N]

1. COCO holds annotations/instances_train2017.json and instances_val2017.json, train2017/ and val2017/
   (cocodataset.org: "2017 Train images", "2017 Val images", "2017 Train/Val annotations").
2. VGGSOUND holds vggsound.csv (robots.ox.ac.uk/~vgg/data/vggsound) and, at any depth, the clips that you have:
   <YouTube id>_<start, six digits>.wav, .flac or .mp4 (the last with: pip install 'avslib[data]').
3. COCO has persons, VPO has male, female and baby. How the authors told them apart is not published. FILE can
   say: a csv without a head, COCO's annotation id, then male, female or baby. Without it these three are left out.
4. The script matches pictures and sounds by class, as the paper describes; what the paper leaves open is listed
   in avslib/data/prepare/build_vpo.py. It compares the clips with the paper's; to have fewer is no error.
   --size N takes N pictures of each subset and split at most, for a trial.

What is built is like VPO, but is not the release: do not put its scores beside published ones. The terms of
COCO's pictures and VGGSound's videos hold. Pictures are linked to COCO's where the disk allows it: do not edit
them. Interrupted, the same command goes on; done, it changes nothing. Another seed needs another DIR.
For the published archives, see data_scripts/vpo.py. Reading COCO's annotations takes about 3 GiB of memory.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from avslib.data.prepare.build_vpo import build
from avslib.data.prepare.release import finish, listed, run
from avslib.data.readers.layouts import VPO_TABLE


def main() -> int:
    """Build, compare, sum up."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("folder", type=Path, help="where VPO goes: a new folder, or one that was begun")
    arguments.add_argument("--coco", type=Path, required=True, help="folder of COCO 2017")
    arguments.add_argument("--vggsound", type=Path, required=True, help="folder of VGGSound")
    arguments.add_argument("--people", type=Path, help="csv file: annotation id, male|female|baby")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--subsets", nargs="+", default=list(VPO_TABLE), help="vpo-msmi brings vpo-ms")
    arguments.add_argument("--size", type=int, help="pictures of each subset and split, for a trial")
    options = arguments.parse_args()
    build(**vars(options))
    return finish(listed(options.folder, tuple(VPO_TABLE), __doc__), exact=False)


if __name__ == "__main__":
    run(main)
