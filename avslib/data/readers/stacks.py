"""Single seconds put together into one clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from avslib.errors import UserError

MEAN_COLOUR = (124, 116, 104)
"""RGB of ImageNet's mean: what padded frames show, so that they are zero once they are normalised."""


def stack_frames(pictures: Sequence[npt.NDArray[Any]], name: str) -> Tensor:
    """T pictures (H, W, 3) -> (T, 3, H, W); T masks (H, W) -> (T, H, W). Raises UserError for several sizes."""
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) > 1:
        raise UserError(f"{name}: pictures of several sizes, {sorted(sizes)}; resize them with size=224")
    stacked = torch.from_numpy(np.stack(pictures))
    return stacked if stacked.ndim == 3 else stacked.movedim(-1, 1).contiguous()


def pad_frames(frames: Tensor, seconds: int) -> Tensor:
    """(T', 3, H, W) uint8 -> (T, 3, H, W), padded with `MEAN_COLOUR`."""
    blank = torch.tensor(MEAN_COLOUR, dtype=torch.uint8)[None, :, None, None]
    return torch.cat([frames, blank.expand(seconds - len(frames), 3, *frames.shape[-2:])])


def pad_sound(waveform: Tensor, samples: int) -> Tensor:
    """(A, S') -> (A, S) with silence behind; longer sound stays as it is."""
    return F.pad(waveform, (0, max(0, samples - waveform.shape[-1])))
