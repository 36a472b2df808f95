"""What VPO is drawn from: the pictures of a folder of COCO, and the recordings of one of VGGSound."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from avslib.data.prepare.coco import NAME_OF, PEOPLE, Picture, read_people, read_pictures
from avslib.data.prepare.vggsound import Pools, check_videos, read_recordings
from avslib.data.prepare.vpo_samples import Sample, choose, target
from avslib.data.readers.paths import data_folder, missing
from avslib.errors import UserError, check_number

PARTS = {"train": "train2017", "test": "val2017"}
"""Split of VPO -> part of COCO."""


@dataclass(frozen=True)
class Source:
    """coco: folder of the pictures; pictures, pools: by split; seed: of all that is drawn
    size: pictures of each subset and split at most, None for as many as the paper has"""

    coco: Path
    pictures: dict[str, list[Picture]]
    pools: dict[str, Pools]
    seed: int
    size: int | None

    def samples(self, subset: str, left_out: Collection[str]) -> list[Sample]:
        """The subset's own, train before test. left_out: names of recordings that cannot be used

        Raises UserError where there are none, and for pictures that are missing.
        """
        samples = []
        for split, pictures in self.pictures.items():
            pools = _without(self.pools[split], left_out)
            count = min(target(subset, split), self.size or target(subset, split))
            samples += choose(subset, split, pictures, pools, seed=self.seed, count=count)
        if not samples:
            raise UserError(f"{self.coco}: no picture has what {subset} needs; give more, or more recordings")
        if absent := missing(self.coco, sorted({sample.picture.file for sample in samples})):
            told = f"missing, one of {len(absent)} pictures of {subset}; get them from COCO"
            raise UserError(f"{self.coco / absent[0]}: {told}")
        return samples


def open_source(
    coco: Path, vggsound: Path, *, people: Path | None = None, seed: int = 0, size: int | None = None
) -> Source:
    """Read the tables of both folders, and tell which classes are left out; `build` says what they hold.

    Raises UserError for a folder or table that is missing or garbled, for people of whom COCO knows nothing,
    and for videos without PyAV.
    """
    check_number("--seed", seed, 0)
    if size is not None:
        check_number("--size", size, 1)
    coco = data_folder(coco)
    known = read_people(people) if people else {}
    pools = read_recordings(vggsound)
    check_videos(chain.from_iterable(pool for own in pools.values() for pool in own.values()))
    pictures = {}
    for split, part in PARTS.items():
        print(f"reading the annotations of {part}")
        pictures[split] = read_pictures(coco, part, known)
    things = chain.from_iterable(picture.things for own in pictures.values() for picture in own)
    strangers = known.keys() - {thing.number for thing in things if thing.category in PEOPLE.values()}
    if strangers:
        raise UserError(f"{people}: annotation {min(strangers)} is no person of COCO's; take it out")
    _tell_classes(pools, people)
    return Source(coco, pictures, pools, seed, size)


def _tell_classes(pools: dict[str, Pools], people: Path | None) -> None:
    if people is None:
        print(f"left out: {', '.join(PEOPLE)}, which COCO does not tell apart (--people FILE does)")
    for split, own in pools.items():
        lacking = [name for category, name in NAME_OF.items() if not own.get(category)]
        if lacking:
            print(f"left out of {split}, as VGGSOUND has no recording: {', '.join(lacking)}")


def _without(pools: Pools, names: Collection[str]) -> Pools:
    return {category: [one for one in pool if one.name not in names] for category, pool in pools.items()}
