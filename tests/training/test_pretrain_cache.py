"""Encoders are pretrained once a machine: the same whatever method asks, kept with their provenance, never stale."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from avslib.encoders.weights import cache_folder
from avslib.ledger.record import Record
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.training import pretrain_cache
from avslib.training.checkpoint import seed_everything
from avslib.training.loop import train
from avslib.training.pretrain import pretrain_encoders
from avslib.training.pretrain_cache import Pretrained


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVSLIB_CACHE", str(tmp_path / "cache"))
    return cache_folder() / "pretraining"


def smoke(method: str = "tpavi", **changes: object) -> Run:
    run = find_run(method, "mini/ms3", "smoke", **changes)  # type: ignore[arg-type]
    return run


def encoders(run: Run) -> tuple[nn.Module, Pretrained]:
    seed_everything(run.seed)
    model = run.model()
    return model, pretrain_encoders(run, model, fresh=True)


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {n: t.clone() for n, t in model.state_dict().items() if n.startswith(("visual.", "audio."))}


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_all_methods_of_a_fold_start_from_the_same_encoders(cache: Path) -> None:
    first, spent = encoders(smoke("tpavi"))
    assert not spent.cached and spent.seconds > 0
    assert len(list(cache.glob("*.safetensors"))) == 2
    for method in ("avsegformer", "pcmanet"):
        model, taken = encoders(smoke(method))
        assert taken.cached and taken.seconds == pytest.approx(spent.seconds)
        assert equal(weights(model), weights(first))
        assert model.audio.weights_origin == first.audio.weights_origin
    taken = encoders(smoke("pcmanet", sound_blind=True))[1]
    assert taken.cached and 0 < taken.seconds < spent.seconds, "the eye alone"
    shutil.rmtree(cache)
    again, spent = encoders(smoke("pcmanet"))
    assert not spent.cached and equal(weights(again), weights(first)), "taken or spent, the same bits"


@pytest.mark.parametrize(
    "other",
    [
        lambda: smoke(fold=1),
        lambda: smoke(seed=1),
        lambda: with_pretraining(smoke(), visual_steps=3),
        lambda: with_pretraining(smoke(), audio_batch=2),
        lambda: find_run("tpavi", "mini/s4", "smoke"),
    ],
    ids=["fold", "seed", "steps", "batch", "data"],
)
def test_what_decides_the_result_decides_the_entry(other: object, cache: Path) -> None:
    encoders(smoke())
    assert not encoders(other())[1].cached  # type: ignore[operator]


def with_pretraining(run: Run, **changes: int) -> Run:
    plan = replace(run.plan, pretraining=replace(run.plan.pretraining, **changes))
    return replace(run, recipe=replace(run.recipe, schedules={run.schedule: plan}))


def test_a_change_of_the_code_makes_it_anew(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoders(smoke())
    monkeypatch.setattr(pretrain_cache, "code", lambda: "another")
    assert not encoders(smoke())[1].cached
    monkeypatch.undo()
    assert {"training/pretrain_audio.py", "data/mini/*.py"} < set(pretrain_cache.DECIDING)


@pytest.mark.parametrize("damage", [b"", b"no tensors", None], ids=["empty", "foreign", "one bit"])
def test_a_damaged_entry_is_made_again(damage: bytes | None, cache: Path) -> None:
    first, _ = encoders(smoke())
    for path in cache.glob("*.safetensors"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content) if damage is None else damage)
    with pytest.warns(UserWarning, match="damaged"):
        again, spent = encoders(smoke())
    assert not spent.cached and equal(weights(again), weights(first))
    assert encoders(smoke())[1].cached


def test_an_entry_tells_where_it_is_from(cache: Path) -> None:
    encoders(smoke(fold=2))
    for path in cache.glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            told = json.loads(file.metadata()["provenance"])
        assert told["fold"] == 2 and told["data"] == "mini/ms3" and told["seconds"] > 0
        assert told["torch"] == torch.__version__ and told["made"] and told["steps"] == 2


def test_without_a_folder_that_can_be_written_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("AVSLIB_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="not kept"):
        assert not encoders(smoke())[1].cached


def test_record_and_log_are_the_same_from_the_cache(cache: Path, tmp_path: Path) -> None:
    spent, taken = (train(smoke(), out=tmp_path / name) for name in ("spent", "taken"))
    assert (tmp_path / "spent/log.jsonl").read_bytes() == (tmp_path / "taken/log.jsonl").read_bytes()
    assert (spent.pretraining_cached, taken.pretraining_cached) == (False, True)
    assert taken.pretraining_seconds == spent.pretraining_seconds
    assert "that an earlier run had kept" in taken.duration and "kept" not in spent.duration
    resumed: Record = train(smoke(), out=tmp_path / "taken", resume=True)
    assert resumed.pretraining_cached and resumed.metrics == taken.metrics
