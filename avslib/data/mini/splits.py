"""Which files are seen in training and which are held out: by instance, four ways.

An instance is one person, one speaker, one animal's picture or one recording. Fold f holds out other
instances of every class: up to a quarter of them for the test, an eighth for validation, at least one each.
So a result can be reported over folds: which instances are held out matters more than the seed. Counts are
rounded down, because classes are small and every photograph that trains is missed when it does not: with six
photographs of a horse one tests, one validates and four train.
Drawn and rendered pictures are no fair test and only ever train.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from avslib.data.mini.pack import Item, Pack
from avslib.errors import UserError

SPLITS = ("train", "val", "test")
FOLDS = 4


def _split_of(instances: set[str], fold: int) -> dict[str, str]:
    """{instance: split}: how the instances of one class are shared out; those that are not in it train."""
    count = len(instances)
    if count < 3:  # too few to hold out
        return {}
    tests, vals = max(1, count // 4), max(1, count // 8)
    # A fixed order that has nothing to do with names or packages.
    order = sorted(instances, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    start = fold * count // FOLDS
    order = order[start:] + order[:start]
    return dict.fromkeys(order[:tests], "test") | dict.fromkeys(order[tests : tests + vals], "val")


def split_items(pack: Pack, *, split: str, fold: int) -> list[Item]:
    """The items of one split. Raises UserError for a split or fold that does not exist."""
    if split not in SPLITS:
        raise UserError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
    if fold not in range(FOLDS):
        raise UserError(f"unknown fold {fold}; choose 0 to {FOLDS - 1}")
    chosen: list[Item] = []
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in pack.items:  # a noise is no class: all of them are shared out together
        groups.setdefault((item.kind, "" if item.kind == "noise" else item.name), []).append(item)
    for (kind, _), items in sorted(groups.items()):
        fair = {item.instance for item in items if kind != "cutout" or item.is_photograph}
        where = _split_of(fair, fold)
        chosen += [item for item in items if where.get(item.instance, "train") == split]
    return chosen


def by_class(items: Sequence[Item], kind: str) -> dict[str, list[Item]]:
    """{class name: items of that kind}."""
    grouped: dict[str, list[Item]] = {}
    for item in items:
        if item.kind == kind:
            grouped.setdefault(item.name, []).append(item)
    return grouped
