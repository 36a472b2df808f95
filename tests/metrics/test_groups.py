"""Protocols over parts of the data, and protocols by name for any number of classes."""

from __future__ import annotations

import pickle

import pytest
import torch

from avslib.errors import UserError
from avslib.metrics.avsbench_binary import any_class
from avslib.metrics.protocols import PROTOCOLS, AVSBenchBinary, ByGroup, DatasetLevel, protocol, sources


@pytest.fixture
def clips() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits (6, 2, 4, 12, 12), labels and valid; the last clip has one real frame."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(6, 2, 4, 12, 12, generator=generator)
    labels = torch.randint(0, 4, (6, 2, 12, 12), generator=generator)
    valid = torch.ones(6, 2, dtype=torch.bool)
    valid[5, 1] = False
    return logits, labels, valid


NAMES = ("v1s", "v2", "v1s", "v1m", "v2", "v1s")


@pytest.mark.parametrize("name", PROTOCOLS)
def test_each_group_is_scored_as_if_alone(name: str, clips: tuple[torch.Tensor, ...]) -> None:
    logits, labels, valid = clips
    both = ByGroup(protocol(name, classes=4))
    for at in (slice(0, 2), slice(2, 6)):
        both.update(logits[at], labels[at], valid[at], groups=NAMES[at])
    found = both.compute()
    assert list(found) == [both.name, *(f"{both.name}, {part}" for part in ("v1m", "v1s", "v2"))]
    for part in ("v1m", "v1s", "v2"):
        chosen = torch.tensor([other == part for other in NAMES])
        alone = protocol(name, classes=4)
        alone.update(logits[chosen], labels[chosen], valid[chosen])
        assert found[f"{both.name}, {part}"] == pytest.approx(alone.compute(), abs=1e-12)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_merge_equals_one_pass(name: str, clips: tuple[torch.Tensor, ...]) -> None:
    logits, labels, valid = clips
    whole, first, second = (ByGroup(protocol(name, classes=4)) for _ in range(3))
    whole.update(logits, labels, valid, groups=NAMES)
    first.update(logits[:2], labels[:2], valid[:2], groups=NAMES[:2])
    second.update(logits[2:], labels[2:], valid[2:], groups=NAMES[2:])
    third = first.fresh()
    for part in (first, second):
        third.merge_counted(pickle.loads(pickle.dumps(part.counted())))
    first.merge(second)
    for key, numbers in whole.compute().items():
        assert first.compute()[key] == pytest.approx(numbers, abs=1e-12)
        assert third.compute()[key] == pytest.approx(numbers, abs=1e-12)


def test_sources_are_counted_by_class_and_size() -> None:
    labels = torch.zeros(5, 2, 20, 20, dtype=torch.long)
    labels[1, 0, :10] = 4
    labels[2, 0, :10], labels[2, 1, 10:] = 4, 7  # one after the other
    labels[3, 0, :10], labels[3, 0, 19, :5] = 4, 7  # a few stray pixels
    labels[4, 0, :10], labels[4, 1] = 255, 3
    valid = torch.ones(5, 2, dtype=torch.bool)
    one, several = "single source", "multi-source"
    assert sources(labels, valid) == ["silent", one, several, one, one]
    assert sources(labels, smallest=4)[3] == several
    valid[4, 1] = False
    assert sources(labels, valid)[4] == "silent"


def test_every_protocol_takes_one_logit_and_several() -> None:
    labels = torch.zeros(1, 20, 30, dtype=torch.long)
    labels[0, 5:15, 5:15] = 1
    for name in PROTOCOLS:
        found = protocol(name)
        found.update(18.0 * labels.float() - 9.0, labels)
        assert max(found.compute().values()) == 1, name
    with pytest.raises(UserError, match="unknown protocol 'miou'; choose of: avsbench-binary, "):
        protocol("miou")


def test_any_class_is_the_probability_that_it_is_not_background() -> None:
    logits = torch.randn(2, 5, 3, 3, generator=torch.Generator().manual_seed(0))
    assert any_class(logits).sigmoid().allclose(1 - logits.softmax(1)[:, 0])
    assert any_class(logits[:, :1]).equal(logits[:, 0])
    assert AVSBenchBinary(any_class=True).name == "avsbench-binary (batch of 20 frames, any class)"
    with pytest.raises(UserError, match="cannot merge"):
        AVSBenchBinary(any_class=True).merge(AVSBenchBinary())


def test_names_must_fit_the_clips(clips: tuple[torch.Tensor, ...]) -> None:
    with pytest.raises(UserError, match="5 names of groups for 6 clips"):
        ByGroup(DatasetLevel(classes=4)).update(*clips, groups=NAMES[:5])
