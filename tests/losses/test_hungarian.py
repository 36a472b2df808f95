"""The matcher against Hugging Face's, against a search through all assignments, and against itself in other orders."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.losses.hungarian import HungarianMatcher
from avslib.losses.mask_targets import MaskTargets, mask_targets

CLASSES = 5


def labels(pictures: int = 4, side: int = 16) -> Tensor:
    """(N, H, W) blocks of chance classes; the last picture is empty."""
    blocks = torch.randint(0, CLASSES, (pictures, side // 4, side // 4))
    blocks[-1] = 0
    return blocks.repeat_interleave(4, 1).repeat_interleave(4, 2)


def answers(pictures: int = 4, queries: int = 7) -> tuple[Tensor, Tensor]:
    """class_logits (N, Q, K+1), mask_logits (N, Q, 8, 8)."""
    return 2 * torch.randn(pictures, queries, CLASSES + 1), 3 * torch.randn(pictures, queries, 8, 8)


@pytest.fixture(autouse=True)
def fixed() -> None:
    torch.manual_seed(0)


def test_equals_hugging_face() -> None:
    theirs = pytest.importorskip("transformers.models.mask2former.modeling_mask2former")
    classes, masks = answers()
    targets = mask_targets(labels(), CLASSES, background=False)
    own = [numbers >= 0 for numbers in targets.classes]
    torch.manual_seed(3)
    expected = theirs.Mask2FormerHungarianMatcher(cost_class=2, cost_mask=5, cost_dice=5, num_points=500)(
        masks_queries_logits=masks,
        class_queries_logits=classes,
        mask_labels=[each[real].float() for each, real in zip(targets.masks, own)],
        class_labels=[each[real] for each, real in zip(targets.classes, own)],
    )
    torch.manual_seed(3)
    found = HungarianMatcher(points=500)(classes, masks, targets)
    assert found.shape == (4, 4) and (found[-1] == -1).all()
    for mine, (queries, numbers) in zip(found, expected):
        assert mine[numbers].tolist() == queries.tolist()
        assert (mine >= 0).sum() == len(queries)


@pytest.mark.parametrize("points", [None, 400])
def test_no_other_assignment_costs_less(points: int | None) -> None:
    classes, masks = answers(2, queries=4)
    targets = mask_targets(labels(2), CLASSES, background=False)
    matcher = HungarianMatcher(points=points)
    torch.manual_seed(1)
    cost = matcher.costs(classes, masks, targets)[0]
    torch.manual_seed(1)
    found = matcher(classes, masks, targets)[0]
    numbers = torch.arange(len(found))
    least = min(cost[list(order), numbers].sum().item() for order in permutations(range(4), len(found)))
    assert cost[found, numbers].sum().item() == pytest.approx(least, rel=1e-6)


def test_the_cost_of_a_pair_by_hand() -> None:
    """Undecided everywhere where half of the picture is meant."""
    area = torch.tensor([[True, True], [False, False]])
    targets = MaskTargets(torch.tensor([[1]]), area[None, None], torch.zeros(1, 2, 2, dtype=torch.bool))
    cost = HungarianMatcher(points=None).costs(torch.zeros(1, 1, 4), torch.zeros(1, 1, 2, 2), targets)
    dice = 1 - (2 * 1 + 1) / (2 + 2 + 1)
    assert cost.item() == pytest.approx(5 * 0.6931472 + 5 * dice - 2 * 0.25, rel=1e-6)


@pytest.mark.parametrize("points", [None, 300])
def test_orders_of_queries_and_of_targets_do_not_matter(points: int | None) -> None:
    classes, masks = answers()
    targets = mask_targets(labels(), CLASSES, background=True)
    matcher = HungarianMatcher(points=points)
    queries, numbers = torch.randperm(7), torch.randperm(targets.classes.shape[1])
    results = []
    mixed = MaskTargets(targets.classes[:, numbers], targets.masks[:, numbers], targets.ignored)
    for given in ((classes, masks, targets), (classes[:, queries], masks[:, queries], mixed)):
        torch.manual_seed(2)
        results.append(matcher(*given))
    expected = results[0][:, numbers]
    assert torch.equal(queries[results[1]].where(results[1] >= 0, -1), expected)
    assert (expected >= 0).any(dim=1).all() and (expected < 0).any()


def test_a_batch_is_matched_as_each_picture_alone() -> None:
    classes, masks = answers()
    truth = labels()
    together = mask_targets(truth, CLASSES, background=False)
    matcher = HungarianMatcher(points=300)
    torch.manual_seed(4)
    found = matcher(classes, masks, together)
    torch.manual_seed(4)
    for n in range(4):  # the empty one has no target at all when alone
        one = mask_targets(truth[n : n + 1], CLASSES, background=False)
        alone = matcher(classes[n : n + 1], masks[n : n + 1], one)[0]
        assert found[n].tolist() == [*alone.tolist(), *[-1] * (found.shape[1] - len(alone))]


def test_more_masks_than_queries_leave_masks_over() -> None:
    classes, masks = answers(queries=2)
    found = HungarianMatcher(points=None)(classes, masks, mask_targets(labels(), CLASSES, background=False))
    assert (found[:3] >= 0).sum(dim=1).tolist() == [2, 2, 2]


def test_ignored_pixels_have_no_say() -> None:
    classes, masks = answers()
    truth = labels()
    truth[:, :8] = 255
    for points in (None, 300):
        results = []
        for change in (0.0, 90.0):
            other = masks.clone()
            other[:, :, :3] += change  # row 3 of the maps also reaches known pixels
            torch.manual_seed(5)
            targets = mask_targets(truth, CLASSES, background=False)
            results.append(HungarianMatcher(points=points).costs(classes, other, targets))
        torch.testing.assert_close(results[0], results[1])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("which", [0, 1])
def test_numbers_that_are_none_are_told(bad: float, which: int) -> None:
    given = answers()
    given[which][2, 1] = bad
    with pytest.raises(UserError, match=r"picture 2 of the batch .* NaN or infinity"):
        HungarianMatcher(points=100)(*given, mask_targets(labels(), CLASSES, background=False))


def test_bfloat16_is_matched_in_float32() -> None:
    classes, masks = (x.bfloat16() for x in answers())
    targets = mask_targets(labels(), CLASSES, background=False)
    matcher = HungarianMatcher(points=None)
    assert matcher.costs(classes, masks, targets).dtype == torch.float32
    found = matcher(classes, masks, targets)
    assert torch.equal(found, matcher(classes.float(), masks.float(), targets))
