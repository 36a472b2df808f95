"""Which clips a step sees: decided by seed and step alone."""

from __future__ import annotations

import itertools

import pytest

from avslib.data.loading.order import BatchOrder, evaluation_order
from avslib.errors import UserError


def order(**changes: int) -> list[list[int]]:
    options = {"clips": 10, "batch_size": 4, "epochs": 3, "steps_per_epoch": None, "seed": 0, **changes}
    return list(BatchOrder(**options))  # type: ignore[arg-type]


def test_an_epoch_repeats_no_clip_and_drops_the_rest() -> None:
    batches = order()
    assert len(batches) == 6
    for epoch in (batches[:2], batches[2:4], batches[4:]):
        assert len(set(itertools.chain(*epoch))) == 8
    assert batches[:2] != batches[2:4]


@pytest.mark.parametrize("start", range(7))
def test_a_later_start_is_the_tail(start: int) -> None:
    assert order(start=start) == order()[start:]


def test_processes_share_each_batch() -> None:
    shares = [order(rank=rank, world=2) for rank in range(2)]
    assert [one + two for one, two in zip(*shares)] == order()


def test_the_seed_decides() -> None:
    assert order(seed=1) != order(seed=0)
    assert order(seed=1) == order(seed=1)


def test_impossible_orders_are_refused() -> None:
    with pytest.raises(UserError, match="3 steps of 4 clips do not fit in 10"):
        order(steps_per_epoch=3)
    with pytest.raises(UserError, match="do not fit in 2"):
        order(clips=2)
    with pytest.raises(UserError, match="does not divide over 3 processes"):
        order(world=3)


@pytest.mark.parametrize("together", [1, 4])
@pytest.mark.parametrize("world", [1, 2, 3, 8])
def test_evaluation_sees_every_clip_once_in_order(world: int, together: int) -> None:
    parts = [evaluation_order(11, 2, rank, world, together=together) for rank in range(world)]
    assert list(itertools.chain(*itertools.chain(*parts))) == list(range(11))
    assert all(len(batch) <= 2 for part in parts for batch in part)
    assert all(part[0][0] % together == 0 for part in parts if part)
