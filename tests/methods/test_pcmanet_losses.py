"""The criterion against the numbers of the authors' loss functions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from avslib.methods.pcmanet.criterion import PCMANetCriterion, stage_loss
from avslib.methods.pcmanet.soft_iou import soft_iou_loss
from avslib.types import IGNORE, Batch, Prediction

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture(scope="module")
def arrays() -> dict[str, Tensor]:
    with np.load(GOLDEN / "losses.npz") as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


@pytest.fixture(scope="module")
def values() -> dict[str, float]:
    content: dict[str, float] = json.loads((GOLDEN / "losses.json").read_text(encoding="utf-8"))
    return content


def batch(labels: Tensor, annotated: Tensor | None = None) -> Batch:
    every = torch.ones(labels.shape[:2], dtype=torch.bool)
    return Batch(torch.empty(0), torch.empty(0), labels, every if annotated is None else annotated, every)


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float(torch.linalg.norm(ours - theirs) / torch.linalg.norm(theirs))


def test_s4_looks_at_the_first_frame(arrays: dict[str, Tensor], values: dict[str, float]) -> None:
    labels = torch.full((2, 5, 32, 48), IGNORE)
    labels[:, 0] = arrays["first"][:, 0].long()
    first = torch.zeros(2, 5, dtype=torch.bool)
    first[:, 0] = True
    loss = stage_loss(arrays["logits"].view(2, 5, 1, 32, 48), batch(labels, first))
    assert loss.item() == pytest.approx(values["pcmanet_s4_bceiou"], rel=1e-5)


def test_ms3_and_its_gradient(arrays: dict[str, Tensor], values: dict[str, float]) -> None:
    logits = arrays["logits"].clone().requires_grad_()
    loss = stage_loss(logits.view(2, 5, 1, 32, 48), batch(arrays["gt"].long().view(2, 5, 32, 48)))
    assert loss.item() == pytest.approx(values["pcmanet_ms3_bceiou"], rel=1e-5)
    loss.backward()
    assert logits.grad is not None and relative(logits.grad, arrays["grad_pcmanet_ms3"]) < 1e-5


def test_avss_is_cross_entropy_alone(arrays: dict[str, Tensor], values: dict[str, float]) -> None:
    """AVSBench's, weighed by the flag of each frame."""
    labels, flags = arrays["lab"].view(2, 10, 16, 24), arrays["gt_flag"].bool().view(2, 10)
    loss = stage_loss(arrays["sem"].view(2, 10, -1, 16, 24), batch(labels, flags))
    assert loss.item() == pytest.approx(values["tpavi_avss_ce"], rel=1e-5)


def test_every_stage_is_a_term_at_the_labels_size() -> None:
    torch.manual_seed(0)
    labels = torch.randint(0, 2, (1, 2, 8, 8))
    coarse = torch.randn(1, 2, 1, 4, 4)
    full = torch.nn.functional.interpolate(coarse[0], (8, 8), mode="bilinear")[None]
    terms = PCMANetCriterion()(Prediction(full, layers=({"logits": coarse},) * 3), batch(labels))
    assert set(terms) == {"stage1", "stage2", "stage3", "stage4"}
    for term in terms.values():
        torch.testing.assert_close(term, terms["stage1"])


def test_soft_iou_by_hand_and_where_nothing_sounds() -> None:
    labels = torch.zeros(1, 2, 2, 2, dtype=torch.long)
    labels[0, 0, 0] = 1  # the upper half of the first frame; the second is silent
    logits = torch.full((1, 2, 1, 2, 2), -40.0)
    logits[0, 0, 0, :, 0] = 40.0  # the left half
    logits[0, 1, 0, 0, 0] = 0.0  # p = 0.5
    one, two = (torch.tensor([[i == 0, i == 1]]) for i in (0, 1))
    assert soft_iou_loss(logits, labels, one, smooth=0.0) == pytest.approx(1 - 1 / 3)
    assert soft_iou_loss(logits, labels, one) == pytest.approx(1 - 2 / 4)
    assert soft_iou_loss(logits, labels, two, smooth=0.0) == pytest.approx(1)
    assert soft_iou_loss(logits, labels, two) == pytest.approx(1 - 1 / 1.5)
    assert soft_iou_loss(logits, labels, torch.zeros(1, 2, dtype=torch.bool)) == 0


def test_ignored_pixels_count_nowhere() -> None:
    labels = torch.randint(0, 2, (1, 1, 4, 4), generator=torch.Generator().manual_seed(0))
    labels[..., 2:] = IGNORE
    logits = torch.randn(1, 1, 1, 4, 4)
    before = stage_loss(logits, batch(labels))
    logits[..., 2:] += 50
    assert stage_loss(logits, batch(labels)) == before


def test_auxiliary_terms_leave_silence_to_cross_entropy_and_teach_agreement() -> None:
    labels = torch.zeros(1, 2, 4, 4, dtype=torch.long)
    labels[0, 0, :2] = 1
    silent = torch.full((1, 2, 1, 4, 4), -40.0)
    silent[0, 0, 0, :2] = 40.0
    cosines = torch.full((1, 2, 2, 2), -0.65)
    cosines[0, 0, 0] = 1.35

    def terms_with(agreement: Tensor) -> dict[str, Tensor]:
        prediction = Prediction(silent, {"agreement4": agreement}, layers=({"logits": silent},))
        return PCMANetCriterion(auxiliary=True)(prediction, batch(labels))

    terms = terms_with(cosines)
    assert set(terms) == {"stage3", "stage4", "agreement"}, "of two stages, the coarser is always stage 4"
    assert all(0 <= float(term) < 0.02 for term in terms.values()), terms
    assert terms_with(cosines.flip(2))["agreement"] > 1
    undecided = terms_with(torch.full((1, 2, 2, 2), 0.35))
    assert undecided["agreement"].item() == pytest.approx(0.6931, abs=1e-4)
