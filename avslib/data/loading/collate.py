"""From a list of clips to one `Batch`: stack, and let the front end turn sound into pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from avslib.errors import UserError
from avslib.types import Batch, Clip, FrontEnd


@dataclass(frozen=True)
class Collate:
    """`DataLoader(..., collate_fn=Collate(front_end))`.

    Clips of one batch share T and size. Stills stay one frame long as long as all clips are stills; beside a
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
        sound = [self.front_end(clip.waveform, clip.sample_rate, frames=seconds) for clip in clips]
        return Batch(
            frames=torch.stack(frames),
            sound=torch.stack(sound),
            labels=torch.stack([clip.labels for clip in clips]),
            annotated=torch.stack([clip.annotated for clip in clips]),
            valid=torch.stack([clip.valid for clip in clips]),
            identifiers=tuple(clip.identifier for clip in clips),
            extras={name: torch.stack([clip.extras[name] for clip in clips]) for name in clips[0].extras},
        )


def collate(clips: Sequence[Clip], front_end: FrontEnd) -> Batch:
    """One batch from `clips`; see `Collate`."""
    return Collate(front_end)(clips)
