"""What can be wrong with the files of one clip, one function for each kind, and what is worth knowing of them.

Everything is decoded to its end. The functions never raise for a bad file: they return faults.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import numpy as np
import soundfile
import torch
from PIL import Image, UnidentifiedImageError

from avslib.audio.files import read_audio
from avslib.data.doctor.faults import Fault
from avslib.data.doctor.inventory import Listed
from avslib.data.readers.images import BROKEN, FORMATS
from avslib.data.readers.palette import to_labels
from avslib.data.readers.paths import inside
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
    mono, clipped, quiet, odd: sounds that are; stray: pixels of colours that are nobody's
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
    """Files that are missing or empty, and links out of the folder; one fault for a whole folder."""
    files = clip.files
    wanted = [*files.needed, *([files.log_mel] if files.log_mel else [])]
    lost: dict[str, list[str]] = {}
    links = {link for path in wanted if (link := leaving(path, root))}
    yield from (Fault("link out", link, f"leads to {os.path.realpath(root / link)}") for link in links)
    wanted = [path for path in wanted if not leaving(path, root)]
    for path in wanted:
        if not (root / path).is_file():
            lost.setdefault(path.rpartition("/")[0], []).append(path)
        elif not (root / path).stat().st_size:
            yield Fault("empty file", path, "has no bytes")
    if sum(map(len, lost.values())) == len(wanted) and not links:
        where = files.frames[0].rpartition("/")[0] if len(files.frames) > 1 else files.frames[0]
        what = f"{clip.name} is in the table; none of its {len(wanted)} files is there"
        yield Fault("missing clip", where, what)
        return
    for folder, paths in lost.items():
        if len(paths) > 1 and all(path in paths for path in wanted if path.rpartition("/")[0] == folder):
            yield Fault("missing file", folder, f"none of its {len(paths)} files is there")
        else:
            yield from (Fault("missing file", path, "is not there") for path in paths)


def leaving(path: str, root: Path) -> str:
    """The part of `path` that is a link out of the folder, or ''."""
    if os.path.realpath(root / path) == str(root / path):
        return ""
    for part in accumulate(path.split("/"), "{}/{}".format):
        try:
            inside(root, part)
        except UserError:
            return part
    return ""


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
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        image.load()
        return image
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
    labels, odd, told = {"binary": _binary, "ids": _ids, "colours": _colours}[kind](image, classes)
    found.counts["masks"] += 1
    found.counts["stray"] += odd
    found.counts["silent"] += not labels
    found.labels |= labels
    allowed = 0 if kind == "ids" else SEAM * image.width * image.height
    if odd > allowed:
        found.faults.append(Fault("wrong colour", path, f"{odd} pixels {told}"))


def _binary(image: Image.Image, classes: int) -> tuple[frozenset[int], int, str]:
    """A mask of 0 and 255. One that never reaches half of white marks nothing, in any reader."""
    histogram = image.convert("L").histogram()
    odd, marked = sum(histogram[1:255]), sum(histogram[128:])
    told = "are neither 0 nor 255"
    if odd and not marked:
        brightest = max(value for value, count in enumerate(histogram) if count)
        odd, told = image.width * image.height, f"are unmarked, the brightest is {brightest} of 255"
    return frozenset({1} if marked else ()), odd, told


def _colours(image: Image.Image, classes: int) -> tuple[frozenset[int], int, str]:
    labels, stray = to_labels(np.array(image.convert("RGB")), classes)
    most = max(stray, key=lambda colour: stray[colour], default=None)
    shown = np.flatnonzero(np.bincount(labels.ravel(), minlength=classes))
    told = f"have colours that are not in the palette, most of them {most}"
    return frozenset(shown.tolist()) - {0}, sum(stray.values()), told


def _ids(image: Image.Image, classes: int) -> tuple[frozenset[int], int, str]:
    ids = np.array(image)
    if ids.ndim != 2 or ids.max() > IGNORE or ids.min() < 0:
        return frozenset(), ids.size, f"are in mode {image.mode}; a mask of VPO has one channel of 8 bits"
    labels = LABEL_OF_ID[ids]
    known = frozenset(np.unique(labels).tolist()) - {-1, 0, IGNORE}
    return known, int((labels < 0).sum()), f"hold {np.unique(ids[labels < 0]).tolist()[:5]}, no class of VPO"


def check_sound(path: str, root: Path, seconds: float | None, found: Findings) -> None:
    """The sound, read to its end, as the readers do it."""
    try:
        about = soundfile.info(str(root / path))
        if not about.frames:
            found.faults.append(Fault("no samples", path, "has a header and nothing behind it"))
            return
        if about.duration > LONGEST:
            raise UserError(f"{path}: {about.duration:,.0f} s long; not read")
        waveform, rate = read_audio(root / path)
    except (soundfile.LibsndfileError, UserError) as error:
        kind = "not finite" if "NaN" in str(error) else "corrupt"
        found.faults.append(Fault(kind, path, str(error).removeprefix(f"{root / path}: ")))
        return
    loud, length = waveform.abs(), waveform.shape[-1] / rate
    found.counts["sounds"] += 1
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


def _there(paths: tuple[str, ...] | list[str], root: Path) -> Iterator[str]:
    """Those that can be opened: files with something in them, inside the folder."""
    return (p for p in paths if not leaving(p, root) and (root / p).is_file() and (root / p).stat().st_size)
