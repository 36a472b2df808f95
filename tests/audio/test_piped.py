"""A wav that was written through a pipe is whole, and one that is cut off is not."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from avslib.audio.files import read_audio
from avslib.errors import UserError

WAVE = (0.3 * np.sin(np.arange(8000) / 7)).astype(np.float32)
UNKNOWN = {
    "sox": 0x7FFFF000, "31 bits less a header": 0x7FFFFFFF - 36, "31 bits": 0x7FFFFFFF, "2 GiB": 0x80000000,
    "sox, 32 bits": 0xFFFFF000, "32 bits less a header": 0xFFFFFFFF - 36, "ffmpeg": 0xFFFFFFFF, "gstreamer": 0,
}  # fmt: skip


def write(path: Path, *, size: int | None = None, riff: int | None = None, subtype: str = "PCM_16") -> bytes:
    """A wav whose header says that its data have `size` bytes, and the file `riff`."""
    soundfile.write(path, WAVE, 16000, subtype=subtype)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    if size is not None:
        struct.pack_into("<I", data, at, size)
        struct.pack_into("<I", data, 4, min(size + at - 4, 0xFFFFFFFF) if riff is None else riff)
    path.write_bytes(data)
    return bytes(data)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "PCM_U8"])
@pytest.mark.parametrize("writer", UNKNOWN)
def test_a_header_without_a_length_is_read_to_the_end(writer: str, subtype: str, tmp_path: Path) -> None:
    write(tmp_path / "whole.wav", subtype=subtype)
    write(tmp_path / "piped.wav", size=UNKNOWN[writer], subtype=subtype)
    with pytest.warns(UserWarning, match=r"piped\.wav: was written through a pipe"):
        piped, rate = read_audio(tmp_path / "piped.wav")
    assert rate == 16000 and torch.equal(piped, read_audio(tmp_path / "whole.wav")[0])


@pytest.mark.parametrize("riff", [0, 36, 0xFFFFFFFF, 44 + 16000 - 8])
def test_no_data_size_whatever_the_size_of_the_file_is(riff: int, tmp_path: Path) -> None:
    write(tmp_path / "a.wav", size=0, riff=riff)
    with pytest.warns(UserWarning, match="through a pipe"):
        assert read_audio(tmp_path / "a.wav")[0].shape == (1, 8000)


@pytest.mark.parametrize("size", [16002, 20000, 10**8, 3 * 2**30])
def test_a_size_that_can_be_meant_is_a_cut(size: int, tmp_path: Path) -> None:
    write(tmp_path / "a.wav", size=size)
    with pytest.raises(
        UserError, match=rf"a\.wav: cut off, 16000 of {size} bytes of sound; extract it again"
    ):
        read_audio(tmp_path / "a.wav")


def test_a_wav_that_is_whole_or_empty_gives_no_note(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write(tmp_path / "a.wav")
        read_audio(tmp_path / "a.wav")
        soundfile.write(tmp_path / "b.wav", np.zeros((0, 1)), 16000)
        empty = (tmp_path / "b.wav").read_bytes()
        more = b"LIST" + struct.pack("<I", 4) + b"INFO"  # chunks behind the sound, which has no samples
        for name, data in {"b.wav": empty, "c.wav": empty + more}.items():
            (tmp_path / name).write_bytes(data)
            with pytest.raises(UserError, match="holds no samples"):
                read_audio(tmp_path / name)


def test_a_flac_without_a_length_is_told(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", WAVE, 16000)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(data)
    with pytest.raises(UserError, match=r"a\.flac: its header does not say how long it is; save it again"):
        read_audio(tmp_path / "a.flac")
