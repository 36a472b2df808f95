"""Apple's GPUs have no float64: every protocol, model and loss does without, and scores are those of a CPU."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from apple import AppleGPU, on_gpu

from avslib.data import collate
from avslib.evaluation.counterfactual import foreground_counts
from avslib.methods import METHODS
from avslib.methods.learner import Clock
from avslib.methods.resolve import find_run
from avslib.metrics.groups import ByGroup, sources
from avslib.metrics.protocols import PROTOCOLS, protocol


@pytest.fixture
def scored() -> dict[int, tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """{classes: (logits (B, T, K, H, W), labels (B, T, H, W), valid (B, T))}, with a silent frame and a padded one."""
    torch.manual_seed(0)
    found = {}
    for classes in (2, 4):
        labels = torch.randint(classes, (3, 5, 24, 20))
        labels[0, 1] = 0
        valid = torch.ones(3, 5, dtype=torch.bool)
        valid[2, 4] = False
        channels = classes if classes > 2 else 1
        found[classes] = (3 * torch.randn(3, 5, channels, 24, 20), labels, valid)
    return found


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_scores_as_on_a_cpu(
    name: str, classes: int, scored: dict[int, tuple[torch.Tensor, ...]]
) -> None:
    logits, labels, valid = scored[classes]
    here, there = (ByGroup(protocol(name, classes=classes)) for _ in range(2))
    groups = ["a", "b", "a"]
    here.update(logits, labels, valid, groups=groups)
    with AppleGPU():
        there.update(on_gpu(logits), on_gpu(labels), on_gpu(valid), groups=groups)
    assert there.compute() == here.compute()


def test_counts_and_groups_do_without_float64(scored: dict[int, tuple[torch.Tensor, ...]]) -> None:
    logits, labels, valid = scored[4]
    with AppleGPU():
        counts = foreground_counts(on_gpu(logits), on_gpu(labels))
        names = sources(on_gpu(labels), on_gpu(valid), smallest=10)
    assert torch.equal(counts, foreground_counts(logits, labels)) and names == sources(
        labels, valid, smallest=10
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("data", ["mini/ms3", "mini/avss"])
def test_models_and_losses_do_without_float64(method: str, data: str) -> None:
    run = find_run(method, data, "smoke")
    learner, clips = run.learner().train(), run.clips("train")
    batch = collate([clips[0], clips[1]], run.front_end())
    there = replace(batch, **{
        name: on_gpu(getattr(batch, name)) for name in ("frames", "sound", "labels", "annotated", "valid")
    })  # fmt: skip
    with AppleGPU():
        terms = learner(there, Clock(0, 0, 1))
    assert all(torch.isfinite(term) for term in terms.values())


def test_the_emulation_knows_float64() -> None:
    with AppleGPU(), pytest.raises(TypeError, match="float64"):
        on_gpu(torch.ones(2)).double()
    with AppleGPU():
        assert on_gpu(torch.ones(2)).cpu().double().sum() == 2
