"""Fetch the public pretrained weights that the papers start from, and check their sums.

    python data_scripts/weights.py [NAME ...] [--folder DIR]

NAME is one of resnet50, vggish, pvt_v2_b5, swin_b; all of them if none is given. DIR is where avslib looks: $AVSLIB_CACHE,
or ~/.cache/avslib. A broken download is continued, and what is there is only checked.

The names of two files carry the first digits of their sha256, which are checked. The publishers of the other two give
no sum: theirs is written into DIR/SHA256SUMS when they are first fetched, and checked from then on.
Checkpoints of whole models are on their authors' drives (see the chapters) and go through `avslib import`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm

from avslib.data.prepare.release import run
from avslib.encoders.weights import cache_folder
from avslib.errors import UserError

GITHUB = "https://github.com"
URLS = {
    "resnet50": "https://download.pytorch.org/models/resnet50-0676ba61.pth",
    "vggish": f"{GITHUB}/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth",
    "pvt_v2_b5": f"{GITHUB}/whai362/PVT/releases/download/v2/pvt_v2_b5.pth",
    "swin_b": f"{GITHUB}/SwinTransformer/storage/releases/download/v1.0.0/swin_base_patch4_window12_384_22k.pth",
}
"""Where the publishers keep them; the file names are those that `avslib.encoders` looks for."""
BLOCK = 2**20


def fetch(url: str, folder: Path) -> Path:
    """The file behind `url` in `folder`, with the right sum. Raises UserError when that cannot be had."""
    path = folder / url.rpartition("/")[2]
    if not path.is_file():
        part = path.with_name(path.name + ".part")
        folder.mkdir(parents=True, exist_ok=True)
        download(url, part)
        check(part, path.name)
        os.replace(part, path)
    digest = check(path, path.name)
    known = read_sums(folder)
    if known.setdefault(path.name, digest) == digest:
        (folder / "SHA256SUMS").write_text("".join(f"{one}  {name}\n" for name, one in sorted(known.items())))
    return path


def download(url: str, part: Path) -> None:
    """Fetch into `part`, from where an earlier attempt ended."""
    start = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            fresh = answer.status != 206
            total = int(answer.headers.get("Content-Length", 0))
            with (
                part.open("wb" if fresh else "ab") as file,
                tqdm(total=total, unit="B", unit_scale=True) as bar,
            ):
                while block := answer.read(BLOCK):
                    bar.update(file.write(block))
    except urllib.error.HTTPError as error:
        if error.code != 416:  # it was all there
            raise UserError(f"{url}: the server says {error.code} {error.reason}; fetch it by hand") from None
    except (OSError, urllib.error.URLError) as error:
        raise UserError(f"{url}: cannot be reached ({error}); run it again, or fetch it by hand") from None


def check(path: Path, name: str) -> str:
    """The sha256 of a file; a file with another one than it should have is removed and told."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    found = digest.hexdigest()
    digits = re.search(r"-([0-9a-f]{8})\.pth$", name)
    expected = digits[1] if digits else read_sums(path.parent).get(name, "")
    if not found.startswith(expected):
        path.unlink()
        raise UserError(f"{path}: its sha256 is {found[:16]}, not {expected[:16]}; removed. Fetch it again")
    return found


def read_sums(folder: Path) -> dict[str, str]:
    """{file: sha256} of what was fetched before."""
    sums = folder / "SHA256SUMS"
    lines = sums.read_text().splitlines() if sums.is_file() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def main() -> int:
    """Fetch what is asked for."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("names", nargs="*", metavar="NAME", help=", ".join(URLS))
    arguments.add_argument("--folder", type=Path, default=cache_folder())
    options = arguments.parse_args()
    if unknown := set(options.names) - set(URLS):
        raise UserError(f"unknown weights {', '.join(sorted(unknown))}; choose among {', '.join(URLS)}")
    for name in options.names or URLS:
        print(f"{name}: {fetch(URLS[name], options.folder)}")
    return 0


if __name__ == "__main__":
    run(main)
