"""Apple's GPUs, emulated: what is computed from a marked tensor is marked, and float64 is an error there.

with AppleGPU():
    protocol.update(on_gpu(logits), on_gpu(labels))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten

LEAVES = {Tensor.cpu, Tensor.tolist, Tensor.item, Tensor.numpy}


def on_gpu(tensor: Tensor) -> Tensor:
    """A copy that counts as lying on the GPU."""
    tensor = tensor.clone()
    tensor._on_apple_gpu = True  # type: ignore[attr-defined]
    return tensor


class AppleGPU(TorchFunctionMode):
    """Within it a result of `on_gpu` tensors is one, too; `.cpu()` leads out; float64 raises TypeError."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        given = tree_flatten((args, kwargs))[0]
        if not any(getattr(x, "_on_apple_gpu", False) for x in given if isinstance(x, Tensor)):
            return func(*args, **kwargs)
        if func is Tensor.cpu or (func is Tensor.to and any(str(x) == "cpu" for x in given)):
            return args[0].detach().clone()
        result = func(*args, **kwargs)
        if func in LEAVES:
            return result
        for x in tree_flatten(result)[0]:
            if isinstance(x, Tensor):
                if x.dtype == torch.float64:
                    raise TypeError("the MPS framework doesn't support float64; use float32 instead")
                x._on_apple_gpu = True  # type: ignore[attr-defined]
        return result
