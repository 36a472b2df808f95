"""The six subsets: what each mirrors, and that the two oldest are still what recorded runs were scored on."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest
import torch

from avslib.data import MiniScenes, Scene
from avslib.data.mini.pack import CORE_CLASSES, SAMPLE_RATE
from avslib.data.mini.subsets import SUBSETS
from avslib.types import IGNORE

SAME = {
    ("ms3", "train", 0): "df1416f337a02b1a",
    ("ms3", "test", 2): "19210961608b9982",
    ("vpo-ms", "train", 1): "f336930efe00b2de",
    ("vpo-ms", "val", 3): "4bdace2e4f94b4e1",
}


def fingerprint(subset: str, split: str, fold: int) -> str:
    """Of picture, labels and waveform of three scenes."""
    scenes, digest = MiniScenes(subset, split=split, fold=fold, size=64), hashlib.sha256()
    for index in (0, 7, 411):
        clip = scenes[index]
        rounded = (clip.waveform * 2**15).round().int()  # a last bit of a float may differ between machines
        for tensor in (clip.frames, clip.labels, rounded):
            digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()[:16]


@pytest.mark.parametrize(("subset", "split", "fold"), SAME)
def test_recorded_runs_rest_on_these_scenes(subset: str, split: str, fold: int) -> None:
    """If this fails, composing has changed: records in results/ are of other scenes and must be run again."""
    assert fingerprint(subset, split, fold) == SAME[subset, split, fold]


COUNT = 80


def many(subset: str, split: str = "test", **arguments: object) -> list[Scene]:
    scenes = MiniScenes(subset, split=split, **{"size": 48, "length": COUNT, **arguments})  # type: ignore[arg-type]
    return [scenes.scene(i) for i in range(COUNT)]


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_every_scene_holds_a_silent_object_that_could_sound(subset: str, split: str) -> None:
    for scene in many(subset, split):
        silent = [o for o in scene.objects if not o.sounding.any() and o.name in CORE_CLASSES]
        assert silent and all((o.recording is None) == (not o.sounding.any()) for o in scene.objects)
        assert not {i.name for i in scene.stand_ins["visible"]} & {s.name for s in scene.sources}
        assert scene.labels.shape == (MiniScenes(subset).seconds, 48, 48)


@pytest.mark.parametrize("subset", ["s4", "vpo-ss"])
def test_a_single_source_is_one_and_always_there(subset: str) -> None:
    assert all(len(scene.sources) == 1 for scene in many(subset))


def test_s4_trains_on_its_first_second() -> None:
    for split, known in (("train", [True] + 4 * [False]), ("val", 5 * [True]), ("test", 5 * [True])):
        for scene in many("s4", split):
            clip = scene.clip()
            assert clip.annotated.tolist() == known and clip.valid.all()
            assert ((clip.labels == IGNORE).all((1, 2)) == ~clip.annotated).all()
            assert (clip.labels[clip.annotated].numpy() == scene.labels[clip.annotated.numpy()]).all()
    assert any(not s.sources[0].sounding.all() for s in many("s4"))  # now and then it starts or stops


def test_avss_mixes_three_kinds_of_clip() -> None:
    scenes = MiniScenes("avss", split="train", size=32, length=300)
    names = [scenes.part(i).subset.name for i in range(300)]
    assert [0.3 < names.count("v1s") / 300 < 0.5, names.count("v1m") > 15, names.count("v2") > 120] == [
        True
    ] * 3
    for i in range(60):
        clip, scene = scenes[i], scenes.scene(i)
        real = 10 if names[i] == "v2" else 5
        assert clip.labels.shape == (10, 32, 32) and clip.identifier.startswith(f"{names[i]}_")
        assert clip.valid.tolist() == [True] * real + [False] * (10 - real)
        assert clip.annotated.sum() == (1 if names[i] == "v1s" else real) and clip.annotated[0]
        assert not clip.labels[real:].any() and not clip.waveform[:, real * SAMPLE_RATE :].any()
        assert not scene.waveform("noise")[:, real * SAMPLE_RATE :].any()
        assert names[i] != "v1s" or len(scene.sources) == 1
    values = {int(v) for i in range(60) for v in scenes[i].labels.unique()}
    assert values <= {*range(9), IGNORE} and len(values) > 7


def test_avss_is_annotated_wherever_it_is_tested() -> None:
    for scene in many("avss"):
        clip = scene.clip()
        assert torch.equal(clip.annotated, clip.valid) and not (clip.labels == IGNORE).any()


def test_shorter_avss_clips_keep_pace() -> None:
    scenes = MiniScenes("avss", seconds=4, size=32, length=30)
    assert {(len(c.valid), int(c.valid.sum())) for c in scenes} == {(4, 2), (4, 4)}
    assert {int(MiniScenes("avss", seconds=1, size=32)[i].valid.sum()) for i in range(9)} == {1}


def test_nothing_comes_from_off_screen_in_vpo_ss() -> None:
    assert not any(scene.off_screen for scene in many("vpo-ss"))
    assert any(scene.off_screen for scene in many("vpo-ms"))


@pytest.mark.parametrize("split", ["train", "test"])
def test_two_of_one_class_and_only_stereo_tells_which(split: str) -> None:
    scenes = many("vpo-msmi", split)
    twins = [s for s in scenes if len({o.name for o in s.objects}) < len(s.objects)]
    assert 0.4 < len(twins) / COUNT < 0.9
    sounding = Counter()
    for scene in twins:
        (name, count), *_ = Counter(o.name for o in scene.objects).most_common()
        pair = [o for o in scene.objects if o.name == name]
        assert count == 2 and any(o.sounding.any() for o in pair)
        sounding[sum(bool(o.sounding.any()) for o in pair)] += 1
        for o in pair:
            labelled = (scene.labels[0][o.mask] > 0).all()
            assert labelled == bool(o.sounding.any()) and len(np.unique(scene.labels[0][o.mask])) == 1
    assert sounding[1] > 8 and sounding[2] > 8
    assert all(len({o.name for o in s.objects}) == len(s.objects) for s in many("vpo-ms", split))


@pytest.mark.parametrize("subset", SUBSETS)
def test_every_subset_can_be_published(subset: str) -> None:
    for scene in many(subset, family="CC-BY-SA", fold=2, size=32)[:10]:
        assert "CC BY" in scene.licence
