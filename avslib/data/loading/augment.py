"""Random changes to training clips. A draw depends on seed, epoch and clip, not on workers, processes or resuming."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import torch

from avslib.types import Clip, Clips

Transform = Callable[[Clip, torch.Generator], Clip]
"""`transform(clip, generator) -> clip`; all its draws are from the generator."""


class Augmented:
    """`clips` seen through `transform`: `augmented[epoch, index]`."""

    def __init__(self, clips: Clips, transform: Transform, *, seed: int) -> None:
        self.clips, self.transform, self.seed = clips, transform, seed

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: tuple[int, int]) -> Clip:
        epoch, index = key
        digest = hashlib.sha256(f"{self.seed}/{epoch}/{index}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
        return self.transform(self.clips[index], generator)


def mirror(clip: Clip) -> Clip:
    """The clip in a mirror: picture and mask are flipped, and the ears exchanged.

    Because stereo by position is linear, exchanging the channels is exactly a source at 1 - position.
    """
    stereo = clip.waveform.shape[0] == 2
    return replace(
        clip,
        frames=clip.frames.flip(-1),
        labels=clip.labels.flip(-1),
        waveform=clip.waveform.flip(0) if stereo else clip.waveform,
        identifier=f"{clip.identifier}, mirrored",
    )


def random_mirror(clip: Clip, generator: torch.Generator) -> Clip:
    """`mirror`, half of the time."""
    return mirror(clip) if torch.rand((), generator=generator) < 0.5 else clip
