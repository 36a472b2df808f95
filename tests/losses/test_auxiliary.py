"""The two losses of short schedules, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from avslib.losses.auxiliary import overlap_loss, response_loss
from avslib.types import Batch, Prediction


def batch(labels: Tensor) -> Batch:
    on = torch.ones(labels.shape[:2], dtype=torch.bool)
    return Batch(frames=torch.zeros(1), sound=torch.zeros(1), labels=labels, annotated=on, valid=on)


def test_overlap_of_a_perfect_mask_is_nearly_nothing_and_silent_frames_do_not_count() -> None:
    labels = torch.zeros(1, 2, 4, 4, dtype=torch.long)
    labels[0, 0, :2] = 1
    logits = torch.where(labels > 0, 20.0, -20.0)[:, :, None]
    on = torch.ones(1, 2, dtype=torch.bool)
    assert overlap_loss(logits, labels, on) == pytest.approx(0, abs=1e-4)
    logits[0, 1] = 20.0  # everything marked where nothing sounds: this loss does not mind
    assert overlap_loss(logits, labels, on) == pytest.approx(0, abs=1e-4)
    assert overlap_loss(-logits, labels, on) == pytest.approx(1 - 1 / 17, abs=1e-4)


def test_without_a_sounding_frame_overlap_is_zero() -> None:
    labels = torch.zeros(1, 2, 4, 4, dtype=torch.long)
    assert overlap_loss(torch.randn(1, 2, 1, 4, 4), labels, torch.ones(1, 2, dtype=torch.bool)) == 0


def test_a_response_of_nothing_costs_log_two() -> None:
    labels = torch.zeros(1, 2, 8, 8, dtype=torch.long)
    extras = {"response2": torch.zeros(1, 2, 2, 2), "response3": torch.zeros(1, 2, 1, 1)}
    loss = response_loss(Prediction(torch.zeros(1, 2, 1, 8, 8), extras), batch(labels))
    assert loss.item() == pytest.approx(math.log(2), rel=1e-6)


def test_a_response_where_it_sounds_is_cheaper_than_elsewhere() -> None:
    labels = torch.zeros(1, 1, 4, 4, dtype=torch.long)
    labels[..., :2, :2] = 1
    response = torch.full((1, 1, 2, 2), -40.0)
    response[..., 0, 0] = 40.0
    right = response_loss(Prediction(torch.zeros(1), {"response1": response}), batch(labels))
    wrong = response_loss(Prediction(torch.zeros(1), {"response1": response.flip(-1)}), batch(labels))
    assert right < 0.01 < wrong
