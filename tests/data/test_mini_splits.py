"""Nothing of the test is seen in training, in any fold."""

from __future__ import annotations

import pytest

from avslib.data import MiniScenes
from avslib.data.mini import CORE_CLASSES, FOLDS, SPLITS, load_pack, split_items
from avslib.data.mini.splits import by_class
from avslib.errors import UserError


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
    assert max(shared) < 0.25
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
        ({"split": "exam"}, "unknown split 'exam'.*train, val, test"),
        ({"fold": 4}, "unknown fold 4; choose 0 to 3"),
        ({"family": "GFDL"}, "unknown licence family 'GFDL'"),
        ({"instances": "both"}, "unknown instances 'both'"),
        ({"split": "val", "instances": "seen"}, "instances='seen' is a question for the test"),
        ({"seconds": 0}, "seconds 0"),
        ({"length": 0}, "length 0"),
        ({"size": 8}, "size 8"),
        ({"family": "permissive"}, "a scene needs three"),
    ],
)
def test_a_wrong_argument_is_told_in_one_line(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        MiniScenes(**{"subset": "ms3", **arguments})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
