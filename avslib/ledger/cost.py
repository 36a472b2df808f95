"""What a model costs: parameters, multiply-adds, floating-point operations, memory and time.

Papers count the multiply-adds of convolutions and linear layers, for one clip of five frames of 224 pixels,
from the sound's embedding on (VGGish apart), and call them FLOPs. That leaves out whatever is a product of
two activations: attention. `Cost.flops` counts every product, multiplication and addition apiece.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from avslib.errors import UserError
from avslib.files import reason
from avslib.ledger.provenance import peak_memory_mb
from avslib.methods.cost import FRAMES, SIZE, PublishedCost, Unused, nothing_unused

EMBEDDING = 128

Inputs = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Costed:
    """One line of the table: how to build the model (random weights, no sound encoder), and what to compare it with."""

    method: str
    backbone: str
    build: Callable[[], nn.Module]
    unused: Callable[[nn.Module], Unused] = nothing_unused
    published: PublishedCost | None = None
    sound: tuple[int, int] = (1, EMBEDDING)


@dataclass(frozen=True)
class Cost:
    """What was counted, and what was measured if it was: peak memory in MB, seconds of one clip."""

    parameters: int
    multiply_adds: int
    flops: int
    unused: Unused
    memory_mb: float | None = None
    seconds: float | None = None


def count(entry: Costed) -> Cost:
    """Count on PyTorch's "meta" device, where shapes flow without numbers: seconds, and no memory."""
    with torch.device("meta"):
        model = entry.build().eval().requires_grad_(False)  # the counter asks weights for their graph
        example = inputs(sound=entry.sound)
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), multiply_adds(model) as layers, sdpa_kernel(SDPBackend.MATH), counter:
        model.segment(*example)  # type: ignore[operator]
    parameters = sum(p.numel() for p in model.parameters())
    return Cost(parameters, sum(layers), counter.get_total_flops(), entry.unused(model))


def measure(entry: Costed, device: str = "cpu", rounds: int = 5) -> tuple[float | None, float]:
    """(peak memory in MB, median seconds) of one clip, in float32 and in inference.

    On a GPU the memory is what PyTorch took. On a CPU it is the growth of the process's peak, which only a
    fresh process shows; None where the system does not tell. Raises UserError for a device that is not there.
    """
    on = find_device(device)
    before = 0 if on.type == "cuda" else peak_memory_mb(on)
    model, example = entry.build().eval().to(on), inputs(device, sound=entry.sound)
    times = []
    with torch.inference_mode():
        for _ in range(rounds + 1):
            if on.type == "cuda":
                torch.cuda.synchronize()
            start = time.perf_counter()
            model.segment(*example)  # type: ignore[operator]
            if on.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
    peak = peak_memory_mb(on)
    memory = None if peak is None or before is None else peak - before
    return memory, statistics.median(times[1:])


def find_device(name: str) -> torch.device:
    """The device called `name`, e.g. "cuda". Raises UserError when this machine, or its PyTorch, has none."""
    try:
        on = torch.device(name)
        torch.empty(0, device=on)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UserError(f"--device {name}: not to be had here ({reason(error)}); take cpu") from None
    return on


def inputs(device: str | None = None, *, sound: tuple[int, int] = (1, EMBEDDING)) -> Inputs:
    """One clip: frames (1, 5, 3, 224, 224), sound tokens (1, 5, *sound), valid (1, 5)."""
    frames = torch.randn(1, FRAMES, 3, SIZE, SIZE, device=device)
    tokens = torch.randn(1, FRAMES, *sound, device=device).abs()
    return frames, tokens, torch.ones(1, FRAMES, dtype=torch.bool, device=device)


@contextmanager
def multiply_adds(model: nn.Module) -> Iterator[list[int]]:
    """Collect those of every convolution and linear layer that runs inside the block."""
    counts: list[int] = []
    handles = [
        module.register_forward_hook(partial(_count_layer, counts), with_kwargs=True)
        for module in model.modules()
        if isinstance(
            module, (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear, nn.MultiheadAttention)
        )
    ]
    try:
        yield counts
    finally:
        for handle in handles:
            handle.remove()


def _count_layer(
    counts: list[int], module: nn.Module, given: tuple[Any, ...], named: dict[str, Any], result: Any
) -> None:
    if isinstance(module, nn.MultiheadAttention):  # its linear layers are not called as modules
        tensors = [*given, *(named[name] for name in ("query", "key", "value") if name in named)][:3]
        rows = [x.numel() // x.shape[-1] for x in tensors]
        counts.append(sum(rows) * module.embed_dim**2 + rows[0] * module.embed_dim**2)
    elif isinstance(module, nn.ConvTranspose2d):
        counts.append(given[0].numel() // given[0].shape[1] * module.weight.numel())
    else:
        weight: Tensor = module.weight  # type: ignore[assignment]
        counts.append(result.numel() * (weight.numel() // len(weight)))
