"""What a data set holds, clip by clip, without reading or composing any of it."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Protocol

from avslib.data.mini.scenes import MiniScenes
from avslib.data.readers.avsbench_object import AVSBenchObject
from avslib.data.readers.avsbench_semantic import AVSBenchSemantic
from avslib.data.readers.layouts import SEMANTIC_SECONDS
from avslib.data.readers.vpo import VPO
from avslib.types import Clip


class Clips(Sized, Protocol):
    """A data set: `len(clips)` and `clips[i] -> Clip`."""

    def __getitem__(self, index: int, /) -> Clip: ...


@dataclass(frozen=True)
class Listed:
    """identifier: of the clip; seconds: that are real, not padding; part: "v1s", "v1m", "v2", or the subset's name."""

    identifier: str
    seconds: int
    part: str = ""


def listing(clips: Clips) -> list[Listed]:
    """One entry a clip, in order. A data set that is not avslib's own is read from end to end."""
    return [_listed(clips, index) for index in range(len(clips))]


def part_of(clips: Clips, indices: Sequence[int]) -> list[str]:
    """The part of its data set that each clip belongs to; '' where the data set is not avslib's own."""
    return [_listed(clips, index).part for index in indices]


def _listed(clips: Clips, index: int) -> Listed:
    if isinstance(clips, MiniScenes):
        part = clips.part(index).subset
        return Listed(clips.identifier(index), part.seconds, part.name)
    if isinstance(clips, AVSBenchSemantic):
        label, uid = clips.clips[index]
        return Listed(uid, SEMANTIC_SECONDS[label], label)
    if isinstance(clips, AVSBenchObject):
        return Listed(clips.rows[index]["name"], len(clips.files(index).masks), clips.subset)
    if isinstance(clips, VPO):
        mask = clips.files(index).masks[0]
        return Listed(mask.split("/mask/")[1].removesuffix(".png"), 1, clips.subset)
    clip = clips[index]
    return Listed(clip.identifier, int(clip.valid.sum()))
