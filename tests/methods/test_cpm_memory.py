"""CPM's memory of embeddings: first in, first out, for each class alone."""

from __future__ import annotations

from collections import deque

import pytest
import torch

from avslib.methods.cpm.memory import EmbeddingMemory


def kept_rows(memory: EmbeddingMemory, label: int) -> list[float]:
    return sorted(memory.embeddings[label, : memory.held[label], 0].tolist())


def test_it_is_a_queue_for_each_class() -> None:
    torch.manual_seed(0)
    memory = EmbeddingMemory(classes=4, kept=5, dim=2)
    queues = [deque[float](maxlen=5) for _ in range(4)]
    for number in (1, 3, 0, 40, 2, 7, 6):
        rows, classes = torch.randn(number, 2), torch.randint(3, (number,))
        memory.put(rows, classes)
        for row, label in zip(rows.tolist(), classes.tolist()):
            queues[label].append(row[0])
        assert memory.held.tolist() == [len(queue) for queue in queues]
        for label, queue in enumerate(queues):
            assert kept_rows(memory, label) == pytest.approx(sorted(queue))
    assert memory.held[3] == 0 and not memory.embeddings[3].any()


def test_it_keeps_no_gradient_and_its_own_precision() -> None:
    memory = EmbeddingMemory(classes=1, kept=2, dim=3)
    memory.put(torch.ones(1, 3, dtype=torch.bfloat16, requires_grad=True) * 2, torch.tensor([0]))
    assert not memory.embeddings.requires_grad and memory.embeddings.dtype == torch.float32
    assert memory.embeddings[0, 0].tolist() == [2, 2, 2]


def test_a_resumed_run_has_it() -> None:
    memory, again = (EmbeddingMemory(classes=2, kept=3, dim=1) for _ in range(2))
    memory.put(torch.tensor([[1.0], [2], [3], [4]]), torch.tensor([0, 0, 0, 0]))
    again.load_state_dict(memory.state_dict())
    for each in (memory, again):
        each.put(torch.tensor([[5.0]]), torch.tensor([0]))
        assert kept_rows(each, 0) == [3, 4, 5]


def test_its_bytes_are_as_the_docstring_says() -> None:
    assert EmbeddingMemory(classes=72).embeddings.nbytes == 72 * 512 * 256 * 4 == 37_748_736
