"""Wav files that were written through a pipe: their writer could not go back to put the length into the header.

It stands there as 0, or as the largest number that the writer dares to write; all samples are behind the header.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

LARGEST = ((0x7FFF0000, 0x80000000), (0xFFFF0000, 0xFFFFFFFF))
"""Sizes that stand for "unknown": sox writes 0x7ffff000, others the largest of 31 or 32 bits, less the header."""


def mended_wav(path: Path) -> bytes | None:
    """The whole file with the true lengths in its header; None where it needs no mending, and for other formats."""
    with path.open("rb") as file:
        at = _samples_at(file)
        if at is None:
            return None
        file.seek(0)
        data = bytearray(file.read())
    struct.pack_into("<I", data, 4, min(len(data) - 8, 0xFFFFFFFF))
    struct.pack_into("<I", data, at - 4, min(len(data) - at, 0xFFFFFFFF))
    return bytes(data)


def _samples_at(file: BinaryIO) -> int | None:
    """Where the samples begin, if the header does not say how many there are, though some are."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    at = 12
    while (chunk := _chunk(file, at)) is not None:
        name, length = chunk
        if name == b"data":
            begins = at + 8
            unknown = any(low <= length <= high for low, high in LARGEST) and begins + length > size
            if length == 0:
                unknown = begins < size and not _chunks_to_the_end(file, begins, size)
            return begins if unknown and begins < size else None
        at += 8 + length + length % 2
    return None


def _chunks_to_the_end(file: BinaryIO, at: int, size: int) -> bool:
    """Whether what follows an empty `data` are other chunks, so that the sound really has no samples."""
    while at < size:
        chunk = _chunk(file, at)
        if chunk is None or not (chunk[0].isascii() and chunk[0].decode("ascii").isprintable()):
            return False
        at += 8 + chunk[1] + chunk[1] % 2
    return at - size <= 1


def _chunk(file: BinaryIO, at: int) -> tuple[bytes, int] | None:
    """Name and length of the chunk at `at`; None at the end of the file."""
    file.seek(at)
    head = file.read(8)
    return (head[:4], struct.unpack("<I", head[4:])[0]) if len(head) == 8 else None
