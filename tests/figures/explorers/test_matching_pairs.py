"""Costs and matches of the matching explorer's pairs: those of the matcher, and of the formula."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from avslib.errors import UserError
from avslib.figures import Pairs
from avslib.figures.explorers.matching.pairs import WEIGHTS
from avslib.losses.hungarian import HungarianMatcher
from avslib.losses.mask_targets import mask_targets
from avslib.types import Prediction

SIDE, DOG, CAT = 16, 1, 2


def test_costs_are_the_matchers(pairs: Pairs) -> None:
    logits = torch.from_numpy(pairs.mask_logits.round(2))[None]
    targets = mask_targets(torch.from_numpy(pairs.labels)[None], 3, background=True)
    asked = (torch.from_numpy(pairs.class_logits)[None], logits, targets)
    matcher = HungarianMatcher(points=None)
    assert (matcher.classes, matcher.mask, matcher.dice) == WEIGHTS
    assert np.allclose(pairs.costs(), matcher.costs(*asked)[0].T, atol=1e-6)
    assert pairs.matched() == matcher(*asked)[0].tolist() == [1, 3, 0]


def test_costs_are_the_formula_pair_by_pair(pairs: Pairs) -> None:
    costs = pairs.costs((2, 3, 4), {DOG: 5, CAT: -9})
    classes = torch.from_numpy(pairs.class_logits).softmax(dim=-1)
    for m, (label, mask) in enumerate(zip(pairs.targets, pairs.masks({DOG: 5, CAT: -9}))):
        truth = torch.from_numpy(mask).double()
        for q, each in enumerate(pairs.mask_logits.round(2)):
            logits = torch.from_numpy(each).double()
            apart = F.binary_cross_entropy_with_logits(logits, truth)
            inside = logits.sigmoid()
            dice = 1 - (2 * (inside * truth).sum() + 1) / (inside.sum() + truth.sum() + 1)
            assert costs[m, q] == pytest.approx(
                float(-2 * classes[q, label] + 3 * apart + 4 * dice), abs=1e-5
            )


def test_a_moved_mask_loses_what_leaves_the_frame(pairs: Pairs) -> None:
    rest, dog, cat = pairs.masks({CAT: 4})
    assert dog.sum() == 32 and cat.sum() == 16 and cat[4:12, 14:].all()
    assert (rest == ~(dog | cat)).all()
    assert pairs.masks({CAT: -12})[2].sum() == 16 and not pairs.masks({DOG: 16})[1].any()


def test_pairs_of_a_prediction_are_the_matched_and_the_cheapest() -> None:
    torch.manual_seed(0)
    extras = {"class_logits": torch.randn(1, 2, 12, 4), "mask_logits": 3 * torch.randn(1, 2, 12, 32, 32)}
    labels = torch.zeros(64, 64, dtype=torch.long)
    labels[:, 32:] = CAT
    given = Prediction(torch.zeros(1, 2, 3, 64, 64), extras)
    few, all_of_them = Pairs.of(given, labels, second=1, count=5), Pairs.of(given, labels, second=1, count=8)
    assert few.labels.shape == (16, 16) and few.targets == [0, CAT]
    assert list(few.numbers) == sorted(few.numbers) and set(few.numbers) < set(all_of_them.numbers)
    best = [[each.numbers[column] for column in each.matched()] for each in (few, all_of_them)]
    assert best[0] == best[1]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"labels": np.zeros((40, 16), int)}, "at most 32"), ({"labels": np.zeros((SIDE, SIDE))}, "whole numbers"),
        ({"labels": np.full((SIDE, SIDE), 3)}, "from 0 to 2"), ({"labels": np.zeros((8, 8), int)}, "give"),
        ({"numbers": (1, 2)}, "give"), ({"class_logits": np.full((4, 4), np.nan)}, "NaN"),
        ({"mask_logits": np.zeros((4, SIDE))}, "give"),
    ],
)  # fmt: skip
def test_pairs_refuse(wrong: dict[str, Any], told: str, pairs: Pairs) -> None:
    with pytest.raises(UserError, match=told):
        replace(pairs, **wrong)


def test_there_is_a_query_for_each_class(pairs: Pairs) -> None:
    with pytest.raises(UserError, match="a query for each"):
        Pairs(pairs.labels, pairs.class_logits[:2], pairs.mask_logits[:2], (0, 1))
