"""The criterion against the numbers of the authors' loss functions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from test_tpavi_losses import arrays, batch, values  # noqa: F401  the fixtures
from torch import Tensor

from avslib.methods.avsegformer.criterion import AVSegFormerCriterion
from avslib.methods.avsegformer.dice import dice_loss
from avslib.types import IGNORE, Batch, Prediction

Arrays = dict[str, Tensor]


def authors(logits: Tensor, feature: Tensor, truth: Batch) -> dict[str, Tensor]:
    """Terms for logits (N, K, H, W) and the mixed map (N, D, h, w) of two clips."""
    prediction = Prediction(logits.unflatten(0, (2, -1)), {"mask_feature": feature.unflatten(0, (2, -1))})
    return AVSegFormerCriterion(of_mask_feature=True)(prediction, truth)


def layers(masks: Tensor) -> tuple[dict[str, Tensor], ...]:
    """Masks (B, T, layers, h, w) as the model gives them."""
    return tuple({"mask": mask} for mask in masks.unbind(2))


def equal(terms: dict[str, Tensor], expected: Any) -> None:
    assert terms["mask"].item() == pytest.approx(expected["iou_loss"], rel=1e-5)
    assert 0.1 * terms["intermediate"].item() == pytest.approx(expected["mix_loss"], rel=1e-5)


def test_s4_looks_at_the_first_frame(arrays: Arrays, values: dict[str, Any]) -> None:  # noqa: F811
    labels = torch.full((2, 5, 32, 48), IGNORE)
    labels[:, 0] = arrays["first"][:, 0].long()
    first = torch.zeros(2, 5, dtype=torch.bool)
    first[:, 0] = True
    equal(authors(arrays["logits"], arrays["feat"], batch(labels, first)), values["avsegformer_s4"])


def test_ms3(arrays: Arrays, values: dict[str, Any]) -> None:  # noqa: F811
    labels = arrays["gt"][:, 0].long().unflatten(0, (2, 5))
    equal(authors(arrays["logits"], arrays["feat"], batch(labels)), values["avsegformer_ms3"])


def test_avss_weighs_frames_by_their_flag(arrays: Arrays, values: dict[str, Any]) -> None:  # noqa: F811
    labels, flags = arrays["lab"].view(2, 10, 16, 24), arrays["gt_flag"].bool().view(2, 10)
    assert not flags.all(), "else nothing is tested"
    equal(authors(arrays["sem"], arrays["sem_feat"], batch(labels, flags)), values["avsegformer_avss"])


def test_the_gradient_of_dice_by_hand() -> None:
    """d/dp (1 - 2 I / S) = -2 (g S - 2 p I) / S^2, times p (1 - p)."""
    torch.manual_seed(0)
    logits = torch.randn(1, 1, 4, 6, dtype=torch.double, requires_grad=True)
    truth = torch.randint(0, 2, (1, 1, 4, 6))
    dice_loss(logits, truth, torch.ones(1, 1, dtype=torch.bool)).backward()
    p, g = logits.detach().sigmoid(), truth.double()
    inter, sizes = (p * g).sum(), (p * p).sum() + g.sum() + 0.002
    expected = -2 * (g * sizes - 2 * p * inter) / sizes**2 * p * (1 - p)
    torch.testing.assert_close(logits.grad, expected, rtol=1e-5, atol=0)


def test_silence_teaches_nothing() -> None:
    """A frame without a sounding object costs 1, whatever was marked: Dice has no gradient there."""
    logits = torch.randn(1, 2, 4, 6, requires_grad=True)
    truth = torch.zeros(1, 2, 4, 6, dtype=torch.long)
    truth[0, 1, :2] = 1
    loss = dice_loss(logits, truth, torch.ones(1, 2, dtype=torch.bool))
    loss.backward()
    assert logits.grad is not None
    assert not logits.grad[0, 0].any() and logits.grad[0, 1].any()
    assert loss > 0.5


@pytest.mark.parametrize("classes", [1, 3])
def test_ignored_pixels_and_unannotated_frames_count_nowhere(classes: int) -> None:
    torch.manual_seed(0)
    logits, masks = torch.randn(2, 3, classes, 8, 8), torch.randn(2, 3, 4, 8, 8)
    labels = torch.randint(0, 2, (2, 3, 8, 8))
    labels[0, 0, :4] = IGNORE
    annotated = torch.tensor([[True, False, True], [True, True, False]])

    def terms() -> dict[str, Tensor]:
        return AVSegFormerCriterion()(Prediction(logits, layers=layers(masks)), batch(labels, annotated))

    before = terms()
    for prediction in (logits, masks):
        prediction[0, 0, :, :4] += 100
        prediction[~annotated] -= 50
    assert terms() == before
    nothing = torch.zeros_like(annotated)
    none = AVSegFormerCriterion()(Prediction(logits, layers=layers(masks)), batch(labels, nothing))
    assert not any(none.values())


def test_every_layer_counts() -> None:
    torch.manual_seed(0)
    masks, labels = torch.randn(1, 1, 3, 8, 8), torch.randint(0, 2, (1, 1, 8, 8))
    every = torch.ones(1, 1, dtype=torch.bool)
    guess = Prediction(torch.randn(1, 1, 1, 8, 8), layers=layers(masks))
    total = AVSegFormerCriterion()(guess, batch(labels))["intermediate"]
    assert total.item() == pytest.approx(sum(float(dice_loss(m, labels, every)) for m in masks.unbind(2)))
