"""CPM's memory of embeddings: its size, and its names in checkpoints. What it keeps is tested with `ClassRing`."""

from __future__ import annotations

from avslib.methods.cpm.memory import EmbeddingMemory


def test_its_bytes_are_as_the_docstring_says() -> None:
    assert EmbeddingMemory(classes=72).embeddings.nbytes == 72 * 512 * 256 * 4 == 37_748_736


def test_a_run_that_was_interrupted_before_finds_its_names() -> None:
    memory = EmbeddingMemory(classes=3, kept=4, dim=2)
    shapes = {name: tuple(x.shape) for name, x in memory.state_dict().items()}
    assert shapes == {"embeddings": (3, 4, 2), "written": (3,)}
