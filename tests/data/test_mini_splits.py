"""Nothing of the test is seen in training, in any fold."""

from __future__ import annotations

import pytest
from warm_python import WarmPython

from avslib import open_data
from avslib.data import MiniScenes
from avslib.data.mini import CLASSES, CORE_CLASSES, FOLDS, SPLITS, Item, load_pack, split_items
from avslib.data.mini.splits import BY_SOURCE, by_class, not_by_source
from avslib.errors import UserError
from avslib.types import IGNORE


@pytest.mark.parametrize("fold", range(FOLDS))
def test_splits_share_no_file_and_no_instance(fold: int) -> None:
    parts = {split: split_items(load_pack(), split=split, fold=fold) for split in SPLITS}
    for key in ("path", "sha256", "instance"):
        held = {
            split: {(i.kind == "cutout", getattr(i, key)) for i in items} for split, items in parts.items()
        }
        assert (
            not held["train"] & held["val"]
            and not held["train"] & held["test"]
            and not held["val"] & held["test"]
        )
    assert sum(map(len, parts.values())) == len(load_pack().items)


def fair(items: list[Item], kind: str, name: str) -> set[str]:
    """Photographed objects, or recordings, of a class."""
    return {
        i.instance
        for i in items
        if i.kind == kind and i.name == name and (kind == "sound" or i.is_photograph)
    }


@pytest.mark.parametrize("fold", range(FOLDS))
def test_a_photograph_and_a_recordist_are_on_one_side(fold: int) -> None:
    """In all classes at once; but for the recordings that `not_by_source` tells."""
    divided = not_by_source(load_pack(), fold)
    sides: dict[tuple[str, str], set[str]] = {}
    for split in SPLITS:
        for item in split_items(load_pack(), split=split, fold=fold):
            if item.kind in ("cutout", "sound") and not (item.kind == "sound" and item.name in divided):
                sides.setdefault((item.kind, item.group), set()).add(split)
    assert len(sides) > 300
    assert {group: split for group, split in sides.items() if len(split) > 1} == {}
    assert not set(divided) & set(CORE_CLASSES)


TOGETHER = (
    "bird_204 bird_205 bear_202", "bus_211 car_201 car_203", "bus_213 airplane_206", "keyboard_203 laptop_201",
    "boat_201 boat_202", "suitcase_200 suitcase_201 suitcase_202", "dog_03 dog_209 dog_210", "cat_03 cat_04",
)  # fmt: skip
"""Objects of one photograph, as whoever cut them out noted them, and one cat that was photographed twice."""


def test_objects_of_one_photograph_are_one_group() -> None:
    group = {item.path.stem: item.group for item in load_pack().of("cutout")}
    for files in TOGETHER:
        assert len({group[file] for file in files.split()}) == 1, files
    of_group: dict[str, set[str]] = {}
    for item in load_pack().of("cutout"):
        of_group.setdefault(item.group, set()).add(item.instance)
    assert sum(len(instances) > 1 for instances in of_group.values()) == len(TOGETHER)


def test_classes_by_evidence() -> None:
    items = list(load_pack().items)
    for name in CLASSES:
        photographs, recordings = (len(fair(items, kind, name)) for kind in ("cutout", "sound"))
        least = (8, 12) if name in CORE_CLASSES else (6, 10)
        assert photographs >= least[0] and recordings >= least[1], name
    assert CLASSES[: len(CORE_CLASSES)] == CORE_CLASSES and (len(CORE_CLASSES), len(CLASSES)) == (8, 16)
    assert {item.name for item in load_pack().of("sound")} == set(CLASSES)


@pytest.mark.parametrize("fold", range(FOLDS))
@pytest.mark.parametrize("name", CORE_CLASSES)
def test_tests_and_validation_are_large_enough(name: str, fold: int) -> None:
    for split, least in (("test", (3, 5)), ("val", (2, 3)), (BY_SOURCE, (3, 5))):
        items = split_items(load_pack(), split=split, fold=fold)
        assert len(fair(items, "cutout", name)) >= least[0] and len(fair(items, "sound", name)) >= least[1]
    training = split_items(load_pack(), split="train", fold=fold)
    assert len(fair(training, "cutout", name)) >= 3 and len(fair(training, "sound", name)) >= 10


@pytest.mark.parametrize("fold", range(FOLDS))
def test_by_source_hears_nobody_who_trains(fold: int) -> None:
    known, test, apart = (
        {(i.name, i.group) for i in split_items(load_pack(), split=split, fold=fold) if i.kind == "sound"}
        for split in ("train", "test", BY_SOURCE)
    )
    assert not apart & known and apart <= test
    told = not_by_source(load_pack(), fold)
    assert {name for name, _ in test & known} == set(told)
    with pytest.warns(UserWarning, match=rf"fold {fold}: {told['elephant']} test recordings of elephant"):
        MiniScenes("ms3", split=BY_SOURCE, fold=fold, classes=CLASSES, seconds=3)


@pytest.mark.parametrize("fold", range(FOLDS))
@pytest.mark.parametrize("split", SPLITS)
def test_every_split_has_every_class_noises_and_backgrounds(split: str, fold: int) -> None:
    items = split_items(load_pack(), split=split, fold=fold)
    kinds = {item.kind for item in items}
    assert kinds == {"cutout", "sound", "noise", "background"}
    for kind in ("cutout", "sound"):
        assert set(CORE_CLASSES) <= set(by_class(items, kind))
    assert len({item.instance for item in items if item.kind == "noise"}) > 1
    if split != "train":
        assert all(item.is_photograph for item in items if item.kind == "cutout")


def test_folds_hold_out_different_instances() -> None:
    tests = [{i.path for i in split_items(load_pack(), split="test", fold=fold)} for fold in range(FOLDS)]
    shared = [len(a & b) / len(a) for i, a in enumerate(tests) for b in tests[i + 1 :]]
    assert max(shared) < 0.35  # every class of eight photographs tests three of them
    for name in CORE_CLASSES:
        held = [frozenset(p for p in test if p.name.startswith(name)) for test in tests]
        assert len(set(held)) == FOLDS, f"{name} is tested on the same files in two folds"


def test_seen_instances_have_known_cutouts_and_unknown_sounds() -> None:
    seen = MiniScenes(split="test", instances="seen", fold=1).material
    train, test = (MiniScenes(split=split, fold=1).material for split in ("train", "test"))
    assert seen.cutouts == train.cutouts and not seen.augment
    assert (seen.recordings, seen.noises, seen.backgrounds) == (
        test.recordings,
        test.noises,
        test.backgrounds,
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"subset": "s5"}, "unknown subset 's5'.*s4, ms3, avss, vpo-ss, vpo-ms, vpo-msmi"),
        ({"split": "exam"}, "unknown split 'exam'.*train, val, test, by-source"),
        ({"fold": 4}, "unknown fold 4; choose 0 to 3"),
        ({"family": "GFDL"}, "unknown licence family 'GFDL'"),
        ({"instances": "both"}, "unknown instances 'both'"),
        ({"split": "val", "instances": "seen"}, "instances='seen' is a question for the test"),
        ({"seconds": 0}, "seconds 0"),
        ({"length": 0}, "length 0"),
        ({"size": 8}, "size 8"),
    ],
)
def test_a_wrong_argument_is_told_in_one_line(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        MiniScenes(**{"subset": "ms3", **arguments})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_sixteen_classes_are_data_of_their_own() -> None:
    eight, sixteen = (open_data(f"{name}/avss", "test", length=40) for name in ("mini", "mini-16"))
    assert (eight.spec.classes, sixteen.spec.classes) == (9, 17)  # type: ignore[attr-defined]
    labels = {int(k) for i in range(40) for k in sixteen[i].labels.unique()} - {0, IGNORE}
    assert max(labels) > 8 and labels <= set(range(1, 17))
    heard = {source.name for i in range(40) for source in sixteen.scene(i).sources}  # type: ignore[attr-defined]
    assert heard <= set(CLASSES) and heard - set(CORE_CLASSES)


def test_the_readme_has_todays_tables(python: WarmPython) -> None:
    python("tools/update_mini_readme.py", "--check")
