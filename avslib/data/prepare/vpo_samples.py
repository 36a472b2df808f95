"""Which pictures VPO takes, what sounds in them, and with which recordings. Nothing is read or written here.

What is chosen where the paper is silent is listed in `avslib.data.prepare.build_vpo`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from avslib.data.prepare.coco import NAME_OF, PEOPLE, PERSON, Picture, Thing
from avslib.data.prepare.vggsound import Pools, Recording
from avslib.data.readers.layouts import SPLITS, VPO_COUNTS, VPO_TABLE, ClipFiles, vpo_files
from avslib.data.readers.tables import Row

SMALLEST = 32 * 32
"""Pixels of a thing that may sound: what COCO calls small is too small to be found by its sound."""
MOST = 5
"""Things that sound in one picture (paper, section 3)."""
Choice = list[Thing]


@dataclass(frozen=True)
class Sample:
    """One picture of a subset: `things[i]` sounds with `recordings[i]`."""

    subset: str
    split: str
    picture: Picture
    things: tuple[Thing, ...]
    recordings: tuple[Recording, ...]

    @property
    def files(self) -> ClipFiles:
        """Where it goes."""
        return vpo_files(
            self.subset, image=str(self.picture.number), sounds=tuple(one.name for one in self.recordings),
            annotation=str(self.things[0].number), category=NAME_OF[self.things[0].category],
        )  # fmt: skip

    def rows(self, positions: Sequence[float]) -> list[Row]:
        """Its rows in the table of its subset, one a sounding thing; positions: as in `audio_pos`."""
        return [
            {
                "cateName": NAME_OF[thing.category], "cateId": str(thing.category),
                "img_Id": str(self.picture.number), "ann_Ids": str(thing.number), "vgg_file": one.name,
                "audio_pos": f"{position:.6f}", "split": self.split, "multi_instance": "1",
            }
            for thing, one, position in zip(self.things, self.recordings, positions)
        ]  # fmt: skip


def target(subset: str, split: str) -> int:
    """How many pictures of its own the paper's subset has; those of VPO-MSMI stand beside VPO-MS's."""
    taken = VPO_COUNTS["vpo-ms"][split] if subset == "vpo-msmi" else 0
    return VPO_COUNTS[subset][split] - taken


def choose(
    subset: str, split: str, pictures: Sequence[Picture], pools: Pools, *, seed: int, count: int
) -> list[Sample]:
    """Up to `count` samples, each of another picture.

    pictures, pools: of the split, in a fixed order, which together with `seed` decides everything
    """
    rng = np.random.default_rng([seed, list(VPO_TABLE).index(subset), SPLITS.index(split)])
    shuffled = [pictures[number] for number in rng.permutation(len(pictures))]
    samples: list[Sample] = []
    for picture in sorted(shuffled, key=_variety, reverse=True):
        if len(samples) == count:
            break
        if things := CAST[subset](rng, picture, pools):
            recordings = _recordings(rng, things, pools)
            samples.append(Sample(subset, split, picture, tuple(things), recordings))
    return samples


def _variety(picture: Picture) -> tuple[int, ...]:
    """Larger for pictures that are taken first: two classes of VPO's, else two of COCO's, else two things."""
    categories = {thing.category for thing in picture.things}
    counts = len(categories & NAME_OF.keys()), len(categories), len(picture.things)
    return tuple(min(count, 2) for count in counts)


def _able(picture: Picture, pools: Pools) -> Choice:
    """What may sound, at most as many of a class as it has recordings."""
    room = {category: len(pool) for category, pool in pools.items()}
    able = []
    for thing in picture.things:
        if not thing.crowd and thing.area >= SMALLEST and room.get(thing.category, 0):
            room[thing.category] -= 1
            able.append(thing)
    return able


def _instances(picture: Picture) -> Mapping[int, int]:
    """Category -> how many there are, however small; a crowd is two. A person of whom it is not known what it is
    may be of each of the three classes that are there."""
    count = Counter[int]()
    for thing in picture.things:
        count[thing.category] += 2 if thing.crowd else 1
    return {key: number + (count[PERSON] if key in PEOPLE.values() else 0) for key, number in count.items()}


def _alone(picture: Picture, pools: Pools) -> Choice:
    """What may sound and is the only one of its class."""
    instances = _instances(picture)
    return [thing for thing in _able(picture, pools) if instances[thing.category] == 1]


def _single(rng: np.random.Generator, picture: Picture, pools: Pools) -> Choice:
    """VPO-SS: one that is the only one of its class."""
    return _some(rng, _alone(picture, pools), 1)


def _several(rng: np.random.Generator, picture: Picture, pools: Pools) -> Choice:
    """VPO-MS: several, in a picture with no class of VPO's twice."""
    twice = any(count > 1 for key, count in _instances(picture).items() if key in NAME_OF)
    alone = _alone(picture, pools)
    return [] if twice or len(alone) < 2 else _some(rng, alone, _how_many(rng, len(alone)))


def _twins(rng: np.random.Generator, picture: Picture, pools: Pools) -> Choice:
    """VPO-MSMI: several, two of one class at least, where there are so few that they can be told apart."""
    able = _able(picture, pools)
    known = [thing for thing in picture.things if thing.category in NAME_OF]
    classes = [key for key, count in Counter(thing.category for thing in able).items() if count > 1]
    if not classes or len(known) > MOST or any(thing.crowd for thing in known):
        return []
    category = classes[rng.integers(len(classes))]
    pair = _some(rng, [thing for thing in able if thing.category == category], 2)
    others = _some(rng, [thing for thing in able if thing not in pair], _how_many(rng, len(able)) - 2)
    return [thing for thing in able if thing in pair or thing in others]


def _how_many(rng: np.random.Generator, there: int) -> int:
    """Two to five that sound; of more than two, one at least is silent."""
    return 2 if there == 2 else int(rng.integers(2, min(MOST, there - 1) + 1))


def _some(rng: np.random.Generator, things: Choice, count: int) -> Choice:
    """`count` of them, or all, in their order."""
    taken = rng.permutation(len(things))[:count]
    return [things[number] for number in sorted(taken)]


def _recordings(rng: np.random.Generator, things: Choice, pools: Pools) -> tuple[Recording, ...]:
    """One for each; no two things of a class have the same."""
    drawn = {key: iter(rng.permutation(len(pools[key]))) for key in dict.fromkeys(t.category for t in things)}
    return tuple(pools[thing.category][next(drawn[thing.category])] for thing in things)


CAST: dict[str, Callable[[np.random.Generator, Picture, Pools], Choice]] = {
    "vpo-ss": _single, "vpo-ms": _several, "vpo-msmi": _twins,
}  # fmt: skip
"""Subset -> who sounds in a picture; nobody where it has no place for it."""
