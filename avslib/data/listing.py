"""What a data set holds, clip by clip, without reading or composing any of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avslib.types import Clips


@dataclass(frozen=True)
class ClipEntry:
    """identifier: of the clip; seconds: that are real, not padding; part: "v1s", "v1m", "v2", or the subset's name."""

    identifier: str
    seconds: int
    part: str = ""


def listing(clips: Clips) -> list[ClipEntry]:
    """One entry a clip, in order. A data set without a method `entry(index)` is read from end to end."""
    return [_entry(clips, index) for index in range(len(clips))]


def part_of(clips: Clips, indices: Sequence[int]) -> list[str]:
    """The part of its data set that each clip belongs to; '' where the data set does not tell."""
    return [_entry(clips, index).part for index in indices]


def _entry(clips: Clips, index: int) -> ClipEntry:
    if hasattr(clips, "entry"):
        entry: ClipEntry = clips.entry(index)
        return entry
    clip = clips[index]
    return ClipEntry(clip.identifier, int(clip.valid.sum()))
