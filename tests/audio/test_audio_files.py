from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from avslib.audio.files import read_audio
from avslib.audio.stereo import pan
from avslib.errors import UserError


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.array([[0.5, -0.5]] * 800, dtype=np.float32), 8000)
    return path


def test_read(wav: Path) -> None:
    waveform, rate = read_audio(wav)
    assert rate == 8000 and waveform.shape == (2, 800) and waveform.dtype == torch.float32
    assert bool((waveform[0] == 0.5).all()) and bool((waveform[1] == -0.5).all())


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.wav: no such"):
        read_audio(tmp_path / "none.wav")


def test_not_a_sound(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"these are not samples")
    with pytest.raises(UserError, match=r"a\.wav: not a readable"):
        read_audio(tmp_path / "a.wav")


def test_cut_off(wav: Path) -> None:
    wav.write_bytes(wav.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"a\.wav: cut off, \d+ of 3200 bytes"):
        read_audio(wav)


def test_a_streamed_header_is_no_cut(wav: Path) -> None:
    """ffmpeg writing into a pipe cannot know the length and leaves the largest one."""
    content = bytearray(wav.read_bytes())
    at = content.index(b"data") + 4
    content[4:8] = content[at : at + 4] = b"\xff" * 4
    wav.write_bytes(content)
    assert read_audio(wav)[0].shape == (2, 800)


def test_empty_and_nan(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 1), np.float32), 8000)
    soundfile.write(tmp_path / "nan.wav", np.full((9, 1), np.nan, np.float32), 8000, subtype="FLOAT")
    with pytest.raises(UserError, match=r"empty\.wav: holds no samples"):
        read_audio(tmp_path / "empty.wav")
    with pytest.raises(UserError, match=r"nan\.wav: holds NaN"):
        read_audio(tmp_path / "nan.wav")


def test_pan() -> None:
    mono = torch.tensor([1.0, -0.5])
    assert torch.equal(pan(mono, 0.25), torch.tensor([[0.75, -0.375], [0.25, -0.125]]))
    assert torch.equal(pan(mono, 0.25).sum(dim=0), mono)
    assert torch.equal(pan(mono, 0.0)[1], torch.zeros(2))
    with pytest.raises(UserError, match=r"position 1\.5"):
        pan(mono, 1.5)
    with pytest.raises(UserError, match="mono wave"):
        pan(torch.zeros(2, 5), 0.5)
