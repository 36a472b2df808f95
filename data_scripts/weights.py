"""Fetch the public pretrained weights that the papers start from, and check their sums.

    python data_scripts/weights.py [NAME ...] [--folder DIR]

NAME is one of resnet50, vggish, pvt_v2_b5, swin_b; all of them if none is given. DIR is where avslib looks: $AVSLIB_CACHE,
or ~/.cache/avslib. A broken download is continued, and what is there is only checked. A web page or anything else that
comes in place of weights is told, and left out.

The names of two files carry the first digits of their sha256, which are checked. The publishers of the other two give
no sum: theirs is written into DIR/SHA256SUMS when they are first fetched, and checked from then on.
Checkpoints of whole models are on their authors' drives (see the chapters) and go through `avslib import`.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm

from avslib.data.prepare.release import run
from avslib.encoders.weight_files import HEAD, read_state_dict, strange, text_in_place
from avslib.encoders.weights import cache_folder
from avslib.errors import UserError
from avslib.files import check_folder, forgiving_output, reason, write_file

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
    """The file behind `url` in `folder`: whole, weights, and with the right sum. Raises UserError when it cannot be had.

    What was there before stays there, whatever it is.
    """
    path = folder / url.rpartition("/")[2]
    check_folder(folder, "--folder")
    if not os.path.lexists(path):
        part = path.with_name(path.name + ".part")
        folder.mkdir(parents=True, exist_ok=True)
        download(url, part)
        try:
            check(part, path.name)
        except UserError as error:
            part.unlink()
            raise UserError(f"{error}. The download is removed: fetch it again") from None
        os.replace(part, path)
    digest = check(path, path.name)
    if path.name not in read_sums(folder):
        write_down(folder, f"{digest}  {path.name}\n")
    return path


def download(url: str, part: Path) -> None:
    """Fetch into `part`, from where an earlier attempt ended. Raises UserError when less arrives than was announced."""
    start = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            receive(answer, url, part, start)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise UserError(f"{url}: the server says {error.code} {error.reason}; fetch it by hand") from None
        if error.headers.get("Content-Range", f"bytes */{start}") != f"bytes */{start}":  # not all was there
            part.unlink()
            raise UserError(f"{part}: longer than the file at {url}; removed. Fetch it again") from None
    except http.client.IncompleteRead:
        raise UserError(f"{part}: cut off; run it again to continue") from None
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise UserError(
                f"{part}: cannot be written ({reason(error)}); make room, then run it again"
            ) from None
        raise UserError(
            f"{url}: cannot be reached ({reason(error)}); run it again, or fetch it by hand"
        ) from None


def receive(answer: http.client.HTTPResponse, url: str, part: Path, start: int) -> None:
    """Write an answer down: at the end of `part` when the server goes on from `start`, else afresh."""
    span = re.match(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    goes_on = answer.status == 206 and (span is None or int(span[1]) == start)
    if answer.status == 206 and not goes_on:
        raise UserError(
            f"{url}: the server does not go on from byte {start}; delete {part}, and run it again"
        )
    rest = answer.headers.get("Content-Length", "")
    due = int(rest) + (start if goes_on else 0) if rest.isdecimal() else None
    block = answer.read(BLOCK)
    if not goes_on and (what := text_in_place(block[:HEAD])):
        raise UserError(f"{url}: the server sends no weights but {what}")
    size = start if goes_on else 0
    with part.open("ab" if goes_on else "wb") as file, tqdm(total=due, unit="B", unit_scale=True) as bar:
        bar.update(size)
        while block:
            size += file.write(block)
            bar.update(len(block))
            block = answer.read(BLOCK)
    if due is not None and size != due:
        raise UserError(f"{part}: cut off after {size} of {due} bytes; run it again to continue")


def check(path: Path, name: str) -> str:
    """The sha256 of a file. Raises UserError for what is no weights, and for another sum than it should have."""
    if what := strange(path):
        raise UserError(f"{path}: not weights: {what}")
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    found = digest.hexdigest()
    digits = re.search(r"-([0-9a-f]{8})\.pth$", name)
    expected = digits[1] if digits else read_sums(path.parent).get(name, "")
    if not found.startswith(expected):
        raise UserError(
            f"{path}: its sha256 is {found[:16]}, not {expected[:16]}; move it away, then fetch it again"
        )
    if not expected:
        read_state_dict(path)  # what is written down as the truth from now on has to be weights
    return found


def read_sums(folder: Path) -> dict[str, str]:
    """{file: sha256} of what was fetched before."""
    sums = folder / "SHA256SUMS"
    lines = sums.read_text(encoding="utf-8", errors="replace").splitlines() if sums.is_file() else []
    return {name.strip(" *"): digest for digest, _, name in (line.partition(" ") for line in lines)}


def write_down(folder: Path, line: str) -> None:
    """Add a line to the sums; those that are there stay as they are."""
    sums = folder / "SHA256SUMS"
    before = sums.read_bytes() if sums.is_file() else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    write_file(sums, before + line.encode())


def main() -> int:
    """Fetch what is asked for."""
    forgiving_output()
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("names", nargs="*", metavar="NAME", help=", ".join(URLS))
    arguments.add_argument("--folder", type=Path, default=cache_folder())
    options = arguments.parse_args()
    if unknown := set(options.names) - set(URLS):
        raise UserError(f"unknown weights {', '.join(sorted(unknown))}; choose among {', '.join(URLS)}")
    for name in options.names or URLS:
        print(f"{name}: {fetch(URLS[name], options.folder.expanduser())}")
    return 0


if __name__ == "__main__":
    run(main)
