"""The six subsets of AVS-Mini, each named after the part of AVSBench or VPO that it mirrors.

    name      mirrors                             scene
    s4        AVSBench single source              one source, 5 s; training knows the mask of second 0 alone
    ms3       AVSBench multi-sources              one or two sources that start and stop, 5 s
    avss      AVSBench semantic: v1s, v1m, v2     the two above with class labels, and 10 s; shorter ones are padded
    vpo-ss    VPO single source                   one sounding object, nothing from off screen; a still of one second
    vpo-ms    VPO multi-source                    one or two classes that sound; a still of one second
    vpo-msmi  VPO multi-source multi-instance     often two of one class: where the sound comes from tells which

Silent objects are in every scene of every subset.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from avslib.data.mini.compose import Subset

MS3 = Subset(name="ms3", binary=True, seconds=5)
S4 = replace(MS3, name="s4", two_sources_chance=0.0, nobody_chance=0.0, all_along_chance=0.85)
V1S = replace(S4, name="v1s", binary=False)
V1M = replace(MS3, name="v1m", binary=False, two_sources_chance=0.6)
V2 = replace(MS3, name="v2", binary=False, seconds=10)
VPO_MS = Subset(name="vpo-ms", binary=False, seconds=1, two_sources_chance=0.6, all_along_chance=1.0)
VPO_SS = replace(
    VPO_MS, name="vpo-ss", two_sources_chance=0.0, nobody_chance=0.0, intruder_chance=0.0, noise_chance=0.0
)
VPO_MSMI = replace(VPO_MS, name="vpo-msmi", twin_chance=0.7, scale=(0.3, 0.52))


@dataclass(frozen=True)
class Part:
    """One kind of scene within a subset.

    share:      how often it is met; those of a subset add up to 1
    first_only: training knows the mask of its first second alone
    """

    subset: Subset
    share: float = 1.0
    first_only: bool = False


SUBSETS: dict[str, tuple[Part, ...]] = {
    "s4": (Part(S4, first_only=True),),
    "ms3": (Part(MS3),),
    # AVSBench-semantic holds 4,932 clips of v1s, 424 of v1m and 7,000 of v2; here v1m is met more often
    "avss": (Part(V1S, 0.4, first_only=True), Part(V1M, 0.1), Part(V2, 0.5)),
    "vpo-ss": (Part(VPO_SS),),
    "vpo-ms": (Part(VPO_MS),),
    "vpo-msmi": (Part(VPO_MSMI),),
}


def parts_of(name: str, *, seconds: int | None = None, turns: bool = False) -> tuple[Part, ...]:
    """The parts of a known subset; with `seconds`, its longest scenes have that length, the others keep pace."""
    own, parts = seconds_of(SUBSETS[name]), []
    for part in SUBSETS[name]:
        length = max(1, part.subset.seconds * (seconds or own) // own)
        parts.append(replace(part, subset=replace(part.subset, turns=turns, seconds=length)))
    return tuple(parts)


def seconds_of(parts: tuple[Part, ...]) -> int:
    """T of every clip of these parts, in seconds."""
    return max(part.subset.seconds for part in parts)


def choose_part(parts: tuple[Part, ...], *, seed: int, index: int) -> Part:
    """The part that scene `index` belongs to: a pure function of its arguments."""
    rng = np.random.default_rng([seed, index, len(parts)])
    return parts[rng.choice(len(parts), p=[part.share for part in parts])]
