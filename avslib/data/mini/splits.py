"""Which files are seen in training and which are held out: by photograph and by recordist, four ways.

An instance is one person, one speaker, one animal's picture or one recording; a group is what several
instances have in common that a model could recognise: the photograph that they were cut from, or whoever
recorded them (the package, where nobody is named). A group is on one side of a split whole, in all its classes.

Fold f holds out other groups: of every class about a quarter of the instances for the test and an eighth for
validation, and no fewer than `QUOTA` says. Where a class has few, two folds share some. A package that holds
more than fits into a test always trains. Where a class would have too little left, its packages are divided by
recording instead; the split "by-source" leaves these recordings out of the test.
Drawn and rendered pictures are no fair test and only ever train.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from avslib.data.mini.pack import CLASSES, Item, Pack
from avslib.errors import UserError

SPLITS = ("train", "val", "test")
BY_SOURCE = "by-source"
"""The test without the recordings of anybody who gave a training recording of the same class."""
FOLDS = 4
QUOTA = {"cutout": ((8, 3, 2), (5, 2, 1), (3, 1, 1)), "sound": ((12, 5, 3), (10, 2, 1), (3, 1, 1))}
"""Kind -> (from so many instances of a class on, at least so many test, and so many validate)."""


def quota(kind: str, count: int) -> dict[str, int]:
    """{"test": ..., "val": ...} how many of the `count` instances of a class are held out, {} for too few."""
    for least, tests, vals in QUOTA.get(kind, ((3, 1, 1),)):
        if count >= least:
            return {"test": max(tests, count // 4), "val": max(vals, count // 8)}
    return {}


def _shuffled(names: Iterable[str]) -> list[str]:
    """A fixed order that has nothing to do with names or packages."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())


class _Assignment:
    """Groups of one kind that go to a split, class after class; the rest trains."""

    def __init__(self, kind: str, members: dict[str, dict[str, set[str]]]) -> None:
        """members: {class: {group: instances}}."""
        self.members = members
        self.sizes = {name: sum(map(len, groups.values())) for name, groups in members.items()}
        self.wanted = {name: quota(kind, size) for name, size in self.sizes.items()}
        self.split: dict[str, str] = {}

    def held(self, name: str, split: str) -> int:
        """How many instances of class `name` are in `split` by now."""
        return sum(len(m) for group, m in self.members[name].items() if self.split.get(group) == split)

    def fits(self, group: str, split: str) -> bool:
        """Whether no class of the group would have more than one instance too many in `split`."""
        touched = [name for name, groups in self.members.items() if group in groups]
        return all(
            self.held(name, split) + len(self.members[name][group]) <= self.wanted[name].get(split, 0) + 1
            for name in touched
        )

    def hold_out(self, name: str, fold: int) -> None:
        """Give groups of class `name` away until its quotas are met, from where fold `fold` begins."""
        order = _shuffled(self.members[name])
        start = fold * len(order) // FOLDS
        for split, wanted in self.wanted[name].items():
            for group in order[start:] + order[:start]:
                if self.held(name, split) >= wanted:
                    break
                if group not in self.split and self.fits(group, split):
                    self.split[group] = split


def _divided(kind: str, members: dict[str, dict[str, set[str]]]) -> dict[str, dict[str, set[str]]]:
    """The same, but packages that leave a class too little to hold out are divided into recordings."""
    out = {}
    for name, groups in members.items():
        wanted = quota(kind, sum(map(len, groups.values())))
        small = sum(len(m) for m in groups.values() if len(m) <= wanted.get("test", 0))
        enough = small >= sum(wanted.values())
        out[name] = groups if enough else {f"{g}/{i}": {i} for g, m in groups.items() for i in sorted(m)}
    return out


@lru_cache(maxsize=FOLDS * 2)
def _held_out(pack: Pack, fold: int) -> dict[tuple[str, str, str], str]:
    """{(kind, class, instance): "test" or "val"}; a noise is no class: all of them are shared out together."""
    out: dict[tuple[str, str, str], str] = {}
    for kind in ("cutout", "sound", "noise", "background"):
        members: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for item in pack.of(kind):
            if kind != "cutout" or item.is_photograph:
                name = "" if kind == "noise" else item.name
                members[name][item.group if kind != "background" else item.instance].add(item.instance)
        divided = _divided(kind, members) if kind == "sound" else dict(members)
        assignment = _Assignment(kind, divided)
        for name in sorted(divided, key=lambda n: (n not in CLASSES, assignment.sizes[n], n)):
            assignment.hold_out(name, fold)
        for name, groups in divided.items():
            out |= {
                (kind, name, i): assignment.split[g]
                for g in groups
                if g in assignment.split
                for i in groups[g]
            }
    return out


def split_items(pack: Pack, *, split: str, fold: int) -> list[Item]:
    """The items of one split, or of "by-source". Raises UserError for a split or fold that does not exist."""
    if split not in (*SPLITS, BY_SOURCE):
        raise UserError(f"unknown split {split!r}; choose one of {', '.join((*SPLITS, BY_SOURCE))}")
    if fold not in range(FOLDS):
        raise UserError(f"unknown fold {fold}; choose 0 to {FOLDS - 1}")
    where = _held_out(pack, fold)
    wanted = "test" if split == BY_SOURCE else split
    chosen = [item for item in pack.items if where.get(_key(item), "train") == wanted]
    if split == BY_SOURCE:
        known = {(i.name, i.group) for i in pack.of("sound") if where.get(_key(i), "train") == "train"}
        chosen = [item for item in chosen if item.kind != "sound" or (item.name, item.group) not in known]
    return chosen


def not_by_source(pack: Pack, fold: int) -> dict[str, str]:
    """{class: "4 of 5"}: how many test recordings of it come from somebody who also trains, where there are any."""
    told = {}
    tests, apart = (
        by_class(split_items(pack, split=split, fold=fold), "sound") for split in ("test", BY_SOURCE)
    )
    for name, items in tests.items():
        held, left = ({item.instance for item in part} for part in (items, apart.get(name, [])))
        if left != held:
            told[name] = f"{len(held - left)} of {len(held)}"
    return told


def _key(item: Item) -> tuple[str, str, str]:
    return item.kind, "" if item.kind == "noise" else item.name, item.instance


def by_class(items: Sequence[Item], kind: str) -> dict[str, list[Item]]:
    """{class name: items of that kind}."""
    grouped: dict[str, list[Item]] = {}
    for item in items:
        if item.kind == kind:
            grouped.setdefault(item.name, []).append(item)
    return grouped
