"""One pass over the pixels counts what 255 passes count."""

from __future__ import annotations

import torch
from torch import Tensor

from avslib.metrics.statistics import THRESHOLDS, confusion, threshold_counts


def loop(probabilities: Tensor, foreground: Tensor) -> tuple[Tensor, Tensor]:
    """The definition: compare every pixel with every threshold."""
    marked = [(probabilities >= threshold) for threshold in THRESHOLDS]
    hit = [(m & foreground).sum((1, 2)) for m in marked]
    return torch.stack([m.sum((1, 2)) for m in marked], 1), torch.stack(hit, 1)


def assert_same(probabilities: Tensor, foreground: Tensor) -> None:
    for ours, theirs in zip(threshold_counts(probabilities, foreground), loop(probabilities, foreground)):
        assert torch.equal(ours, theirs)


def test_thresholds_reach_from_zero_to_one() -> None:
    assert THRESHOLDS[0] == 0 and THRESHOLDS[-1] == 1 and len(THRESHOLDS) == 255


def test_random_probabilities() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 6 * torch.randn(4, 37, 41, generator=generator)
    assert_same(logits.sigmoid(), torch.rand(4, 37, 41, generator=generator) < 0.3)


def test_probabilities_on_and_beside_every_threshold() -> None:
    below, above = THRESHOLDS.nextafter(torch.tensor(-1.0)), THRESHOLDS.nextafter(torch.tensor(2.0))
    midway = (THRESHOLDS[:-1] + THRESHOLDS[1:]) / 2
    edges = torch.cat([THRESHOLDS, below, above, midway]).clamp(0, 1).view(1, 1, -1)
    assert_same(edges, torch.ones_like(edges, dtype=torch.bool))


def test_no_frames() -> None:
    marked, hit = threshold_counts(torch.zeros(0, 4, 4), torch.zeros(0, 4, 4, dtype=torch.bool))
    assert marked.shape == hit.shape == (0, 255)


def test_confusion_by_hand() -> None:
    labels = torch.tensor([[[0, 1, 2, 255]], [[2, 2, 2, 2]]])
    predicted = torch.tensor([[[0, 2, 2, 1]], [[2, 0, 0, 2]]])
    first = [[1, 0, 0], [0, 0, 1], [0, 0, 1]]
    second = [[0, 0, 0], [0, 0, 0], [2, 0, 2]]
    assert confusion(predicted, labels, 3).tolist() == [first, second]
