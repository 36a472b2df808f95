"""VCT's contrast against the number of the authors' code."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from avslib.losses.prototype_audio import PrototypeAudioLoss

GOLDEN = Path(__file__).parent.parent / "golden"
ALL = torch.ones(1, 6, dtype=torch.bool)


@pytest.fixture
def case() -> list[Tensor]:
    """audio (1, 6, 32), prototypes (1, 6, 9, 32), present (1, 6, 9)."""
    with np.load(GOLDEN / "losses.npz") as stored:
        names = ("pac_audio", "pac_prototypes", "pac_targets")
        return [torch.from_numpy(stored[name])[None] for name in names]


def test_equals_the_authors_code(case: list[Tensor]) -> None:
    expected = json.loads((GOLDEN / "losses.json").read_text(encoding="utf-8"))["vct_pac"]
    assert PrototypeAudioLoss()(*case, ALL).item() == pytest.approx(expected, rel=1e-5)


def test_gradients_by_hand(case: list[Tensor]) -> None:
    """Of the sound, of shared prototypes and of the temperature: (sigmoid - truth) x what it is multiplied with."""
    audio, kinds, present = case[0].requires_grad_(), case[1][0, 0].clone().requires_grad_(), case[2]
    module = PrototypeAudioLoss()
    module(audio, kinds, present, ALL).backward()
    scale, alike = 1 / 0.07, (audio @ kinds.T).detach()
    wrong = ((scale * alike).sigmoid() - present) / present.numel()
    assert module.logit_scale.grad is not None and module.logit_scale.item() == pytest.approx(math.log(scale))
    torch.testing.assert_close(module.logit_scale.grad, (wrong * scale * alike).sum(), rtol=1e-5, atol=1e-6)
    along = scale * (wrong @ kinds - (wrong * alike).sum(-1, keepdim=True) * audio)  # across the unit sphere
    torch.testing.assert_close(audio.grad, along.detach(), rtol=1e-4, atol=1e-6)
    along = scale * (wrong[0].T @ audio[0] - (wrong * alike)[0].sum(0)[:, None] * kinds)
    torch.testing.assert_close(kinds.grad, along.detach(), rtol=1e-4, atol=1e-6)


def test_lengths_do_not_matter(case: list[Tensor]) -> None:
    audio, kinds, present = case
    module = PrototypeAudioLoss()
    torch.testing.assert_close(module(3 * audio, kinds / 2, present, ALL), module(*case, ALL))


def test_frames_that_do_not_count(case: list[Tensor]) -> None:
    audio, kinds, present = case
    module = PrototypeAudioLoss()
    some = torch.tensor([[True, False, True, False, False, False]])
    expected = [
        module(audio[:, i : i + 1], kinds[:, i : i + 1], present[:, i : i + 1], ALL[:, :1]) for i in (0, 2)
    ]
    torch.testing.assert_close(module(*case, some), sum(expected) / 2)
    loss = module(audio.requires_grad_(), kinds, present, ~ALL)
    loss.backward()
    assert loss == 0 and audio.grad is not None and not audio.grad.any()
