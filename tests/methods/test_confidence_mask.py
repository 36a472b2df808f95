from __future__ import annotations

import torch

from avslib.methods.pcmanet.confidence_mask import ConfidenceInducedMask


def logit(*probabilities: float) -> torch.Tensor:
    return torch.tensor(probabilities).logit()[None, None, None]


def test_between_the_two_bounds() -> None:
    mask = ConfidenceInducedMask(threshold=0.9)(logit(0.05, 0.15, 0.5, 0.85, 0.95), None)
    assert mask.tolist() == [[[False, True, True, True, False]]]
    assert not ConfidenceInducedMask(threshold=0.5)(logit(0.3, 0.5, 0.7), None).any()


def test_the_extremes_of_c() -> None:
    assert ConfidenceInducedMask(threshold=1.0)(logit(1e-6, 0.5, 1 - 1e-6), None).all()


def test_classes_have_an_upper_bound_only() -> None:
    logits = torch.zeros(1, 71, 1, 2)
    logits[0, 7, 0, 1] = 20.0
    assert ConfidenceInducedMask()(logits, None).tolist() == [[[True, False]]], "1/71 is above 1 - 0.99"


def test_what_was_confident_stays_confident() -> None:
    unsure = torch.zeros(1, 1, 4, 4)  # p = 0.5 everywhere
    coarser = torch.tensor([[[True, False], [False, True]]])
    mask = ConfidenceInducedMask()(unsure, coarser)
    assert torch.equal(mask[0], torch.block_diag(torch.ones(2, 2), torch.ones(2, 2)) > 0)
    assert ConfidenceInducedMask(progression=False)(unsure, coarser).all()


def test_odd_sizes() -> None:
    assert ConfidenceInducedMask()(torch.zeros(2, 1, 5, 7), torch.ones(2, 3, 4) > 0).all()
