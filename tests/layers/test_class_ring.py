"""The last few of each class: first in, first out, for each class alone."""

from __future__ import annotations

from collections import deque

import pytest
import torch

from avslib.layers.class_ring import ClassRing, rank_within


def numbers_of(ring: ClassRing, label: int) -> list[float]:
    return sorted(ring.ring[label, : ring.held[label], 0].tolist())


def test_it_is_a_queue_for_each_class() -> None:
    torch.manual_seed(0)
    ring = ClassRing("rows", classes=4, kept=5, shape=(2,))
    queues = [deque[float](maxlen=5) for _ in range(4)]
    for number in (1, 3, 0, 40, 2, 7, 6):
        rows, classes = torch.randn(number, 2), torch.randint(3, (number,))
        ring.put(rows, classes)
        for row, label in zip(rows.tolist(), classes.tolist()):
            queues[label].append(row[0])
        assert ring.held.tolist() == [len(queue) for queue in queues]
        for label, queue in enumerate(queues):
            assert numbers_of(ring, label) == pytest.approx(sorted(queue))
    assert ring.held[3] == 0 and not ring.ring[3].any()


def test_it_keeps_no_gradient_and_its_own_precision() -> None:
    ring = ClassRing("rows", classes=1, kept=2, shape=(3,))
    ring.put(torch.ones(1, 3, dtype=torch.bfloat16, requires_grad=True) * 2, torch.tensor([0]))
    assert not ring.ring.requires_grad and ring.ring.dtype == torch.float32
    assert ring.ring[0, 0].tolist() == [2, 2, 2]


def test_a_resumed_run_has_it() -> None:
    ring, again = (ClassRing("rows", classes=2, kept=3, shape=(1,)) for _ in range(2))
    ring.put(torch.tensor([[1.0], [2], [3], [4]]), torch.tensor([0, 0, 0, 0]))
    again.load_state_dict(ring.state_dict())
    assert set(ring.state_dict()) == {"rows", "written"}
    for each in (ring, again):
        each.put(torch.tensor([[5.0]]), torch.tensor([0]))
        assert numbers_of(each, 0) == [3, 4, 5]


def test_rank_within_counts_earlier_ones_of_a_group() -> None:
    torch.manual_seed(0)
    for length in (0, 1, 5, 60):
        groups = torch.randint(0, 6, (length,))
        expected = [int((groups[:i] == groups[i]).sum()) for i in range(length)]
        assert rank_within(groups).tolist() == expected
