"""The checkpoint: all of the old one or all of the new one, whatever the disk does."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from warm_python import WarmPython

from avslib.errors import UserError
from avslib.methods.run import fingerprint
from avslib.training.checkpoint import (
    load_checkpoint,
    random_state,
    save_checkpoint,
    seed_everything,
    set_random_state,
)

CONFIG = {"seed": 0, "plan": {"lr": 0.1}}
STATE = {"config": CONFIG, "fingerprint": fingerprint(CONFIG), "model": {"w": torch.arange(3.0)}}


def draw() -> list[float]:
    return [random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn(), torch.rand(()).item()]


def test_random_state_goes_through_a_file(tmp_path: Path) -> None:
    seed_everything(3)
    draw()  # leaves half a gauss pair in Python and numpy
    save_checkpoint(tmp_path / "c.pt", {**STATE, "random": random_state()})
    expected = draw()
    seed_everything(4)
    set_random_state(load_checkpoint(tmp_path / "c.pt", CONFIG)["random"])
    assert draw() == expected


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "c.pt"
    save_checkpoint(path, STATE)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(UserError, match=r"c\.pt: cannot be written \(No space left on device; \d+ MB free\)"):
        save_checkpoint(path, {**STATE, "model": {"w": torch.zeros(3)}})
    assert torch.equal(load_checkpoint(path, CONFIG)["model"]["w"], torch.arange(3.0))
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_a_write_that_the_kernel_cuts_short_keeps_the_last_checkpoint(
    python: WarmPython, tmp_path: Path
) -> None:
    """A real one: the process may not write files over 64 kB, and torch.save meets that in mid-file."""
    path = tmp_path / "c.pt"
    save_checkpoint(path, STATE)
    program = f"""
import resource, pathlib, torch
from avslib.errors import UserError
from avslib.methods.run import fingerprint
from avslib.training.checkpoint import save_checkpoint
resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))
try:
    save_checkpoint(pathlib.Path({str(path)!r}), {{"model": torch.zeros(10**6)}})
except UserError as error:
    print(error)
"""
    told = python.run("-c", program)
    assert "c.pt: cannot be written" in told.stdout, told.stderr
    assert "the previous one is intact" in told.stdout
    assert told.stdout.count("\n") == 1
    assert torch.equal(load_checkpoint(path, CONFIG)["model"]["w"], torch.arange(3.0))
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    save_checkpoint(path, STATE)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match=r"c\.pt: not a readable checkpoint"):
        load_checkpoint(path, CONFIG)


def test_what_differs_is_named(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.pt", STATE)
    with pytest.raises(UserError, match=r"plan\.lr: 0\.1 then, 0\.2 now"):
        load_checkpoint(tmp_path / "c.pt", {"seed": 0, "plan": {"lr": 0.2}})
