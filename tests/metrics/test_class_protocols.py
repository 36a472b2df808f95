"""`avsbench-semantic` and `dataset-level` on cases that can be worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from avslib.errors import UserError
from avslib.metrics.protocols import PROTOCOLS, AVSBenchSemantic, DatasetLevel


def confident(classes: Tensor, of: int) -> Tensor:
    """(N, H, W) class indices -> (N, of, H, W) logits that choose them."""
    return 9.0 * F.one_hot(classes, of).movedim(-1, 1)


@pytest.fixture
def noisy() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    return (
        torch.randn(6, 4, 7, 5, generator=generator),
        torch.randint(0, 4, (6, 7, 5), generator=generator),
    )


@pytest.mark.parametrize("build", [AVSBenchSemantic, DatasetLevel])
def test_merge_and_pieces_equal_one_pass(
    noisy: tuple[Tensor, Tensor], build: type[AVSBenchSemantic | DatasetLevel]
) -> None:
    logits, labels = noisy
    whole, first, second = (build(classes=4) for _ in range(3))
    whole.update(logits.view(2, 3, 4, 7, 5), labels.view(2, 3, 7, 5))
    for scores, truth in zip(logits[:3], labels[:3]):
        first.update(scores.unsqueeze(0), truth.unsqueeze(0))
    second.update(logits[3:], labels[3:])
    first.merge(second)  # type: ignore[arg-type]
    assert first.compute() == pytest.approx(whole.compute(), abs=1e-12)


def test_semantic_false_alarm_adds_a_zero() -> None:
    labels = torch.tensor([[[1, 1, 0, 0]], [[0, 0, 0, 0]]])
    stray = torch.tensor([[[1, 1, 0, 0]], [[0, 0, 0, 1]]])
    protocol = AVSBenchSemantic(classes=3)
    protocol.update(confident(stray, 3), labels)
    assert protocol.count.tolist() == [2, 2, 0]
    per_class = protocol.per_class()
    assert per_class["IoU"] == pytest.approx([(1 + 3 / 4) / 2, 1 / 2, 0])
    f_background = 1.3 * 0.75 / (0.3 * 1 + 0.75)  # precision 1, recall 3/4
    assert per_class["F"] == pytest.approx([(1 + f_background) / 2, 1 / 2, 0])
    found = protocol.compute()
    assert found["mIoU"] == pytest.approx((0.875 + 0.5) / 3)
    assert found["mIoU_drop_last"] == pytest.approx((0.875 + 0.5) / 2)


def test_semantic_padding_counts_as_right_background() -> None:
    labels = torch.tensor([[[[1, 0]], [[255, 255]]]])  # (1, 2, 1, 2), second frame padded
    wrong = confident(torch.tensor([[[0, 1]], [[1, 1]]]), 2).unsqueeze(0)
    valid = torch.tensor([[True, False]])
    public, strict = AVSBenchSemantic(classes=2), AVSBenchSemantic(classes=2, count_padded_frames=False)
    public.update(wrong, labels, valid)
    strict.update(wrong, labels, valid)
    assert public.per_class()["IoU"] == [0.5, 0]
    assert strict.per_class()["IoU"] == [0, 0]
    assert public.name != strict.name


def test_dataset_level_by_hand() -> None:
    labels = torch.tensor([[[0, 0, 1, 1]], [[0, 1, 1, 255]]])
    marked = torch.tensor([[[0, 1, 1, 1]], [[0, 0, 1, 1]]])
    protocol = DatasetLevel()
    protocol.update(torch.where(marked > 0, 4.0, -4.0), labels)
    assert protocol.confusion.tolist() == [[2, 1], [1, 3]]
    found = protocol.compute()
    assert found["IoU"] == pytest.approx(3 / 5)
    assert found["mIoU"] == pytest.approx((3 / 5 + 2 / 4) / 2)
    assert found["pixel_acc"] == pytest.approx(5 / 7)
    assert found["FDR"] == pytest.approx((1 / 3 + 1 / 4) / 2)
    assert found["F1"] == pytest.approx((4 / 6 + 6 / 8) / 2)
    assert found["F"] == pytest.approx((2.6 / (2.6 + 0.3 + 1) + 3.9 / (3.9 + 0.3 + 1)) / 2)


def test_dataset_level_one_logit_equals_two_classes() -> None:
    logits = torch.randn(3, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    labels = torch.randint(0, 3, (3, 6, 6), generator=torch.Generator().manual_seed(1))
    one, two = DatasetLevel(), DatasetLevel()
    one.update(logits, labels)
    two.update(torch.cat([torch.zeros_like(logits), logits], 1), (labels > 0).long())
    assert one.compute() == two.compute()


def test_dataset_level_absent_class() -> None:
    protocol = DatasetLevel(classes=3)
    labels = torch.tensor([[[0, 1]]])
    protocol.update(confident(labels, 3), labels)
    found = protocol.compute()
    assert found["mIoU"] == pytest.approx(2 / 3)  # the absent class counts as 0
    assert found["F"] == 1 and found["FDR"] == 0  # and is left out here
    assert math.isnan(protocol.per_class()["F"][2])


def test_dataset_level_iou_is_of_all_foreground() -> None:
    labels, predicted = torch.tensor([[[0, 1, 1, 2]]]), torch.tensor([[[0, 2, 0, 2]]])
    protocol = DatasetLevel(classes=3)
    protocol.update(confident(predicted, 3), labels)
    assert protocol.compute()["IoU"] == pytest.approx(2 / 3)


def test_threshold_is_exclusive_and_can_move() -> None:
    logits, labels = torch.tensor([[[0.0, 0.1, 3.0]]]), torch.tensor([[[0, 1, 1]]])
    half, strict = DatasetLevel(), DatasetLevel(threshold=0.9)
    half.update(logits, labels)
    strict.update(logits, labels)
    assert half.compute()["IoU"] == 1  # a pixel at exactly 0.5 is not marked
    assert strict.compute()["IoU"] == 0.5


def test_padded_frames_are_left_out_of_dataset_level() -> None:
    protocol = DatasetLevel()
    labels = torch.ones(1, 2, 2, 2, dtype=torch.long)
    protocol.update(torch.full((1, 2, 1, 2, 2), 5.0), labels, torch.tensor([[True, False]]))
    assert int(protocol.confusion.sum()) == 4


def test_names() -> None:
    for name, protocol in PROTOCOLS.items():
        assert protocol().name.startswith(name)  # type: ignore[call-arg]


def test_bad_input_is_named() -> None:
    labels = torch.zeros(1, 2, 2, dtype=torch.long)
    for build in (AVSBenchSemantic, DatasetLevel):
        with pytest.raises(UserError, match="classes=1"):
            build(classes=1)
        with pytest.raises(UserError, match="5"):
            build(classes=4).update(torch.zeros(1, 5, 2, 2), labels)
        with pytest.raises(UserError, match=r"label 7 is outside 0\.\.3"):
            build(classes=4).update(torch.zeros(1, 4, 2, 2), labels + 7)
        with pytest.raises(UserError, match="was scored"):
            build(classes=4).compute()
        with pytest.raises(UserError, match="cannot merge"):
            build(classes=4).merge(build(classes=5))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="255"):
        AVSBenchSemantic(classes=4).update(torch.zeros(1, 4, 2, 2), labels + 255)
    with pytest.raises(UserError, match=r"threshold=1\.5"):
        DatasetLevel(threshold=1.5)
    with pytest.raises(UserError, match="no pixel"):
        protocol = DatasetLevel()
        protocol.update(torch.zeros(1, 2, 2), labels + 255)
        protocol.compute()
