"""One mask for each class that is present."""

from __future__ import annotations

import pytest
import torch

from avslib.errors import UserError
from avslib.losses.mask_targets import classes_present, mask_targets
from avslib.types import IGNORE

LABELS = torch.tensor([[[0, 3], [3, 1]], [[IGNORE, 2], [2, 2]], [[0, 0], [0, 0]]])


def test_every_class_of_a_picture_has_a_mask_and_ignored_pixels_have_none() -> None:
    found = mask_targets(LABELS, 4, background=True)
    assert found.classes.tolist() == [[0, 1, 3], [2, -1, -1], [0, -1, -1]]
    assert found.masks[0].long().tolist() == [[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 1], [1, 0]]]
    assert found.masks[1, 0].long().tolist() == [[0, 1], [1, 1]]
    assert not found.masks[1:, 1:].any()
    assert found.ignored.nonzero().tolist() == [[1, 0, 0]]


def test_the_background_may_be_no_target() -> None:
    found = mask_targets(LABELS, 4, background=False)
    assert found.classes.tolist() == [[1, 3], [2, -1], [-1, -1]]
    assert mask_targets(LABELS[2:], 4, background=False).masks.shape == (1, 0, 2, 2)


def test_no_picture_has_no_targets() -> None:
    assert mask_targets(LABELS[:0], 4, background=True).masks.shape == (0, 0, 2, 2)


def test_presence_knows_several_classes_at_a_time() -> None:
    found = classes_present(LABELS[None], 4)
    assert found.long().tolist() == [[[1, 1, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0]]]


def test_a_class_that_the_model_does_not_know_is_told() -> None:
    with pytest.raises(UserError, match="label 3, but the model knows 3 classes"):
        mask_targets(LABELS, 3, background=True)
