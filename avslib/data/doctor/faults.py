"""What can be wrong with a benchmark on disk."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong. kind: a key of `KINDS`; path: relative to the data folder."""

    kind: str
    path: str
    what: str


KINDS = {
    "table": "a table cannot be read",
    "class list": "label2idx.json does not number the classes",
    "unsafe name": "a row names a path, not a file of the folder",
    "unknown split": "a row is in no split",
    "unknown part": "a row is in no part of AVSBench-semantic",
    "wrong position": "a row of VPO puts its sound nowhere",
    "duplicate id": "two rows are one clip",
    "split leak": "a clip is in two splits",
    "same table": "VPO-MSMI's table lists VPO-MS's clips and no others",
    "missing clip": "a row has no files at all",
    "unlisted clip": "files have no row",
    "wrong count": "a split is not as large as it should be",
    "missing file": "a file is not there, or a link to nowhere",
    "empty file": "a file has no bytes",
    "corrupt": "a file cannot be decoded to its end",
    "wrong size": "a picture or mask is not as large as its companions",
    "wrong colour": "a mask has values that mean nothing",
    "no samples": "a sound of no length",
    "not finite": "a sound or a log-mel with NaN or infinity",
    "short sound": "a sound of less than half the clip",
    "unsafe pickle": "a pickle asks for more than numbers",
    "wrong shape": "a log-mel of another shape",
}
"""Kind -> what it says. Each is found by one function, in `inventory` (tables) or `checks` (files)."""

MISSING = ("missing clip", "missing file")
CORRUPT = ("empty file", "corrupt", "no samples", "not finite", "unsafe pickle")
TABLE = (
    "table", "class list", "unsafe name", "unknown split", "unknown part", "wrong position", "duplicate id",
    "split leak", "same table", "missing clip", "unlisted clip",
)  # fmt: skip
"""Kinds that change how many clips there are: where there are some, counting tells nothing new."""
