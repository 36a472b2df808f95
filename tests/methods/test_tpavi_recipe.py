"""TPAVI's recipe: the paper's numbers and the code's; smoke is run for real and resumed bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from avslib.data import SOUNDS, collate
from avslib.methods import METHODS
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.methods.tpavi.model import TPAVI
from avslib.methods.tpavi.recipe import AUTHORS
from avslib.training.loop import train
from avslib.training.optimiser import build_optimiser


@pytest.mark.parametrize(
    ("data", "epochs", "classes"),
    [("avsbench/s4", 15, 1), ("avsbench/ms3", 30, 1), ("avss", 60, 71), ("mini/avss", 60, 9), ("vpo-ms", 60, 22)],
)  # fmt: skip
def test_the_papers_numbers_and_the_authors(data: str, epochs: int, classes: int) -> None:
    run = find_run("tpavi", data)
    for suffix, backbone in (("", "resnet50"), ("-pvt", "pvt_v2_b5")):
        paper, authors = (run.recipe.schedules[f"{kind}{suffix}"] for kind in ("full", "authors"))
        for plan in (paper, authors):
            assert (plan.epochs, plan.batch_size, plan.size) == (epochs, 4, 224)
            assert (plan.optimiser.name, plan.optimiser.lr, plan.optimiser.weight_decay) == ("adam", 1e-4, 0)
            assert (plan.decay, plan.frozen_epochs, plan.augment) == ("constant", 0, None)
        switches = {"network": TPAVI, "backbone": backbone, "classes": classes}
        assert paper.model.keywords == switches  # type: ignore[attr-defined]
        bias = not data.endswith("avss")  # avs_semantic's model has none in the layer of the sound
        assert authors.model.keywords == switches | AUTHORS | {"audio_bias": bias}  # type: ignore[attr-defined]
    assert AUTHORS == {"seconds_together": 5, "skip_after_relu": True}
    mapping = {} if data == "avsbench/s4" else {"mapping": 0.5}
    assert run.recipe.loss_weights == {"mask": 1.0, **mapping}
    assert run.recipe.summed == (("mapping",) if data == "avsbench/ms3" else ())


def test_its_schedules_and_rows() -> None:
    schedules = find_run("tpavi", "mini/ms3").recipe.schedules
    assert list(schedules) == ["smoke", "reduced", "compare", "full", "authors", "full-pvt", "authors-pvt"]
    assert len(METHODS["tpavi"].published) == 6 and not METHODS["tpavi"].variants


def test_the_small_model_freezes_what_it_says() -> None:
    run = find_run("tpavi", "mini/ms3", "reduced")
    model = run.model()
    build_optimiser(model, run.plan.optimiser)  # every lr_scale names a part
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert not any(name.startswith(("visual.net.conv_stem", "visual.net.blocks.0")) for name in trained)
    assert any(name.startswith("visual.net.blocks.5") for name in trained)


class StopAt:
    """A criterion that is interrupted at its `call`-th call, as by Ctrl-C."""

    def __init__(self, criterion: Callable[..., dict[str, torch.Tensor]], call: int) -> None:
        self.criterion, self.call = criterion, call

    def __call__(self, *arguments: object) -> dict[str, torch.Tensor]:
        self.call -= 1
        if self.call == 0:
            raise KeyboardInterrupt
        return self.criterion(*arguments)


def test_smoke_runs_repeats_and_resumes_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = find_run("tpavi", "mini/ms3", "smoke")
    record = train(run, out=tmp_path / "unbroken")
    assert record.metrics.keys() == {"test", "test-seen"}
    assert set(record.counterfactual) == set(SOUNDS)
    assert "EfficientNet" in record.weights["visual"] or "efficientnet" in record.weights["visual"]
    assert record.weights["audio"].endswith("steps on the training recordings' classes")

    criterion = Run.criterion
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Run, "criterion", lambda run: StopAt(criterion(run), 4))  # in the middle of epoch 2
        train(run, out=tmp_path / "broken", checkpoint_every=1)
    again = train(run, out=tmp_path / "broken", resume=True)
    assert (tmp_path / "unbroken/log.jsonl").read_text(encoding="utf-8") == (
        tmp_path / "broken/log.jsonl"
    ).read_text(encoding="utf-8")
    assert (again.metrics, again.counterfactual) == (record.metrics, record.counterfactual)


@pytest.mark.parametrize(
    ("data", "classes", "own"),
    [
        ("mini/s4", 1, "avsbench-binary"), ("mini/avss", 9, "avsbench-semantic"),
        ("mini/vpo-msmi", 9, "avsbench-semantic"),
    ],
)  # fmt: skip
def test_the_other_subsets_train_and_are_scored(data: str, classes: int, own: str, tmp_path: Path) -> None:
    run = find_run("tpavi", data, "smoke")
    record = train(run, out=tmp_path)
    assert {name.split(" (")[0] for name in record.metrics["test"]} == {own, "dataset-level"}
    batch = collate([run.clips("test")[0]], run.front_end())
    with torch.no_grad():
        assert run.model()(batch).logits.shape[2] == classes
    assert run.recipe.summed == () and ("mapping" in run.recipe.loss_weights) == (data != "mini/s4")
