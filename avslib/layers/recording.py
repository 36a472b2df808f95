"""Figure-only tensors: recorded when somebody looks, free when nobody does.

A module calls `record("tpavi.response", tensor)` wherever a figure might want to look. Outside
`with recording() as tape:` that is one failed lookup; inside, `tape` collects the detached tensor
under its name, one list entry per call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

_TAPE: ContextVar[dict[str, list[Tensor]] | None] = ContextVar("avslib_tape", default=None)


@contextmanager
def recording() -> Iterator[dict[str, list[Tensor]]]:
    """Collect what `record` is given inside the block, as {name: [tensor, ...]} in call order."""
    tape: dict[str, list[Tensor]] = defaultdict(list)
    token = _TAPE.set(tape)
    try:
        yield tape
    finally:
        _TAPE.reset(token)


def is_recording() -> bool:
    """True inside `recording()`; guard with it whatever is costly to compute only for a figure.

    Never in a compiled model: a compiler would have to break its graph to ask.
    """
    return not torch.compiler.is_compiling() and _TAPE.get() is not None


def record(name: str, tensor: Tensor) -> None:
    """Put a detached copy of `tensor` on the tape under `name`; does nothing outside `recording()`."""
    if is_recording() and (tape := _TAPE.get()) is not None:
        tape[name].append(tensor.detach().clone())
