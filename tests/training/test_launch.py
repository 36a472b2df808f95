"""What Accelerate reads from outside is fixed by the recipe, refused, or recorded; half a launch is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import toy
from warm_python import WarmPython

from avslib.errors import UserError
from avslib.training.launch import LAUNCHED, check_launch, start_accelerator
from avslib.training.loop import train

OUTSIDE = {
    "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "4",
    "ACCELERATE_MIXED_PRECISION": "fp16",
    "ACCELERATE_DYNAMO_BACKEND": "inductor",
}


def weights(out: Path) -> bytes:
    train(toy.toy_run("toy/plain"), out=out)
    return (out / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("name", OUTSIDE)
def test_settings_from_outside_change_no_weight(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = weights(tmp_path / "plain")
    monkeypatch.setenv(name, OUTSIDE[name])
    with pytest.warns(UserWarning, match=f"{name}={OUTSIDE[name]} has no effect"):
        assert weights(tmp_path / "outside") == expected
    accelerator = start_accelerator("no")
    assert accelerator.gradient_accumulation_steps == 1 and accelerator.mixed_precision == "no"
    assert accelerator.state.dynamo_plugin.backend == "NO"


def test_what_may_move_a_number_stands_in_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMM_FUSED_ATTN", "0")
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1")
    record = train(toy.toy_run("toy/plain"), out=tmp_path)
    assert record.environment["TIMM_FUSED_ATTN"] == "0"
    assert record.environment["OMP_NUM_THREADS"] == os.environ["OMP_NUM_THREADS"]
    assert record.environment["float32 matmul precision"] == "highest"
    assert not any(os.sep in value for value in record.environment.values()), "no path of a machine"


@pytest.mark.parametrize(
    "name", ["ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_MEGATRON_LM"]
)
def test_other_ways_to_share_a_model_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "true")
    with pytest.raises(UserError, match=f"{name}=true: .*unset it"):
        check_launch()


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({"RANK": "1"}, "RANK=1 without LOCAL_RANK, WORLD_SIZE"),
        ({"LOCAL_RANK": "0"}, "LOCAL_RANK=0 without RANK"),
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE=2 without RANK"),
        (dict(zip(LAUNCHED, ("2", "0", "2", "localhost", "29500"))), "RANK=2 with WORLD_SIZE=2"),
        (dict(zip(LAUNCHED, ("0", "x", "2", "localhost", "29500"))), "LOCAL_RANK=x with WORLD_SIZE=2"),
        ({"WORLD_SIZE": "1"}, ""),
        ({"MASTER_ADDR": "localhost"}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_half_a_launch_is_told(told: dict[str, str], fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LAUNCHED:
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    if not fault:
        return check_launch()
    with pytest.raises(UserError, match=fault):
        check_launch()


def test_a_rank_alone_ends_the_command_with_a_line(python: WarmPython, tmp_path: Path) -> None:
    command = ["-m", "avslib.cli", "train", toy.__file__, "--data", "toy/plain"]
    ended = python.run(*command, "--schedule", "smoke", "--out", str(tmp_path / "out"), RANK="1")
    assert ended.returncode == 2 and "half a launch" in ended.stderr and "Traceback" not in ended.stderr
    assert not (tmp_path / "out").exists(), "before anything is written"
