"""The files of AVS-Mini: a manifest, and pictures and sounds that are decoded once and kept.

All sounds get one treatment, because they come from packages of very different quality: 16 kHz mono, cut to
the band of the poorest of them (recorded at 11 kHz), pauses shortened, and the same loudness. Without it a
model could tell the package, and with it often the class, from the bandwidth alone.
"""

from __future__ import annotations

import csv
import hashlib
import math
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.signal import cheby2, sosfilt, sosfilt_zi

from avslib.audio.files import read_audio, resample
from avslib.errors import UserError

CORE_CLASSES = ("airplane", "bird", "cat", "cow", "dog", "man", "train", "woman")
"""The classes that sound in the chapters, labels 1 to 8: at least 8 photographs and 12 recordings each."""
CLASSES = (*CORE_CLASSES, "car", "duck", "elephant", "frog", "hen", "horse", "pig", "sheep")
"""Those of `mini-16`, labels 1 to 16: at least 6 photographs and 10 recordings each."""
EDITION = 2
"""Of AVS-Mini. Results of two editions are not to be compared: other classes, other files, other scenes."""
LICENCES = {"permissive": "CC BY 4.0", "GPL": "GPL-3.0", "CC-BY-SA": "CC BY-SA 4.0"}
"""Licence family -> what a scene of it is under. A published one holds permissive files and one other family at most."""
FAMILIES = tuple(LICENCES)

SAMPLE_RATE = 16_000
BAND_LIMIT_HZ = 5_000.0
LOUDNESS = 0.1
"""Root mean square of the active part of every treated sound, -20 dB of full scale."""
LONGEST_PAUSE = 0.2
"""Seconds. A longer pause inside a recording is shortened: a second labelled as sounding must be heard."""
SHORTEST = 0.1
"""Seconds. What is left of a recording must be longer."""
KINDS = ("cutout", "sound", "noise", "background")

FOLDER = Path(__file__).parent
Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Item:
    """One row of the manifest.

    group:    the photograph that it was cut from, or who recorded it (a package where no name is known): what
              has to stay on one side of a split
    edition:  of AVS-Mini that it came with, 1 or 2
    families: the licence families the file may be used under
    """

    path: Path
    kind: str
    name: str
    instance: str
    group: str
    edition: int
    medium: str
    source: str
    origin: str
    licence: str
    families: frozenset[str]
    author: str
    sha256: str

    @property
    def is_photograph(self) -> bool:
        """False for the drawn and rendered pictures, which only ever train."""
        return self.medium.startswith("photo")

    @cached_property
    def picture(self) -> Image.Image:
        """The decoded picture: RGBA with its cut-out's outline, or RGB for a background."""
        return self._decode()

    @cached_property
    def premultiplied(self) -> Image.Image:
        """A cut-out with its colours multiplied by alpha (mode RGBa), ready to be resized and pasted."""
        return self._decode().convert("RGBa")

    def _decode(self) -> Image.Image:
        wanted = "RGBA" if self.kind == "cutout" else "RGB"
        try:
            with Image.open(self.path) as opened:
                mode, picture = opened.mode, opened.convert(wanted)
        except FileNotFoundError:
            raise UserError(f"{self.path}: missing; reinstall avslib or restore the file") from None
        except (OSError, SyntaxError, ValueError) as error:
            raise UserError(f"{self.path}: not a readable picture ({error}); restore the file") from None
        if wanted == "RGBA" and mode != "RGBA":
            raise UserError(f"{self.path}: a cut-out needs its outline (RGBA, not {mode}); restore it")
        return picture

    @cached_property
    def sound(self) -> Waveform:
        """(S,) float32 at 16 kHz, treated: band-limited, trimmed, of equal loudness."""
        waveform, rate = read_audio(self.path)
        mono = resample(waveform.mean(dim=0, keepdim=True), rate, SAMPLE_RATE)[0].numpy()
        return treat(mono, self.path)

    def heard(self, count: int, *, offset: int = 0, speed: float = 1.0) -> Waveform:
        """(count,) of `sound`, repeated without gaps, from `offset` on, played `speed` times as fast and as much higher.

        Only what is heard is made, and nothing of it kept: a copy of every recording at every speed is large.
        """
        sound = self.sound
        length = len(sound) if speed == 1.0 else math.ceil((len(sound) - 1) / speed)
        first = offset % length
        runs = [(first, min(length, first + count)), (0, min(first, first + count - length))]
        parts = [_played(sound, start, stop, speed) for start, stop in runs if stop > start]
        once = np.concatenate(parts) if len(parts) > 1 else parts[0]
        return np.resize(once, count) if len(once) < count else once.copy()


def _played(sound: Waveform, start: int, stop: int, speed: float) -> Waveform:
    """Samples `start` to `stop` of the faster recording: `numpy.interp` where samples are numbered, with no search."""
    if speed == 1.0:
        return sound[start:stop]
    positions = np.arange(start, stop) * speed
    before = positions.astype(np.intp)
    low = sound.take(before).astype(np.float64)
    rise = sound.take(before + 1) - low
    positions -= before
    rise *= positions
    rise += low
    return rise.astype(np.float32)


COLUMNS = tuple({"name": "class", "families": "family"}.get(f.name, f.name) for f in fields(Item))
"""Of the manifest: the fields of an `Item`, but for two names."""

_FILTER = cheby2(12, 40, 1.08 * BAND_LIMIT_HZ, fs=SAMPLE_RATE, output="sos")  # runs twice: 80 dB down
_SETTLED = sosfilt_zi(_FILTER)
"""The filter's state under a constant; `scipy.signal.sosfiltfilt` finds it anew for every file."""
_MARGIN = 3 * (2 * len(_FILTER) + 1)
_FRAME = SAMPLE_RATE // 50


def _band_limited(mono: Waveform) -> npt.NDArray[np.float64]:
    """(S,) -> (S,), filtered forwards and backwards: `scipy.signal.sosfiltfilt`, bit for bit."""
    out = np.pad(mono, _MARGIN, mode="reflect", reflect_type="odd").astype(np.float64)
    for _ in range(2):
        out = sosfilt(_FILTER, out, zi=_SETTLED * out[0])[0][::-1]
    return out[_MARGIN:-_MARGIN]


def treat(mono: Waveform, path: Path) -> Waveform:
    """Band-limit, shorten pauses, level: (S,) -> (S',). Raises UserError when nothing is left."""
    if len(mono) < SHORTEST * SAMPLE_RATE:
        raise UserError(f"{path}: only {len(mono)} samples; a recording needs {SHORTEST} s")
    frames = _band_limited(mono)[: len(mono) // _FRAME * _FRAME].reshape(-1, _FRAME)
    level = np.sqrt((frames**2).mean(axis=1))
    active = level > 0.1 * level.max()
    if level.max() < 1e-4 or active.sum() * _FRAME < SHORTEST * SAMPLE_RATE:
        raise UserError(f"{path}: silent below {BAND_LIMIT_HZ:.0f} Hz; restore the file, or remove its row")
    number = np.arange(len(frames))
    last_active = np.maximum.accumulate(np.where(active, number, -len(frames)))
    kept = (number - last_active <= LONGEST_PAUSE * SAMPLE_RATE / _FRAME) & (number <= last_active[-1])
    loudness = np.sqrt((level[active] ** 2).mean())
    out: Waveform = (frames[kept].ravel() * (LOUDNESS / loudness)).astype(np.float32)
    return out


@dataclass(frozen=True)
class Pack:
    """All items of a manifest. `of(kind)` and `of(kind, name)` list them in the manifest's order."""

    items: tuple[Item, ...]

    def of(self, kind: str, name: str | None = None) -> list[Item]:
        """Items of one kind ('cutout', 'sound', 'noise', 'background'), of one class if `name` is given."""
        return [item for item in self.items if item.kind == kind and name in (None, item.name)]


def _item(folder: Path, row: dict[str, str], line: int) -> Item:
    path, where = folder / "pack" / (row["path"] or ""), f"{folder / 'manifest.csv'}, line {line}"
    if None in row.values() or None in row:
        raise UserError(f"{where}: too few or too many values; give the row one value per column")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{where}: {row['path']} leads out of the pack; remove the row")
    if not path.is_file():
        raise UserError(f"{where}: {row['path']} is not there; restore the file or remove the row")
    families = frozenset(row["family"].split("|"))
    if not families <= set(FAMILIES):
        raise UserError(f"{where}: family {row['family']!r}; write {', '.join(FAMILIES)}, or two joined by |")
    if row["kind"] not in KINDS:
        raise UserError(f"{where}: kind {row['kind']!r}; write one of {', '.join(KINDS)}")
    if not row["edition"].isdecimal():
        raise UserError(f"{where}: edition {row['edition']!r}; write the number of an edition")
    values: dict[str, Any] = {**row, "path": path, "family": families, "edition": int(row["edition"])}
    return Item(*(values[column] for column in COLUMNS))


@lru_cache(maxsize=4)
def load_pack(folder: Path = FOLDER) -> Pack:
    """Read a manifest; files are decoded when they are first used.

    Raises UserError when the manifest is missing or malformed, or names a file that is not there.
    """
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise UserError(f"{manifest}: no manifest; reinstall avslib, or name a folder that holds one")
    with manifest.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"{manifest}: no column {', '.join(missing)}; see avslib/data/mini/README.md")
        return Pack(tuple(_item(folder, row, line) for line, row in enumerate(reader, start=2)))


def verify_pack(folder: Path = FOLDER) -> int:
    """Decode every file and compare its checksum; the number of files. Raises UserError at the first fault."""
    pack = load_pack(folder)
    for item in pack.items:
        if hashlib.sha256(item.path.read_bytes()).hexdigest() != item.sha256:
            raise UserError(f"{item.path}: the file is not the one in the manifest (by sha256); restore it")
        _ = item.sound if item.kind in ("sound", "noise") else item.picture
    return len(pack.items)
