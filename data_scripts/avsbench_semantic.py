"""AVSBench-semantic, v1s + v1m + v2: from what its authors send to a folder that avslib reads.

    python data_scripts/avsbench_semantic.py DIR --archives FILE [FILE ...]

1. Ask for the data: github.com/OpenNLPLab/AVSBench links a form for AVSBench-semantic. Where its site does not
   answer, write to the address that the authors give in issue 30 there. It is for research; read its terms.
2. Run this script on the archives you are sent (zip or tar; others are to be unpacked into DIR by hand). Frames and
   sound are among them; no video is needed.
3. It compares the clips with the paper's (8498/1304/1554) and writes their sha256 sums.

Run it again at any time: what is done is left alone, and damaged files are replaced from the archives.
DIR then holds metadata.csv, label2idx.json, v1s/, v1m/ and v2/, as avslib/data/readers/layouts.py has them. For the clips
with one and with several sounding classes, see data_scripts/split_avss.py.
"""

from __future__ import annotations

from avslib.data.prepare.release import finish, listed, parser, run, unpack_all
from avslib.data.readers import layouts

NAMES = (layouts.SEMANTIC_TABLE, layouts.SEMANTIC_CLASSES_FILE, *layouts.SEMANTIC_SECONDS)


def main() -> int:
    """Unpack, compare, sum up."""
    options = parser(__doc__).parse_args()
    unpack_all(options.archives, options.folder, {name: name for name in NAMES})
    return finish(listed(options.folder, ("avss",), __doc__))


if __name__ == "__main__":
    run(main)
