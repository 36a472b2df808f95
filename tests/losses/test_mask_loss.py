"""Cross-entropy per pixel, of logits as here, or of the saturating sigmoid as two of the authors' codes."""

from __future__ import annotations

import pytest
import torch

from avslib.losses.mask_loss import mask_loss
from avslib.methods.resolve import find_run


def of_one_pixel(logit: float, label: int, *, of_probabilities: bool) -> tuple[float, float]:
    """(loss, size of its gradient)."""
    logits = torch.full((1, 1, 1, 1, 1), logit, requires_grad=True)
    labels, annotated = torch.full((1, 1, 1, 1), label), torch.ones(1, 1, dtype=torch.bool)
    loss = mask_loss(logits, labels, annotated, of_probabilities=of_probabilities)
    loss.backward()
    assert logits.grad is not None
    return loss.item(), abs(logits.grad.item())


@pytest.mark.parametrize(
    ("logit", "label", "ours", "theirs"),
    [
        (0.5, 0, (0.974077, 0.622459), (0.974077, 0.622459)),
        (17.0, 0, (17.0, 1.0), (100.0, 0.0)),  # a sure false alarm: nothing to learn from
        (-40.0, 1, (40.0, 1.0), (40.0, 4.2e-6)),  # a sure miss
    ],
)
def test_a_sigmoid_saturates(
    logit: float, label: int, ours: tuple[float, float], theirs: tuple[float, float]
) -> None:
    assert of_one_pixel(logit, label, of_probabilities=False) == pytest.approx(ours, rel=1e-3)
    assert of_one_pixel(logit, label, of_probabilities=True) == pytest.approx(theirs, rel=2e-1, abs=1e-9)


@pytest.mark.parametrize("method", ["tpavi", "pcmanet"])
def test_the_schedules_of_the_authors_code_take_it_so(method: str) -> None:
    for schedule, expected in {
        "full": False,
        "full-pvt": False,
        "authors": True,
        "authors-pvt": True,
    }.items():
        assert find_run(method, "mini/ms3", schedule).criterion().of_probabilities is expected
