from __future__ import annotations

import torch

from avslib.layers.recording import is_recording, record, recording


def test_nothing_is_kept_outside() -> None:
    assert not is_recording()
    record("x", torch.ones(1))  # goes nowhere
    with recording() as tape:
        assert is_recording()
    assert not is_recording() and not tape


def test_calls_are_kept_in_order_detached_and_copied() -> None:
    x = torch.ones(2, requires_grad=True)
    with recording() as tape:
        record("x", x)
        with torch.no_grad():
            x += 1
        record("x", x)
    first, second = tape["x"]
    assert first.tolist() == [1, 1] and second.tolist() == [2, 2]
    assert not first.requires_grad


def test_tapes_nest() -> None:
    with recording() as outer:
        record("x", torch.zeros(1))
        with recording() as inner:
            record("x", torch.ones(1))
        record("x", torch.zeros(1))
    assert len(outer["x"]) == 2 and len(inner["x"]) == 1
