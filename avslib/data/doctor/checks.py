"""What can be wrong with the files of one clip, one function for each kind, and what is worth knowing of them.

Everything is decoded to its end. The functions never raise for a bad file: they return faults.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from avslib.audio.files import open_sound, read_audio
from avslib.data.doctor.faults import Fault
from avslib.data.doctor.inventory import Listed
from avslib.data.readers.palette import to_labels
from avslib.data.readers.pixels import BROKEN, FORMATS, label_values, open_picture, to_mask
from avslib.data.readers.safe_pickle import read_tensor
from avslib.data.readers.vpo import LABEL_OF_ID
from avslib.errors import UserError
from avslib.types import IGNORE

SEAM = 0.01
"""Part of a mask that may have a colour of nobody: seams of objects do, in AVSBench-semantic."""
FULL, OFTEN = 0.999, 0.001
"""A sound is clipped when more than one in a thousand samples is louder than this; one in full scale."""
QUIET = 1e-3
"""The loudest sample of a silent sound: -60 dB."""
OFF = 0.5
"""Seconds that a sound may be shorter or longer than its clip without being counted."""
LONGEST, LARGEST = 3600, 2**28
"""Seconds of sound and bytes of a picture that are read."""


@dataclass
class Findings:
    """What was found out about a clip.

    frames, masks, sounds: how many are whole; silent: masks in which nothing sounds
    mono, clipped, quiet, odd, piped: sounds that are; stray: pixels of colours that are nobody's
    labels: which classes sound in some mask; size: (width, height) of most of its pictures
    pictures: digest of all its frames, where all are there
    """

    faults: list[Fault] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    labels: frozenset[int] = frozenset()
    size: tuple[int, int] | None = None
    pictures: bytes = b""


def check_clip(clip: Listed, *, root: Path, classes: int) -> Findings:
    """Look at all files of a clip. classes: K of AVSBench-semantic's colours."""
    found = Findings(faults=list(check_presence(clip, root)))
    sizes: dict[str, tuple[int, int]] = {}
    digest = hashlib.sha256()
    for path in _there(clip.files.frames, root):
        if (image := check_picture(path, root, found)) is not None:
            sizes[path] = image.size
            digest.update((root / path).read_bytes())
    found.counts["frames"] = len(sizes)
    if len(sizes) == len(clip.files.frames):
        found.pictures = digest.digest()
    for path in _there(clip.files.masks, root):
        if (image := check_picture(path, root, found)) is not None:
            sizes[path] = image.size
            check_mask(image, path, clip.masks, classes, found)
    check_sizes(sizes, found)
    for path in _there(clip.files.sounds, root):
        check_sound(path, root, clip.seconds, found)
    for path in _there([clip.files.log_mel] if clip.files.log_mel else [], root):
        check_log_mel(path, root, len(clip.files.frames), found)
    return found


def check_presence(clip: Listed, root: Path) -> Iterator[Fault]:
    """Files that are missing or empty, all of them by name.

    Where each clip has folders of its own, one fault for a whole folder; the folders of VPO are everybody's.
    """
    files = clip.files
    wanted = [*files.needed, *([files.log_mel] if files.log_mel else [])]
    lost = [path for path in wanted if not (root / path).is_file()]
    yield from (Fault("empty file", p, "has no bytes") for p in _there(wanted, root, empty=True))
    if lost == wanted:
        own = len(files.frames) > 1
        where = files.frames[0].rpartition("/")[0] if own else files.frames[0]
        what = f"{clip.name} is in the table; none of its {len(wanted)} files is there"
        yield Fault("missing clip", where, f"{what}: {', '.join(lost)}" if own else what)
        lost = [] if own else [path for path in lost if path != where]
    for folder in dict.fromkeys(path.rpartition("/")[0] for path in lost):
        here, all_here = _in_folder(lost, folder), _in_folder(wanted, folder)
        if len(here) > 1 and here == all_here and clip.masks != "ids":
            names = ", ".join(path.rpartition("/")[2] for path in here)
            yield Fault("missing file", folder, f"none of its {len(here)} files is there: {names}")
        else:
            yield from (Fault("missing file", path, _absent(root / path)) for path in here)


def _in_folder(paths: Iterable[str], folder: str) -> list[str]:
    return [path for path in paths if path.rpartition("/")[0] == folder]


def _absent(path: Path) -> str:
    """What is in the place of a file that is missing."""
    if path.is_symlink():
        return f"is a link to {os.readlink(path)}, which is not there"
    return "is not there"


def check_picture(path: str, root: Path, found: Findings) -> Image.Image | None:
    """The picture, decoded to its last row; of a png, the sums of its parts too."""
    try:
        if (size := (root / path).stat().st_size) > LARGEST:
            raise ValueError(f"{size} bytes; not read")
        data = (root / path).read_bytes()
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or 0):
                raise ValueError(f"{image.width} x {image.height} pixels")
            image.verify()
        return open_picture(io.BytesIO(data))
    except BROKEN as error:
        what = "it is no png or jpg" if isinstance(error, UnidentifiedImageError) else str(error)
        found.faults.append(Fault("corrupt", path, what))
        return None


def check_sizes(sizes: dict[str, tuple[int, int]], found: Findings) -> None:
    """All pictures and masks of a clip have one size."""
    if not sizes:
        return
    usual, _ = Counter(sizes.values()).most_common(1)[0]
    found.size = usual
    for path, size in sizes.items():
        if size != usual:
            what = "{} x {}; its companions have {} x {}".format(*size, *usual)
            found.faults.append(Fault("wrong size", path, what))


def check_mask(image: Image.Image, path: str, kind: str, classes: int, found: Findings) -> None:
    """Values that mean nothing, and which classes are shown."""
    try:
        labels, odd, told = {"binary": _binary, "ids": _ids, "colours": _colours}[kind](image, classes)
    except UserError as error:
        found.faults.append(Fault("wrong colour", path, str(error)))
        return
    found.counts["masks"] += 1
    found.counts["stray"] += odd
    found.counts["silent"] += not labels
    found.labels |= labels
    allowed = 0 if kind == "ids" else SEAM * image.width * image.height
    if odd > allowed:
        found.faults.append(Fault("wrong colour", path, f"{odd} pixels {told}"))


def _binary(image: Image.Image, classes: int) -> tuple[frozenset[int], int, str]:
    """A mask of 0 and 255. One that never reaches half of white marks nothing, in any reader."""
    histogram = to_mask(image, "L").histogram()
    odd, marked = sum(histogram[1:255]), sum(histogram[128:])
    told = "are neither 0 nor 255"
    if odd and not marked:
        brightest = max(value for value, count in enumerate(histogram) if count)
        odd, told = image.width * image.height, f"are unmarked, the brightest is {brightest} of 255"
    return frozenset({1} if marked else ()), odd, told


def _colours(image: Image.Image, classes: int) -> tuple[frozenset[int], int, str]:
    labels, stray = to_labels(np.array(to_mask(image, "RGB")), classes)
    most = max(stray, key=lambda colour: stray[colour], default=None)
    shown = np.flatnonzero(np.bincount(labels.ravel(), minlength=classes))
    told = f"have colours that are not in the palette, most of them {most}"
    return frozenset(shown.tolist()) - {0}, sum(stray.values()), told


def _ids(image: Image.Image, classes: int) -> tuple[frozenset[int], int, str]:
    ids = label_values(image)
    labels = np.where((ids >= 0) & (ids <= IGNORE), LABEL_OF_ID[ids.clip(0, IGNORE)], -1)
    known = frozenset(np.unique(labels).tolist()) - {-1, 0, IGNORE}
    return known, int((labels < 0).sum()), f"hold {np.unique(ids[labels < 0]).tolist()[:5]}, no class of VPO"


def check_sound(path: str, root: Path, seconds: float | None, found: Findings) -> None:
    """The sound, read to its end, as the readers do it."""
    try:
        with open_sound(root / path) as sound, warnings.catch_warnings():
            if not sound.file.frames:
                found.faults.append(Fault("no samples", path, "has a header and nothing behind it"))
                return
            if sound.seconds > LONGEST:
                raise UserError(f"{path}: {sound.seconds:,.0f} s long; not read")
            warnings.simplefilter("ignore")  # that it was piped is counted
            waveform, rate = read_audio(root / path)
    except UserError as error:
        kind = "not finite" if "NaN" in str(error) else "corrupt"
        found.faults.append(Fault(kind, path, str(error).removeprefix(f"{root / path}: ")))
        return
    loud, length = waveform.abs(), waveform.shape[-1] / rate
    found.counts["sounds"] += 1
    found.counts["piped"] += sound.streamed
    found.counts["mono"] += bool((waveform == waveform[:1]).all())
    found.counts["clipped"] += float((loud > FULL).float().mean()) > OFTEN
    found.counts["quiet"] += float(loud.max()) < QUIET
    if seconds is not None and length < seconds / 2:
        found.faults.append(Fault("short sound", path, f"{length:.2f} s for a clip of {seconds:g} s"))
    elif seconds is not None:
        found.counts["odd"] += abs(length - seconds) > OFF


def check_log_mel(path: str, root: Path, frames: int, found: Findings) -> None:
    """The pickle, read without running it."""
    try:
        log_mel = read_tensor(root / path)
    except UserError as error:
        kind = "unsafe pickle" if "refused" in str(error) else "corrupt"
        found.faults.append(Fault(kind, path, str(error).removeprefix(f"{root / path}: ")))
        return
    if log_mel.shape != (frames, 1, 96, 64):
        found.faults.append(Fault("wrong shape", path, f"{tuple(log_mel.shape)}, not ({frames}, 1, 96, 64)"))
    elif not bool(torch.isfinite(log_mel).all()):
        found.faults.append(Fault("not finite", path, "holds NaN or infinity"))


def _there(paths: Iterable[str], root: Path, *, empty: bool = False) -> Iterator[str]:
    """Those that can be opened: files with something in them; or those that are `empty`."""
    return (p for p in paths if (root / p).is_file() and bool((root / p).stat().st_size) != empty)
