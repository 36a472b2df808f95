"""Recordings of VGGSound by class of VPO, and how one becomes a wav that the readers read.

VGGSOUND holds vggsound.csv as its authors give it (YouTube id, first second, label, split; no head) and, at
any depth, the clips that one has of it: <id>_<first second, six digits>.wav, .flac or .mp4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from avslib.audio.files import read_audio, resample
from avslib.audio.frontends import RATE
from avslib.data.mini.files import wav
from avslib.data.prepare.extract import read_sound
from avslib.data.readers.layouts import COCO_ID, VPO_SOUNDS
from avslib.data.readers.paths import data_folder, files_below, inside, plain_name
from avslib.data.readers.tables import Row, read_headless
from avslib.errors import UserError
from avslib.files import write_file

TABLE = "vggsound.csv"
LABELS = {
    "airplane": ("airplane", "airplane flyby"),
    "baby": ("baby babbling", "baby crying", "baby laughter"),
    "bird": ("mynah bird singing",),
    "bus": ("driving buses",),
    "car": (
        "car passing by", "car engine idling", "car engine starting", "race car, auto racing",
        "car engine knocking",
    ),
    "cat": ("cat purring", "cat meowing", "cat caterwauling"),
    "cell phone": ("cell phone buzzing",),
    "cow": ("cow lowing",),
    "dog": ("dog growling", "dog bow-wow", "dog whimpering", "dog howling", "dog barking", "dog baying"),
    "elephant": ("elephant trumpeting",),
    "female": ("female speech, woman speaking",),
    "horse": ("horse neighing", "horse clip-clop"),
    "keyboard": ("typing on computer keyboard",),
    "male": ("male speech, man speaking", "male singing"),
    "motorcycle": ("driving motorcycle",),
    "mouse": ("mouse clicking",),
    "sheep": ("sheep bleating",),
    "skateboard": ("skateboarding",),
    "sports ball": ("shot football",),
    "tennis racket": ("playing tennis",),
    "zebra": ("zebra braying",),
}  # fmt: skip
"""Class -> labels of VGGSound: table 7 of the CAVP paper, in VGGSound's spelling. The paper prints "cat
caterwaulin", has "cat purring" twice, and lets men alone sing. "shot football" is a label of VGGSound's."""
ENDINGS = (".wav", ".flac", ".mp4")
"""What a clip may be; where it is there twice, the first of these is taken."""
SILENT = 2**15 // 1000
"""Steps of 16 bits that the loudest sample of a sound must exceed: -60 dB, as the doctor has it."""


@dataclass(frozen=True, order=True)
class Recording:
    """One clip. name: <id>_<second>, which is VPO's `vgg_file`; file: where it lies."""

    name: str
    file: Path


Pools = dict[int, list[Recording]]
"""Category id of VPO -> its recordings, by name."""


def read_recordings(folder: Path) -> dict[str, Pools]:
    """{"train" | "test": pools} of the clips that are in `folder`; VGGSound's own split.

    A video that has clips in both splits is left to the test.
    Raises UserError for a table that is missing or no such table, and when none of its clips is there.
    """
    root = data_folder(folder)
    category_of = {label: COCO_ID[name] for name, labels in LABELS.items() for label in labels}
    table = root / TABLE
    rows = [
        row for row in read_headless(table, ("id", "second", "label", "split")) if row["label"] in category_of
    ]
    if not rows:
        raise UserError(
            f"{table}: has none of VPO's labels, such as 'dog barking'; give VGGSound's own table"
        )
    files = _clips(root)
    tested = {row["id"] for row in rows if row["split"] == "test"}
    pools: dict[str, dict[int, set[Recording]]] = {split: defaultdict(set) for split in ("train", "test")}
    for row in rows:
        name = _name(row, table)
        if name in files and (row["split"] == "test" or row["id"] not in tested):
            pools[row["split"]][category_of[row["label"]]].add(Recording(name, root / files[name]))
    if not any(pools.values()):
        raise UserError(f"{root}: none of the {len(rows)} clips is there; e.g. {name}{', '.join(ENDINGS)}")
    return {split: {key: sorted(own[key]) for key in sorted(own)} for split, own in pools.items()}


def _clips(root: Path) -> dict[str, str]:
    """{name: file} of the sounds and videos, relative to `root`."""
    found = sorted(files_below(root, ENDINGS), key=lambda file: ENDINGS.index(_ending(file)), reverse=True)
    return {PurePosixPath(file).stem: file for file in found}


def _ending(file: str) -> str:
    return PurePosixPath(file).suffix.lower()


def _name(row: Row, table: Path) -> str:
    """<id>_<second>. Raises UserError for a row that says nothing of the kind."""
    second, split = row["second"], row["split"]
    if not second.isdecimal() or split not in ("train", "test"):
        told = f"second {second!r}, split {split!r}"
        raise UserError(f"{table}: {row['id']}: {told}; give VGGSound's own table: id, second, label, split")
    return plain_name(f"{row['id']}_{int(second):06d}", f"{table}, first column")


def check_videos(recordings: Iterable[Recording]) -> None:
    """Raises UserError where a recording is a video and PyAV is not installed."""
    videos = [one.file for one in recordings if _ending(one.file.name) == ".mp4"]
    if videos and find_spec("av") is None:
        raise UserError(f"{videos[0]}: reading videos needs PyAV: pip install 'avslib[data]'")


def convert(recording: Recording, *, root: Path) -> str:
    """Write the recording to where VPO has its sounds in `root`, if it is not there: 16 kHz, 16 bits.

    Its channels stay as they are. Returns why it cannot be used, "" if it can: what is damaged or silent is no
    reason to stop.
    Raises UserError when the disk refuses.
    """
    target = inside(root, f"{VPO_SOUNDS}/{recording.name}.wav")
    if target.is_file():
        return ""
    try:
        samples = _samples(recording.file)
    except UserError as error:
        return str(error)
    if np.abs(samples.astype(np.int32)).max(initial=0) <= SILENT:
        return f"{recording.file}: silent"
    write_file(target, wav(samples))
    return ""


def _samples(file: Path) -> npt.NDArray[np.int16]:
    """(S, A) at 16 kHz."""
    if _ending(file.name) == ".mp4":
        return read_sound(file)
    waveform, rate = read_audio(file)
    steps = (resample(waveform, rate, RATE) * 2**15).round().clamp(-(2**15), 2**15 - 1)
    samples: npt.NDArray[np.int16] = steps.numpy().T.astype(np.int16)
    return samples
