"""Eight training steps of every method at a fixed seed: a change that claims to be neutral leaves each bit as it is.

`python tests/training/test_golden_losses.py` writes the files in `tests/golden/losses` anew: after a change
that is meant to move losses, and says so. Other processors add in another order, so there the first steps have
to agree closely and the last roughly.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from avslib.methods.method import Pretraining
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.training.loop import train

FOLDER = Path(__file__).parents[1] / "golden/losses"
STEPS = 8
CASES = [
    (method, data) for method in ("tpavi", "avsegformer", "pcmanet") for data in ("mini/ms3", "mini/avss")
]


def machine() -> dict[str, str]:
    """What decides the last bit of a sum."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    cpu = {line.split(":")[0].strip(): line.split(":")[-1].strip() for line in lines if ":" in line}
    return {
        "processor": " ".join(cpu.get(key, "") for key in ("model name", "cpu family", "model", "stepping")),
        "flags": cpu.get("flags", platform.machine()),
        "torch": torch.__version__,
    }


@contextmanager
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def short_run(method: str, data: str) -> Run:
    """The reduced schedule in small: every step is an epoch, so that the log has a line for each."""
    run = find_run(method, data)
    plan = replace(
        run.plan, epochs=STEPS, steps_per_epoch=1, batch_size=4, size=64, warmup_steps=4,
        clips={"train": 64, "val": 4, "test": 4, "test-seen": 4},
        pretraining=Pretraining(
            visual_steps=3, visual_batch=4, visual_size=64, audio_steps=3, audio_batch=4, audio_scenes=16
        ),
    )  # fmt: skip
    return replace(run, recipe=replace(run.recipe, schedules={"reduced": plan}))


def lines_of(method: str, data: str, out: Path) -> list[dict[str, Any]]:
    with one_thread():
        train(short_run(method, data), out=out)
    return [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def golden(method: str, data: str) -> Path:
    return FOLDER / f"{method}-{data.replace('/', '-')}.json"


@pytest.mark.parametrize(("method", "data"), CASES)
def test_losses_are_those_of_before(method: str, data: str, tmp_path: Path) -> None:
    known = json.loads(golden(method, data).read_text(encoding="utf-8"))
    found = lines_of(method, data, tmp_path)
    assert len(found) == STEPS
    if machine() == known["machine"]:
        assert found == known["steps"]
    for step, (ours, theirs) in enumerate(zip(found, known["steps"])):
        assert ours.keys() == theirs.keys()
        # Adam's first updates ask signs alone, so another processor's rounding grows a thousandfold by the third step.
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-4 if step < 2 else 0.2)


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for method, data in CASES:
        with tempfile.TemporaryDirectory() as folder:
            content = {"machine": machine(), "steps": lines_of(method, data, Path(folder) / "run")}
        golden(method, data).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(golden(method, data))


if __name__ == "__main__":
    sys.exit(write())
