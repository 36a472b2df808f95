"""Where a sound comes from: stereo by position, as the VPO benchmark makes it."""

from __future__ import annotations

from torch import Tensor

from avslib.errors import UserError


def pan(mono: Tensor, position: float) -> Tensor:
    """(S,) mono -> (2, S): left = w (1 - position), right = w position (CAVP paper, VPO construction).

    position: of the object's centre of mass, 0 at the left edge of the picture, 1 at the right. The two sum
    to the mono wave, so the loudness (power) dips in the middle: the rule is linear, not equal-power.

    Raises UserError for a position outside [0, 1] or a wave that is not mono.
    """
    if not 0.0 <= position <= 1.0:
        raise UserError(f"position {position}: must lie in [0, 1], left to right")
    if mono.ndim != 1:
        raise UserError(f"waveform of shape {tuple(mono.shape)}: pan takes a mono wave of shape (S,)")
    return mono * mono.new_tensor([[1 - position], [position]])
