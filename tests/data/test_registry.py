"""The fourteen data sets by name: what each says of itself, and how it is opened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import releases
import torch

from avslib.data import DATASETS, DataSpec, MiniScenes, find_data
from avslib.data.readers.avsbench_object import AVSBenchObject
from avslib.data.readers.avsbench_semantic import AVSBenchSemantic
from avslib.data.readers.vpo import VPO
from avslib.data.registry import Wanted
from avslib.errors import UserError

BINARY, SEMANTIC = "avsbench-binary", "avsbench-semantic"
KNOWN = {
    # name: task, classes, composed, sound channels, seconds of sound, own protocol
    "mini/ms3": ("ms3", 1, True, 1, 1.0, BINARY),
    "mini/s4": ("s4", 1, True, 1, 1.0, BINARY),
    "mini/avss": ("avss", 9, True, 1, 1.0, SEMANTIC),
    "mini/vpo-ss": ("vpo-ss", 9, True, 2, 1.0, SEMANTIC),
    "mini/vpo-ms": ("vpo-ms", 9, True, 2, 1.0, SEMANTIC),
    "mini/vpo-msmi": ("vpo-msmi", 9, True, 2, 1.0, SEMANTIC),
    "mini-16/ms3": ("ms3", 1, True, 1, 1.0, BINARY),
    "mini-16/avss": ("avss", 17, True, 1, 1.0, SEMANTIC),
    "avsbench/s4": ("s4", 1, False, 1, 1.0, BINARY),
    "avsbench/ms3": ("ms3", 1, False, 1, 1.0, BINARY),
    "avss": ("avss", 71, False, 1, 1.0, SEMANTIC),
    "vpo-ss": ("vpo-ss", 22, False, 2, 3.0, SEMANTIC),
    "vpo-ms": ("vpo-ms", 22, False, 2, 3.0, SEMANTIC),
    "vpo-msmi": ("vpo-msmi", 22, False, 2, 3.0, SEMANTIC),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """{name of a benchmark: folder}."""
    root = tmp_path_factory.mktemp("releases")
    releases.write_object(root / "object")
    releases.write_semantic(root / "semantic")
    releases.write_vpo(root / "vpo")
    own = {"avsbench/s4": "object", "avsbench/ms3": "object", "avss": "semantic"}
    return {name: root / own.get(name, "vpo") for name, spec in DATASETS.items() if not spec.composed}


def test_there_are_fourteen() -> None:
    assert list(DATASETS) == list(KNOWN)
    assert all(spec.name == name for name, spec in DATASETS.items())


@pytest.mark.parametrize("name", KNOWN)
def test_what_a_data_set_says_of_itself(name: str) -> None:
    spec, (task, classes, composed, channels, seconds, own) = find_data(name), KNOWN[name]
    assert (spec.task, spec.classes, spec.composed) == (task, classes, composed)
    assert (spec.sound_channels, spec.sound_seconds) == (channels, seconds)
    assert spec.tests == (("test", "test-seen") if composed else ("test",))
    assert spec.validates == (not name.startswith("vpo")), "VPO has no validation split"
    first, second = spec.protocols(), spec.protocols()
    assert [protocol.name.split(" (")[0] for protocol in first] == [own, "dataset-level"]
    assert not {id(protocol) for protocol in first} & {id(protocol) for protocol in second}, "fresh each time"


@pytest.mark.parametrize("name", [name for name, known in KNOWN.items() if known[2]])
def test_composed_data_is_as_it_says(name: str) -> None:
    spec = find_data(name)
    clips = spec.open("train", size=32, length=5, seed=1)
    assert isinstance(clips, MiniScenes) and len(clips) == 5 and clips.spec is spec  # type: ignore[attr-defined]
    labels = torch.stack([clip.labels for clip in clips])
    assert int(labels[labels != 255].max()) < max(2, spec.classes)
    same, moved = (spec.open("train", size=32, length=5, seed=seed)[0].frames for seed in (1, 2))
    assert torch.equal(clips[0].frames, same) and not torch.equal(same, moved)
    tests = [spec.open("test", size=32, seed=seed, seconds=1, turns=True)[0] for seed in (1, 2)]
    assert torch.equal(tests[0].frames, tests[1].frames), "the seed and the seconds are of training scenes"
    assert len(tests[0].labels) == len(spec.open("test", size=32)[0].labels)
    unseen, seen = (spec.open(split, size=32)[0].frames for split in ("test", "test-seen"))
    assert not torch.equal(unseen, seen)
    assert find_data("mini/ms3").open("train", size=32, seconds=3, length=1)[0].labels.shape[0] == 3


def test_benchmarks_are_opened_by_their_readers(folders: dict[str, Path]) -> None:
    kinds = {"avsbench/s4": AVSBenchObject, "avsbench/ms3": AVSBenchObject, "avss": AVSBenchSemantic}
    for name, folder in folders.items():
        spec = find_data(name)
        clips = spec.open("train", folder=str(folder), size=16)
        assert isinstance(clips, kinds.get(name, VPO)) and clips.spec is spec  # type: ignore[attr-defined]
        assert clips[0].labels.shape[1:] == (16, 16)
        assert getattr(clips, "subset", spec.task) == spec.task
    assert folders.keys() == {name for name in KNOWN if not KNOWN[name][2]}


def test_how_much_sound_there_is_around_a_still(folders: dict[str, Path]) -> None:
    spec, folder = find_data("vpo-ms"), folders["vpo-ms"]
    own, asked = spec.open("train", folder=folder), spec.open("train", folder=folder, sound_seconds=1.0)
    assert own[0].waveform.shape == (2, 3 * 16000), "its own three seconds"
    assert asked[0].waveform.shape == (2, 16000)


def test_pictures_as_they_are(folders: dict[str, Path]) -> None:
    for name, size in (("avsbench/ms3", (32, 48)), ("avss", (36, 64)), ("vpo-ss", (32, 48))):
        clip = find_data(name).open("train", folder=folders[name], size=None)[0]
        assert tuple(clip.labels.shape[1:]) == size


def test_what_is_missing_or_too_much_is_told(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown data 'mini'; choose one of: mini/ms3, .*, vpo-msmi"):
        find_data("mini")
    with pytest.raises(
        UserError, match="avss is not part of avslib: give the folder of the release with --data-dir"
    ):
        find_data("avss").open("train")
    with pytest.raises(
        UserError, match="mini/s4 needs no folder; real data are avsbench/s4, avsbench/ms3, avss"
    ):
        find_data("mini/s4").open("train", folder=tmp_path)
    with pytest.raises(UserError, match="fold 2: vpo-ss comes with one split; folds are AVS-Mini's"):
        find_data("vpo-ss").open("train", folder=folders["vpo-ss"], fold=2)
    with pytest.raises(UserError, match="unknown split 'exam'"):
        find_data("mini/ms3").open("exam")


def test_data_of_ones_own() -> None:
    wanted: list[Wanted] = []

    def read(asked: Wanted) -> MiniScenes:
        wanted.append(asked)
        return MiniScenes(size=32, length=1)

    own: DataSpec = replace(find_data("mini/ms3"), name="own", read=read, sound_seconds=2.0)
    assert find_data("own", {"own": own}) is own
    own.open("val", size=48, fold=3)
    assert wanted == [Wanted("val", size=48, fold=3, sound_seconds=2.0)]
    with pytest.raises(UserError, match="unknown data 'own'"):
        find_data("own")
