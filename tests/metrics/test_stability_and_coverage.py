"""CPM's two diagnoses: does a query keep its class, and what is understood before looking."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from avslib.metrics.coverage import Coverage
from avslib.metrics.stability import stability
from avslib.types import IGNORE, Batch, Prediction


def test_constant_is_zero_and_uniform_the_log_of_the_queries() -> None:
    assert stability(torch.diag(torch.tensor([7, 3, 9]))) == 0
    assert stability(torch.full((4, 12), 5)) == pytest.approx(math.log(12))


def test_classes_that_did_not_occur_do_not_count() -> None:
    counts = torch.tensor([[4, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
    assert stability(counts) == pytest.approx(math.log(2) / 2)
    assert stability(torch.zeros(3, 4)) == 0


def test_it_is_the_entropy_of_each_class_by_hand() -> None:
    torch.manual_seed(0)
    matched = torch.randint(0, 4, (50, 6))  # D N: the class of each query in each picture; 3 is no object
    entropies = []
    for c in range(3):
        share = (matched == c).sum(dim=0) / (matched == c).sum()
        entropies.append(-sum(float(p * p.log()) for p in share if p))
    counts = torch.stack([(matched == c).sum(dim=0) for c in range(3)])
    assert stability(counts) == pytest.approx(sum(entropies) / 3, rel=1e-6)
    assert stability(counts[:, torch.randperm(6)]) == pytest.approx(stability(counts))


def heard(*frames: list[int]) -> Prediction:
    """Classes that the three queries of each frame name; of 4 classes, 4 is no object."""
    best = torch.tensor([[*names, *[4] * (3 - len(names))] for names in frames])[None]  # 1 T Q
    logits = torch.nn.functional.one_hot(best, 5).float()
    return Prediction(torch.zeros(()), {}, ({"class_logits": logits}, {"class_logits": -logits}))


def scene(*frames: list[int], valid: Tensor | None = None) -> Batch:
    labels = torch.zeros(1, len(frames), 3, 3, dtype=torch.long)
    for frame, classes in zip(labels[0], frames):
        frame[0, : len(classes)] = torch.tensor(classes, dtype=torch.long)
        frame[2, 2] = IGNORE
    every = torch.ones(1, len(frames), dtype=torch.bool)
    return Batch(labels, labels, labels, every, every if valid is None else valid)


def test_coverage_by_hand() -> None:
    score = Coverage(classes=4)
    score.update(heard([1, 2, 0], [1, 1], []), scene([1], [1, 3], [3]))
    assert score.compute()["coverage"] == pytest.approx((1 + 0 + 0) / 3), "1: 2 of 2, 2: 0 of 1, 3: 0 of 2"


def test_all_is_one_and_nothing_is_nothing() -> None:
    score = Coverage(classes=4)
    assert score.compute() == {"coverage": 0}
    score.update(heard([2], [3]), scene([2], [3]))
    assert score.compute() == {"coverage": 1}


def test_padding_does_not_count_and_parts_add_up() -> None:
    whole, first, second = (Coverage(classes=4) for _ in range(3))
    whole.update(heard([1], [2], [3]), scene([1], [3], [2], valid=torch.tensor([[True, True, False]])))
    first.update(heard([1]), scene([1]))
    second.update(heard([2]), scene([3]))
    first.merge(second)
    assert torch.equal(whole.counts, first.counts)
