"""The criterion against the numbers of the authors' loss functions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from avslib.methods.tpavi.criterion import TPAVICriterion
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
    """A batch of which only labels and flags matter."""
    every = torch.ones(labels.shape[:2], dtype=torch.bool)
    nothing = torch.empty(0)
    return Batch(nothing, nothing, labels, every if annotated is None else annotated, every)


def prediction(logits: Tensor, arrays: dict[str, Tensor], prefix: str = "") -> Prediction:
    """logits (N, K, H, W) of two clips, with the golden maps and sounds of four stages."""
    extras = {f"map{i + 1}": arrays[f"{prefix}v{i}"].unflatten(0, (2, -1)) for i in range(4)}
    extras |= {f"audio{i + 1}": arrays[f"{prefix}a{i}"] for i in range(4)}
    return Prediction(logits.unflatten(0, (2, -1)), extras)


def test_s4_looks_at_the_first_frame(arrays: dict[str, Tensor], values: dict[str, float]) -> None:
    labels = torch.full((2, 5, 32, 48), IGNORE)
    labels[:, 0] = arrays["first"][:, 0].long()
    first = torch.zeros(2, 5, dtype=torch.bool)
    first[:, 0] = True
    terms = TPAVICriterion(mapping=False)(prediction(arrays["logits"], arrays), batch(labels, first))
    assert list(terms) == ["mask"]
    assert terms["mask"].item() == pytest.approx(values["tpavi_s4_bce"], rel=1e-5)


def test_ms3_and_its_gradient(arrays: dict[str, Tensor], values: dict[str, float]) -> None:
    logits = arrays["logits"].clone().requires_grad_()
    labels = arrays["gt"][:, 0].long().unflatten(0, (2, 5))
    terms = TPAVICriterion()(prediction(logits, arrays), batch(labels))
    assert terms["mask"].item() == pytest.approx(values["tpavi_ms3_bce"], rel=1e-5)
    assert terms["mapping"].item() == pytest.approx(values["tpavi_ms3_avm_kl"], rel=1e-5)
    (terms["mask"] + 0.5 * terms["mapping"]).backward()
    expected = arrays["grad_tpavi_ms3_total"]
    assert torch.linalg.norm(logits.grad - expected) < 1e-5 * torch.linalg.norm(expected)  # type: ignore[operator]


def test_avss_weighs_frames_by_their_flag(arrays: dict[str, Tensor], values: dict[str, float]) -> None:
    logits = arrays["sem"].clone().requires_grad_()
    flags = arrays["gt_flag"].bool().view(2, 10)
    assert not flags.all(), "else nothing is tested"
    terms = TPAVICriterion()(
        prediction(logits, arrays, "sem_"), batch(arrays["lab"].view(2, 10, 16, 24), flags)
    )
    assert terms["mask"].item() == pytest.approx(values["tpavi_avss_ce"], rel=1e-5)
    assert terms["mapping"].item() == pytest.approx(values["tpavi_avss_avm_kl"], rel=1e-5)
    assert not terms["mapping"].requires_grad, "the semantic mask passes no gradient"


@pytest.mark.parametrize("classes", [1, 3])
def test_ignored_pixels_and_unannotated_frames_count_nowhere(classes: int) -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, classes, 8, 8)
    labels = torch.randint(0, 2, (2, 3, 8, 8))
    labels[0, 0, :4] = IGNORE
    annotated = torch.tensor([[True, False, True], [True, True, False]])
    criterion = TPAVICriterion(mapping=False)
    before = criterion(Prediction(logits), batch(labels, annotated))["mask"]
    logits[0, 0, :, :4] += 100
    logits[~annotated] -= 50
    after = criterion(Prediction(logits), batch(labels, annotated))["mask"]
    assert before == after
    nothing = criterion(Prediction(logits), batch(torch.full_like(labels, IGNORE)))["mask"]
    assert nothing == 0
