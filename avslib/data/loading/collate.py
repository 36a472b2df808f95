"""From a list of clips to one `Batch`: stack, and let the front end turn sound into pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.types import Batch, Clip, FrontEnd

HEARD = "heard"
"""Name in `Clip.extras`: () long, for how many seconds there is sound; those behind them are padding."""


@dataclass(frozen=True)
class Collate:
    """`DataLoader(..., collate_fn=Collate(front_end))`.

    A front end with `padding` (VGGish's: 0) gives that for the seconds that a clip says are not `HEARD`. Clips of one batch share T and size. Stills stay one frame long as long as all clips are stills; beside a
    video they are repeated. Raises UserError when the clips cannot be stacked.
    """

    front_end: FrontEnd

    def __call__(self, clips: Sequence[Clip]) -> Batch:
        if len({clip.labels.shape for clip in clips}) != 1:
            shapes = ", ".join(f"{clip.identifier} {tuple(clip.labels.shape)}" for clip in clips) or "none"
            raise UserError(f"clips of one batch need one length and size, not {shapes}; resize or pad them")
        seconds = clips[0].labels.shape[0]
        frames = [clip.frames for clip in clips]
        if len({f.shape[0] for f in frames}) > 1:
            frames = [f.expand(seconds, *f.shape[1:]) for f in frames]
        sound = [self._sound(clip, seconds) for clip in clips]
        return Batch(
            frames=torch.stack(frames),
            sound=torch.stack(sound),
            labels=torch.stack([clip.labels for clip in clips]),
            annotated=torch.stack([clip.annotated for clip in clips]),
            valid=torch.stack([clip.valid for clip in clips]),
            identifiers=tuple(clip.identifier for clip in clips),
            extras={name: torch.stack([clip.extras[name] for clip in clips]) for name in clips[0].extras},
        )

    def _sound(self, clip: Clip, seconds: int) -> Tensor:
        """(T, A', F, M)."""
        pictures = self.front_end(clip.waveform, clip.sample_rate, frames=seconds)
        padding: float | None = getattr(self.front_end, "padding", None)
        if HEARD in clip.extras and padding is not None:
            pictures[int(clip.extras[HEARD]) :] = padding
        return pictures


def collate(clips: Sequence[Clip], front_end: FrontEnd) -> Batch:
    """One batch from `clips`; see `Collate`."""
    return Collate(front_end)(clips)
