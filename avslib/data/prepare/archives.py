"""Unpack a stranger's zip or tar file into one folder, and touch nothing outside of it.

The whole list of contents is read and judged before the first byte is written. Refused are absolute paths, `..`,
links and devices, one file twice, encrypted members, and archives that would grow beyond what the disk holds or
beyond what pictures and sounds can (a "bomb"). What a system has left in it (`__MACOSX`) is passed over. Links
to another disk that are in the folder already are its owner's, and are followed. A file appears under its name when it is whole, so that an
interrupted run is continued by the same command; a file that is there already and equal is left alone.
"""

from __future__ import annotations

import contextlib
import gzip
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from tqdm.auto import tqdm

from avslib.data.readers.paths import data_folder, inside, left_behind
from avslib.errors import UserError
from avslib.files import reason

Place = Callable[[str], str | None]
"""Name in the archive -> path in the folder; None for what is not wanted."""

GROWTH, SMALL = 100, 256 * 2**20
"""An archive may become this many times larger, or this many bytes; packed text reaches 20 times."""
BLOCK = 2**20


@dataclass(frozen=True)
class Unpacked:
    """How many files were written, how many were there already, how many were not wanted."""

    written: int
    kept: int
    left_out: int


@dataclass(frozen=True)
class _Member:
    """One file of an archive. crc: what zip says about the content; tar says nothing."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]
    crc: int | None = None


def unpack(archive: Path, folder: Path, *, place: Place | None = None, progress: bool = True) -> Unpacked:
    """Unpack a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz into `folder`, which is made if need be.

    place: where each file goes; as it is named in the archive if None

    Raises UserError, before anything is written, for an archive of another kind or with anything in it that the
    module refuses; and, with nothing half written, for one that is damaged, or for a full disk.
    """
    planned = _plan(archive, place, folder)
    folder.mkdir(parents=True, exist_ok=True)
    root, written, kept, left_out = data_folder(folder), 0, 0, 0
    with _opened(archive) as members, tqdm(total=len(planned), unit="file", disable=not progress) as bar:
        bar.set_description(archive.name)
        for member in members:
            if (target := planned.get(member.name)) is None:
                left_out += 1
                continue
            changed = _write(member, root, target, archive)
            written, kept = written + changed, kept + (not changed)
            bar.update()
    return Unpacked(written, kept, left_out)


def under(anchors: dict[str, str]) -> Place:
    """A `place` that finds known folders and files wherever they lie in an archive.

    anchors: {name: path in the folder}; {"s4_data": "Single-source/s4_data"} puts "x/y/s4_data/a.png" to
             "Single-source/s4_data/a.png". Of several, the outermost counts; what is under none is left out
    """

    def place(name: str) -> str | None:
        parts = PurePosixPath(name).parts
        for depth, part in enumerate(parts):
            if part in anchors:
                return "/".join((anchors[part], *parts[depth + 1 :]))
        return None

    return place


def _plan(archive: Path, place: Place | None, folder: Path) -> dict[str, str]:
    """{name: path in the folder}, of names that are all harmless and files that fit on the disk."""
    planned: dict[str, str] = {}
    targets: Counter[str] = Counter()
    total = needed = 0
    with _opened(archive) as members:
        packed = archive.stat().st_size
        for member in members:
            total += member.size
            if total > max(SMALL, GROWTH * packed):
                raise UserError(
                    f"{archive}: holds more than {total / 2**20:,.0f} MiB in {packed / 2**20:,.1f} MiB; "
                    "that is no data set but a bomb, and was not unpacked"
                )
            if left_behind(member.name):
                continue
            _check_name(member.name, archive)
            target = place(member.name) if place else str(PurePosixPath(member.name))
            if target is not None:
                planned[member.name] = target
                targets[target] += 1
                needed += 0 if (folder / target).exists() else member.size
    _check_plan(archive, targets, folder, needed)
    return planned


def _check_plan(archive: Path, targets: Counter[str], folder: Path, needed: int) -> None:
    """Raises UserError for an empty plan, two files in one place, links to nowhere in the way, or too small a disk."""
    folders = {inside(folder, target).parent for target in targets}
    for place in {above for each in folders for above in (each, *each.parents)}:
        if place.is_symlink() and not place.exists():
            raise UserError(
                f"{place}: a link to {os.readlink(place)}, which is not there; mount it, or remove the link"
            )
    twice = [target for target, count in targets.items() if count > 1]
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if not targets:
        raise UserError(f"{archive}: holds none of the files that are looked for; is it the right archive?")
    if twice:
        raise UserError(f"{archive}: holds {twice[0]} twice; not unpacked. Get the archive again")
    if needed > free:
        raise UserError(
            f"{archive}: needs {needed / 2**30:,.1f} GiB in {folder}, where {free / 2**30:,.1f} GiB are free; "
            "make room or give another folder"
        )


def _check_name(name: str, archive: Path) -> None:
    """Raises UserError for a name that could lead out of the folder, on any system."""
    parts = PurePosixPath(name).parts
    drive = len(name) > 1 and name[1] == ":"
    if not parts or name[0] == "/" or drive or ".." in parts or "\\" in name or not name.isprintable():
        raise UserError(
            f"{archive}: holds {name!r}, which is no path inside a folder; nothing was unpacked. "
            "Do not trust this archive: get it again from its authors"
        )


def _write(member: _Member, root: Path, target: str, archive: Path) -> bool:
    """Put one file in its place, whole or not at all; whether it had to be."""
    path = inside(root, target)
    part = inside(root, f"{target}.part")
    try:
        if _same(member, path):
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)  # it may be a link
        with member.open() as source, part.open("wb") as file:
            shutil.copyfileobj(source, file, BLOCK)
            if file.tell() != member.size:
                raise tarfile.ReadError(f"{file.tell()} of {member.size} bytes")
        os.replace(part, path)
    except _BROKEN as error:
        raise UserError(f"{archive}: {member.name} is damaged ({error}); get the archive again") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({reason(error)}); make room, run again") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return True


def _same(member: _Member, path: Path) -> bool:
    """Whether the file is there with the same content; of a tar file, which has no sums, byte for byte."""
    if not path.is_file() or path.stat().st_size != member.size:
        return False
    with path.open("rb") as file:
        if member.crc is not None:
            crc = 0
            while block := file.read(BLOCK):
                crc = zlib.crc32(block, crc)
            return crc == member.crc
        with member.open() as source:
            return all(block == file.read(len(block)) for block in iter(lambda: source.read(BLOCK), b""))


_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError
)  # fmt: skip


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[Iterator[_Member]]:
    """The files of an archive, one after the other. Raises UserError for links, devices and passwords."""
    try:
        if archive.is_file() and zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                yield _of_zip(file, archive)
        else:
            with tarfile.open(archive) as tar:
                yield _of_tar(tar, archive)
    except FileNotFoundError:
        raise UserError(f"{archive}: no such archive; give the file you were sent") from None
    except tarfile.ReadError as error:
        raise UserError(
            f"{archive}: not a whole zip or tar file ({error}); get it again, or unpack other kinds by hand"
        ) from None
    except (*_BROKEN, OSError) as error:
        raise UserError(f"{archive}: cannot be read ({error}); get it again") from None


def _of_zip(file: zipfile.ZipFile, archive: Path) -> Iterator[_Member]:
    for info in file.infolist():
        kind = info.external_attr >> 28  # of Unix: 10 a link, 8 a file, 4 a folder, 0 unknown
        if info.flag_bits & 1:
            raise UserError(f"{archive}: {info.filename} is encrypted; unpack it by hand with its password")
        if kind not in (0, 4, 8):
            raise UserError(f"{archive}: {info.filename} is a link or a device; nothing was unpacked")
        name = info.filename.replace("\\", "/")  # as some programs of Windows write it
        if name.endswith("/"):
            _check_name(name, archive)
        else:
            yield _Member(name, info.file_size, lambda info=info: file.open(info), info.CRC)  # type: ignore[misc]


def _of_tar(tar: tarfile.TarFile, archive: Path) -> Iterator[_Member]:
    for info in tar:
        if info.isfile():
            name = info.name.removeprefix("./")
            yield _Member(name, info.size, lambda info=info: tar.extractfile(info))  # type: ignore[misc, arg-type]
        elif not info.isdir():
            raise UserError(f"{archive}: {info.name} is a link or a device; nothing was unpacked")
        elif info.name != ".":
            _check_name(info.name, archive)
