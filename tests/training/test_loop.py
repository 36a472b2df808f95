"""The loop: repeats, survives, resumes bit for bit, and stops with a reason."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import toy
from safetensors.torch import load_file
from warm_python import WarmPython

from avslib.errors import UserError
from avslib.methods.resolve import find_run
from avslib.training.checkpoint import load_checkpoint
from avslib.training.loop import train

MEASURED = ("metrics", "counterfactual", "steps")


TOY = Path(toy.__file__)
run = toy.toy_run


def measured(folder: Path) -> dict[str, object]:
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    return {name: record[name] for name in MEASURED}


def same_weights(one: Path, two: Path) -> bool:
    first, second = (load_file(folder / "weights.safetensors") for folder in (one, two))
    return all(torch.equal(first[name], second[name]) for name in first)


def test_one_seed_gives_one_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        train(run(), out=tmp_path / name)
    assert (tmp_path / "a/log.jsonl").read_text(encoding="utf-8") == (tmp_path / "b/log.jsonl").read_text(
        encoding="utf-8"
    )
    assert same_weights(tmp_path / "a", tmp_path / "b")
    train(run(seed=1), out=tmp_path / "c")
    assert (tmp_path / "a/log.jsonl").read_text(encoding="utf-8") != (tmp_path / "c/log.jsonl").read_text(
        encoding="utf-8"
    )


def test_workers_do_not_change_the_numbers(tmp_path: Path) -> None:
    train(run(), out=tmp_path / "none")
    train(run(), out=tmp_path / "two", workers=2)
    assert (tmp_path / "none/log.jsonl").read_text(encoding="utf-8") == (
        tmp_path / "two/log.jsonl"
    ).read_text(encoding="utf-8")


def killed(python: WarmPython, out: Path, kill_at: int) -> None:
    """Train toy/killed in a process that gets SIGKILL inside step number `kill_at`."""
    command = ["-m", "avslib.cli", "train", str(TOY), "--data", "toy/killed"]
    command += ["--schedule", "smoke", "--out", str(out), "--checkpoint-every", "3"]
    ended = python.run(*command, TOY_KILL_AT=str(kill_at))
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert not (out / "record.json").exists()


@pytest.mark.parametrize("kill_at", [2, 6, 8])  # before any checkpoint; in mid-epoch twice (of 4 steps each)
def test_killed_and_resumed_equals_unbroken(python: WarmPython, tmp_path: Path, kill_at: int) -> None:
    same = find_run(str(TOY), "toy/killed", "smoke")
    train(same, out=tmp_path / "unbroken")
    killed(python, tmp_path / "killed", kill_at)
    assert (tmp_path / "killed/checkpoint.pt").exists() == (kill_at > 3)
    train(same, out=tmp_path / "killed", resume=True)
    assert measured(tmp_path / "unbroken") == measured(tmp_path / "killed")
    assert (tmp_path / "unbroken/log.jsonl").read_text(encoding="utf-8") == (
        tmp_path / "killed/log.jsonl"
    ).read_text(encoding="utf-8")
    assert same_weights(tmp_path / "unbroken", tmp_path / "killed")


def test_resume_decodes_no_clip_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(run(), out=tmp_path)
    seen: list[int] = []
    compose = toy.ToyScenes.__getitem__
    monkeypatch.setattr(toy.ToyScenes, "__getitem__", lambda s, i: (seen.append(len(s)), compose(s, i))[1])
    train(run(), out=tmp_path, resume=True)
    assert 24 not in seen  # the 24 training clips; the test clips are scored again


def test_the_visual_encoder_waits_for_its_frozen_epochs(tmp_path: Path) -> None:
    """The toy's first epoch of three is frozen; a layer that never trains stays as it is."""

    class HalfFrozen(toy.ToyModel):
        def __init__(self) -> None:
            super().__init__()
            self.visual.bias.requires_grad_(False)  # type: ignore[union-attr]

    weights = []
    for epochs, frozen in ((1, 1), (1, 0), (3, 1)):
        out = tmp_path / f"{epochs}{frozen}"
        train(toy.with_plan(run(), epochs=epochs, frozen_epochs=frozen, model=HalfFrozen), out=out)
        weights.append(load_file(out / "weights.safetensors"))
    torch.manual_seed(0)
    new = HalfFrozen().state_dict()
    moved = [not torch.equal(each["visual.weight"], new["visual.weight"]) for each in weights]
    assert moved == [False, True, True]
    assert all(torch.equal(each["visual.bias"], new["visual.bias"]) for each in weights)
    assert not torch.equal(weights[0]["head.weight"], new["head.weight"])


def test_a_finished_folder_is_not_overwritten(tmp_path: Path) -> None:
    train(run(), out=tmp_path)
    with pytest.raises(UserError, match="--resume"):
        train(run(), out=tmp_path)


def test_another_configuration_is_refused_and_named(tmp_path: Path) -> None:
    train(run(), out=tmp_path)
    changed = toy.with_plan(run(seed=1), optimiser=replace(run().plan.optimiser, lr=0.1))
    with pytest.raises(UserError, match=r"plan\.optimiser\.lr: 0\.05 then, 0\.1 now, seed: 0 then, 1 now"):
        train(changed, out=tmp_path, resume=True)


def test_an_infinite_term_stops_the_run_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"step 0: the loss term 'area' is inf on clips toy\d+, "):
        train(run("toy/exploding"), out=tmp_path)
    assert not (tmp_path / "record.json").exists()


def test_a_term_without_a_weight_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="step 0: the loss term 'area' has no weight; the recipe weighs bce"):
        train(toy.with_plan(run(), loss_weights={"bce": 1.0}), out=tmp_path)


def test_the_best_epoch_is_reported_when_asked(tmp_path: Path) -> None:
    """The toy protocol is made to like the second of three epochs best."""
    values = iter([0.1, 0.9, 0.5, 0.0])

    class Judge(toy.Foreground):
        def compute(self) -> dict[str, float]:
            return {"IoU": next(values)}

    best = toy.with_plan(run(), keep="best")
    best = replace(best, data=replace(best.data, protocols=lambda: [Judge()]))
    train(best, out=tmp_path / "best")
    last = load_checkpoint(tmp_path / "best/checkpoint.pt", best.config())
    assert last["progress"]["best"] == 0.9
    reported = load_file(tmp_path / "best/weights.safetensors")
    assert not torch.equal(reported["head.weight"], last["learner"]["model.head.weight"])


def test_it_learns_to_listen_and_the_sound_blind_control_does_not(tmp_path: Path) -> None:
    hears = train(run("toy", "reduced"), out=tmp_path / "hears").counterfactual
    assert hears["right"] > 0.9
    assert hears["visible"] < 0.1
    blind = train(run("toy", "reduced", sound_blind=True), out=tmp_path / "blind").counterfactual
    assert blind["right"] == blind["visible"]
