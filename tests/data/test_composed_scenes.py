"""What every composed scene owes: the same again, silent objects, labels that its sound bears out."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from avslib.data import SOUNDS, MiniScenes, Scene
from avslib.data.mini import CORE_CLASSES
from avslib.data.mini.pack import SAMPLE_RATE
from avslib.errors import UserError

WINDOW = int(0.96 * SAMPLE_RATE)
COUNT = 60
FINGERPRINT = """
import hashlib
from avslib.data import MiniScenes
scenes = MiniScenes("vpo-ms", split="val", fold=2, size=64)
[scenes.scene(i) for i in range({warm})]
clip = scenes[7]
print(hashlib.sha256(clip.frames.numpy().tobytes() + clip.waveform.numpy().tobytes() + clip.labels.numpy().tobytes()).hexdigest())
"""


def many(subset: str = "ms3", split: str = "test", **arguments: object) -> list[Scene]:
    scenes = MiniScenes(subset, split=split, **{"size": 64, "length": COUNT, **arguments})  # type: ignore[arg-type]
    return [scenes.scene(i) for i in range(COUNT)]


def equal(a: Scene, b: Scene) -> bool:
    return (
        bool((a.picture == b.picture).all())
        and torch.equal(a.waveform(), b.waveform())
        and a.files == b.files
    )


def test_a_scene_is_the_same_in_every_process() -> None:
    """Whatever was composed before, and however sets happen to be ordered."""
    prints = set()
    for seed, warm in (("1", 0), ("2", 3)):
        command = [sys.executable, "-c", FINGERPRINT.format(warm=warm)]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
        prints.add(subprocess.run(command, capture_output=True, check=True, env=environment).stdout)
    assert len(prints) == 1


def test_a_scene_depends_on_its_address_alone() -> None:
    first = MiniScenes(split="test", length=10).scene(3)
    assert equal(first, MiniScenes(split="test", length=500).scene(3))
    others = [{"split": "train"}, {"fold": 1}, {"seed": 1}, {"instances": "seen"}, {"subset": "vpo-ms"}]
    for other in others:
        assert not equal(first, MiniScenes(**{"split": "test", "length": 10, **other}).scene(3))  # type: ignore[arg-type]
    scenes = MiniScenes(length=2)
    assert len(scenes) == 2 and len(list(scenes)) == 2


@pytest.mark.parametrize("subset", ["ms3", "vpo-ms"])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_who_is_in_the_picture(subset: str, split: str) -> None:
    for scene in many(subset, split):
        names = [o.name for o in scene.objects]
        assert 2 <= len(names) <= 3 and len(set(names)) == len(names)
        assert len(scene.sources) <= 2 and all(s.name in CORE_CLASSES for s in scene.sources)
        silent = [o.name for o in scene.objects if not o.sounding.any()]
        assert set(silent) & set(CORE_CLASSES), "nothing silent that could sound"
        assert all(o.mask.sum() > 20 for o in scene.objects), "an object is hidden"
        assert sum(o.mask.astype(int) for o in scene.objects).max() == 1, "masks overlap"
        heard = {o.recording.name for o in scene.off_screen if o.recording.kind == "sound"}
        assert not heard & set(names), "heard from off screen, but in the picture"
        for o in scene.objects:
            assert o.cutout.name == o.name and (o.recording is None or o.recording.name == o.name)


def test_scenes_are_varied() -> None:
    scenes = many(size=32)
    counts = {len(scene.sources) for scene in scenes}
    assert counts == {0, 1, 2}
    sounding = np.array(
        [
            [o.sounding for o in s.sources] and np.any([o.sounding for o in s.sources], 0)
            for s in scenes
            if s.sources
        ]
    )
    assert 0.5 < sounding.mean() < 0.95  # some seconds are silent
    off = [s for s in scenes if any(o.recording.kind == "sound" for o in s.off_screen)]
    alone = [(s.class_sounding.any(1) & ~(s.labels > 0).any((1, 2))).any() for s in off]
    assert any(alone)  # and in some only what is off screen is heard


@pytest.mark.parametrize("subset", ["ms3", "vpo-ms"])
def test_labels_are_the_visible_sounding_objects(subset: str) -> None:
    for scene in many(subset):
        expected = np.zeros_like(scene.labels)
        for o in scene.objects:
            for second in np.flatnonzero(o.sounding):
                expected[second][o.mask] = 1 if subset == "ms3" else 1 + CORE_CLASSES.index(o.name)
        assert (scene.labels == expected).all()
        assert scene.labels.shape == (5 if subset == "ms3" else 1, 64, 64)


@pytest.mark.parametrize("seconds", [1, 3, 5, 10])
@pytest.mark.parametrize("length", [WINDOW, SAMPLE_RATE])
def test_a_second_is_heard_as_it_is_labelled(seconds: int, length: int) -> None:
    """Under VGGish's windows of 0.96 s as under whole seconds."""
    checked = 0
    for scene in many(seconds=seconds, size=32):
        for source in scene.sources:
            alone = replace(scene, objects=(source,), off_screen=())
            heard = alone.waveform().sum(dim=0)
            for second in range(seconds):
                part = heard[second * length : (second + 1) * length]
                loud = bool(20 * torch.log10(part.square().mean().sqrt() + 1e-9) > -20 - 3 - 10 - 3)
                assert loud == bool(source.sounding[second]), (scene.identifier, second)
                assert loud or not part.any()
                checked += 1
    assert checked > COUNT * seconds // 2


def test_class_sounding_counts_what_is_off_screen() -> None:
    for scene in many(size=32):
        expected = np.zeros((5, 8), bool)
        for sounding, name in [(s.sounding, s.name) for s in scene.sources] + [
            (o.sounding, o.recording.name) for o in scene.off_screen if o.recording.kind == "sound"
        ]:
            expected[sounding, CORE_CLASSES.index(name)] = True
        assert (scene.class_sounding == expected).all()


def test_stereo_follows_the_object() -> None:
    scene = next(s for s in many("vpo-ms") if len(s.sources) == 1 and not s.off_screen)
    source = scene.sources[0]
    columns = np.nonzero(source.mask)[1] + 0.5
    assert source.position == pytest.approx(columns.mean() / 64)
    left, right = scene.waveform().square().sum(dim=1).sqrt().tolist()
    assert right / (left + right) == pytest.approx(source.position, abs=1e-3)


def test_every_variant_changes_the_sound_alone() -> None:
    scenes = [s for s in many() if s.sources]
    for scene in scenes:
        right = scene.clip()
        clips = {sound: scene.clip(sound) for sound in SOUNDS}
        for clip in clips.values():
            assert torch.equal(clip.frames, right.frames) and torch.equal(clip.labels, right.labels)
            assert clip.waveform.shape == (2, 5 * SAMPLE_RATE) and clip.waveform.dtype == torch.float32
            assert clip.waveform.abs().max() <= 1 and clip.frames.dtype == torch.uint8
        assert not clips["silence"].waveform.any()
        assert torch.equal(clips["mirrored"].waveform, right.waveform.flip(0))
        for sound in ("noise", "absent", "visible"):
            assert not torch.equal(clips[sound].waveform, right.waveform)


def test_the_stand_ins_are_what_they_are_called() -> None:
    for split in ("val", "test"):
        for scene in many(split=split, size=32):
            names = {o.name for o in scene.objects}
            silent = {o.name for o in scene.objects if not o.sounding.any()}
            assert {i.name for i in scene.stand_ins["absent"]} and {
                i.name for i in scene.stand_ins["visible"]
            }
            assert not {i.name for i in scene.stand_ins["absent"]} & names
            assert {i.name for i in scene.stand_ins["visible"]} <= silent


def test_a_stand_in_sounds_when_the_right_one_does() -> None:
    for scene in (s for s in many(size=32) if s.sources and not s.off_screen):
        right = scene.waveform().abs().sum(0).reshape(5, -1).any(1)
        assert torch.equal(scene.waveform("visible").abs().sum(0).reshape(5, -1).any(1), right)


def test_an_unknown_or_impossible_sound_is_told() -> None:
    scene = next(s for s in many() if s.sources)
    with pytest.raises(UserError, match="unknown sound 'loud'"):
        scene.waveform("loud")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="has no absent class"):
        replace(scene, stand_ins={"absent": (), "visible": ()}).waveform("absent")


def test_test_scenes_hold_no_file_of_training_scenes() -> None:
    files = {
        split: {i for s in many(split=split, size=32) for i in s.files} for split in ("train", "val", "test")
    }
    assert (
        not files["train"] & files["test"]
        and not files["train"] & files["val"]
        and not files["val"] & files["test"]
    )


@pytest.mark.parametrize(
    ("family", "licence"), [("GPL", "GPL-3.0 (GPL)"), ("CC-BY-SA", "CC BY-SA 4.0 (CC-BY-SA)")]
)
def test_a_published_scene_is_under_one_licence(family: str, licence: str) -> None:
    for scene in many(family=family, fold=2, size=32):
        assert all(item.families & {"permissive", family} for item in scene.files)
        assert scene.licence in (licence, "CC BY 4.0 (permissive)")
        assert scene.licence in scene.caption and all(item.author in scene.caption for item in scene.files)


def test_a_mixed_scene_says_so() -> None:
    mixed = [s for s in many(size=32) if s.licence.startswith("mixed")]
    assert mixed
    for scene in mixed:
        for family in ("GPL", "CC-BY-SA"):
            assert not all(item.families & {"permissive", family} for item in scene.files)


def test_taking_turns_gives_one_picture_several_truths() -> None:
    scenes = many(split="train", seconds=3, turns=True)
    several = 0
    for scene in scenes:
        able = [o for o in scene.objects if o.name in scene.classes]
        heard = np.stack([o.sounding for o in able])  # objects, T
        assert len(able) > 1 and not any(o.sounding.any() for o in scene.objects if o not in able)
        assert (heard.sum(axis=0) <= 2).all()
        several += len({tuple(column) for column in heard.T}) > 1
        labels = scene.labels  # T H W
        for second in range(3):
            truth = np.any([o.mask & o.sounding[second] for o in able], axis=0)
            assert ((labels[second] > 0) == truth).all()
    assert several == len(scenes), "two seconds of every picture differ"
    plain = many(split="train", seconds=3)
    assert not any(all(o.sounding.any() for o in s.objects if o.name in s.classes) for s in plain)
