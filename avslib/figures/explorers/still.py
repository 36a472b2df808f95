"""Looking at a network that is being trained, without leaving a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def still(module: nn.Module, *, seed: int) -> Iterator[torch.device]:
    """Evaluation mode, float32, no gradient, and chance that begins at `seed`; afterwards all is as before.

    Gives the module's device. Also inside of a step: autocast would keep weights that it has cast without a gradient.
    """
    device, modes = next(module.parameters()).device, [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with (
            torch.no_grad(),
            torch.autocast(device.type, enabled=False),
            torch.random.fork_rng(devices=list(range(torch.cuda.device_count()))),
        ):
            torch.manual_seed(seed)
            yield device
    finally:
        for part, training in modes:
            part.training = training
