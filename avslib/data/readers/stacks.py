"""Single seconds put together into one clip."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from avslib.errors import UserError

MEAN_COLOUR = (124, 116, 104)
"""RGB of ImageNet's mean: what padded frames show, so that they are zero once they are normalised."""


def stack_frames(frames: Sequence[Tensor], name: str) -> Tensor:
    """T tensors of one shape -> (T, ...). Raises UserError when a clip changes its size on the way."""
    sizes = {tuple(frame.shape[-2:]) for frame in frames}
    if len(sizes) > 1:
        raise UserError(f"{name}: pictures of several sizes, {sorted(sizes)}; resize them with size=224")
    return torch.stack(list(frames))


def pad_frames(frames: Tensor, seconds: int) -> Tensor:
    """(T', 3, H, W) uint8 -> (T, 3, H, W), padded with `MEAN_COLOUR`."""
    blank = torch.tensor(MEAN_COLOUR, dtype=torch.uint8)[None, :, None, None]
    return torch.cat([frames, blank.expand(seconds - len(frames), 3, *frames.shape[-2:])])


def pad_sound(waveform: Tensor, samples: int) -> Tensor:
    """(A, S') -> (A, S) with silence behind; longer sound stays as it is."""
    return F.pad(waveform, (0, max(0, samples - waveform.shape[-1])))
