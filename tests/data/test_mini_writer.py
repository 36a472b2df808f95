"""AVS-Mini on disk is what it is in memory, under the names of the real releases."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from avslib.cli.main import main
from avslib.data import MiniScenes
from avslib.data.mini import CORE_CLASSES
from avslib.data.mini.files import VPO_NAME
from avslib.data.mini.writer import LAYOUTS, write_mini
from avslib.data.readers.avsbench_object import AVSBenchObject
from avslib.data.readers.avsbench_semantic import AVSBenchSemantic
from avslib.data.readers.layouts import COCO_ID
from avslib.data.readers.palette import palette
from avslib.data.readers.vpo import VPO
from avslib.errors import UserError
from avslib.types import Clip

SIZE, CLIPS = 48, 20
SIXTEEN_BITS = 2**-16 + 1e-7
JPG_MEAN, JPG_WORST = 3.5, 40
"""Levels of 255 that a pixel of a jpg may be off, on average and at most; measured: 2.8 and 25."""
SPLITS = [("avsbench", s, p) for s in LAYOUTS["avsbench"] for p in ("train", "val", "test")] + [
    ("vpo", s, p) for s in LAYOUTS["vpo"] for p in ("train", "test")
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """{layout: folder}, written when first asked for."""
    folders: dict[str, Path] = {}

    def folder(layout: str) -> Path:
        if layout not in folders:
            folders[layout] = tmp_path_factory.mktemp(layout) / "mini"
            count = write_mini(folders[layout], layout=layout, clips=CLIPS, size=SIZE, progress=False)
            assert count == 3 * CLIPS
        return folders[layout]

    return folder


def read(root: Path, subset: str, split: str) -> Dataset[Clip]:
    """With the readers of the real benchmarks."""
    if subset == "avss":
        return AVSBenchSemantic(root, split=split, size=None)
    if subset in LAYOUTS["avsbench"]:
        return AVSBenchObject(root, subset=subset, split=split, size=None)
    return VPO(root, subset=subset, split=split, size=None, seconds=1)


def index_of(clip: Clip, subset: str) -> int:
    """Number of the scene that a clip was written from: the end of its name, or of its image's."""
    if not subset.startswith("vpo"):
        return int(clip.identifier.rsplit("_", 1)[1])
    return int(clip.identifier.split("/")[-1].split("_")[0][-6:])


@pytest.mark.parametrize(("layout", "subset", "split"), SPLITS)
def test_what_is_read_is_what_was_composed(
    layout: str, subset: str, split: str, written: Callable[[str], Path]
) -> None:
    """Labels and flags are equal, pictures too where they are png; 16 bits round the sound."""
    clips = read(written(layout), subset, split)
    scenes = MiniScenes(subset, split=split, size=SIZE, length=1000)
    share = {"avsbench": {"train": 14, "val": 2, "test": 4}, "vpo": {"train": 16, "test": 4}}
    assert len(clips) == share[layout][split]  # type: ignore[arg-type]
    for number in range(len(clips)):  # type: ignore[arg-type]
        clip = clips[number]
        index = index_of(clip, subset)
        scene, memory = scenes.scene(index), scenes[index]
        labels = memory.labels
        if layout == "vpo":
            known = [0, *(1 + list(COCO_ID).index(n) if n in COCO_ID else -1 for n in VPO_CLASSES)]
            labels = torch.tensor(known)[labels]
        elif subset == "avss":
            numbers = torch.arange(256)
            numbers[1:9] = torch.tensor([1 + clips.classes.index(name) for name in CORE_CLASSES])
            labels, first = numbers[labels], torch.arange(10) == 0
            marked = (
                first if clip.identifier.startswith("v1s") else memory.annotated
            )  # the reader's, in every split
            memory = replace(memory, annotated=marked)
        if layout == "avsbench":
            assert clip.identifier == memory.identifier
        assert torch.equal(clip.labels, labels)
        assert torch.equal(clip.annotated, memory.annotated) and torch.equal(clip.valid, memory.valid)
        sources = len(scene.sources) + len(scene.off_screen) if layout == "vpo" else 1
        assert clip.waveform.shape == memory.waveform.shape and clip.sample_rate == memory.sample_rate
        assert (clip.waveform - memory.waveform).abs().max() < max(1, sources) * SIXTEEN_BITS
        off = (clip.frames[clip.valid].int() - memory.frames.int()).abs()
        if subset in ("s4", "ms3"):
            assert not off.any()
        assert off.float().mean() < JPG_MEAN and off.max() < JPG_WORST


VPO_CLASSES = [VPO_NAME.get(name, name) for name in CORE_CLASSES]


def test_the_names_are_those_of_the_releases(written: Callable[[str], Path]) -> None:
    """Written out here once more, so that a slip in `layouts` cannot hide on both sides."""
    root = written("avsbench")
    name, _, category, split = rows(root / "Single-source/s4_meta_data.csv")[
        1
    ]  # by position, as the authors do
    data = root / "Single-source/s4_data"
    assert [p.name for p in sorted((data / f"visual_frames/{split}/{category}/{name}").iterdir())] == [
        f"{name}_{k}.png" for k in range(1, 6)
    ]
    assert [p.name for p in (data / f"gt_masks/{split}/{category}/{name}").iterdir()] == [f"{name}_1.png"]
    assert (data / f"audio_log_mel/{split}/{category}/{name}.pkl").is_file()
    assert (data / f"audio_wav/{split}/{category}/{name}.wav").is_file()

    name, split = rows(root / "Multi-sources/ms3_meta_data.csv")[1]
    data = root / "Multi-sources/ms3_data"
    assert {p.name for p in (data / f"visual_frames/{name}").iterdir()} == {
        f"{name}.mp4_{k}.png" for k in range(1, 6)
    }
    assert {p.name for p in (data / f"gt_masks/{split}/{name}").iterdir()} == {
        f"{name}_{k}.png" for k in range(1, 6)
    }
    assert (data / f"audio_log_mel/{split}/{name}.pkl").is_file()

    heading, *lines = rows(root / "metadata.csv")
    seen = set()
    for row in (dict(zip(heading, line)) for line in lines):
        clip, seconds = root / row["label"] / row["uid"], 10 if row["label"] == "v2" else 5
        masks = 1 if (row["label"], row["split"]) == ("v1s", "train") else seconds
        assert {p.name for p in (clip / "frames").iterdir()} == {f"{k}.jpg" for k in range(seconds)}
        assert {p.name for p in (clip / "labels_rgb").iterdir()} == {f"{k}.png" for k in range(masks)}
        assert (clip / "audio.wav").is_file()
        seen.add(row["label"])
    assert seen == {"v1s", "v1m", "v2"}


def rows(path: Path) -> list[list[str]]:
    """The lines of a csv file, its head first."""
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.reader(handle))


def test_the_names_of_vpo(written: Callable[[str], Path]) -> None:
    root = written("vpo")
    sounds = root / "vggsound_bench/VGGSound/audios"
    for subset in ("SS", "MS", "MSMI"):
        heading, *lines = rows(root / f"VPO/VPO-{subset}/vpo_{subset.lower()}_data_stereo.csv")
        assert ("multi_instance" in heading) == (subset == "MSMI")
        folders = set()
        for row in (dict(zip(heading, line)) for line in lines):
            image, mask = f"{int(row['img_Id']):012d}", f"{int(row['img_Id']):012d}"
            if subset == "SS":
                image, mask = (
                    f"{row['cateName']}/{image}",
                    f"{row['cateName']}/{mask}_{int(row['ann_Ids']):012d}",
                )
            folder = root / "VPO" / ("VPO-MS" if row.get("multi_instance") == "0" else f"VPO-{subset}")
            assert (folder / f"data/{image}.jpg").is_file() and (sounds / f"{row['vgg_file']}.wav").is_file()
            values = set(np.unique(np.asarray(Image.open(folder / f"mask/{mask}.png"))).tolist()) - {0}
            assert int(row["cateId"]) in values or row["cateName"] == "off screen"
            assert values <= {5, 16, 17, 18, 21, 92, 93}
            folders.add(folder.name)
        assert folders == ({"VPO-MS", "VPO-MSMI"} if subset == "MSMI" else {f"VPO-{subset}"})


def test_masks_are_stored_as_the_public_loaders_expect(written: Callable[[str], Path]) -> None:
    root = written("avsbench")
    for path in root.glob("*/*/gt_masks/**/*.png"):
        mask = Image.open(path)
        assert mask.mode == "L" and set(np.unique(np.asarray(mask)).tolist()) <= {0, 255}
    colours = {tuple(c) for path in root.glob("v*/*/labels_rgb/*.png") for c in np.unique(np.asarray(Image.open(path)).reshape(-1, 3), axis=0).tolist()}  # fmt: skip
    names = json.loads((root / "label2idx.json").read_text(encoding="utf-8"))
    shown = {tuple(palette(71)[names[name]].tolist()) for name in ("background", *CORE_CLASSES)}
    assert colours <= shown and len(colours) > 5 and (128, 128, 128) in shown


def test_the_pickled_log_mel_is_that_of_the_sound(written: Callable[[str], Path]) -> None:
    for subset in ("s4", "ms3"):
        clips = AVSBenchObject(written("avsbench"), subset=subset, split="test")
        for index in range(len(clips)):
            pickled, computed = (clips.log_mel(index, source=source) for source in ("pickle", "wav"))
            assert pickled.shape == (5, 1, 96, 64) and torch.allclose(pickled, computed, atol=1e-4)


def state(folder: Path) -> dict[str, tuple[str, int]]:
    """{file: (checksum, time of writing)}."""
    files = (p for p in folder.rglob("*") if p.is_file())
    return {
        str(p.relative_to(folder)): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns)
        for p in files
    }


def write_small(folder: Path, **options: object) -> int:
    arguments = {"layout": "avsbench", "subsets": ("s4",), "clips": 10, "size": 32, "progress": False}
    return write_mini(folder, **{**arguments, **options})  # type: ignore[arg-type]


def test_an_interrupted_writer_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_small(tmp_path / "whole")
    replace, left = os.replace, 40

    def stop(*arguments: Path) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        replace(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", stop)
        write_small(tmp_path / "broken")
    before = state(tmp_path / "broken")
    write_small(tmp_path / "broken")
    after = state(tmp_path / "broken")
    whole = state(tmp_path / "whole")
    assert after.keys() == whole.keys()  # a pickle of one tensor is not always the same bytes
    assert all(after[name][0] == whole[name][0] for name in whole if not name.endswith(".pkl"))
    kept = [name for name in before if not name.endswith(".part")]
    assert len(kept) == 40 and all(after[name] == before[name] for name in kept)

    victim = next((tmp_path / "broken").rglob("*_3.png"))
    victim.unlink()
    write_small(tmp_path / "broken")
    again = state(tmp_path / "broken")
    changed = {name for name in again if again[name] != after[name]}
    tables = {"Single-source/s4_meta_data.csv", "README.md"}
    assert changed - tables == {str(victim.relative_to(tmp_path / "broken"))}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"layout": "coco"}, "unknown layout 'coco'; choose one of avsbench, vpo"),
        ({"subsets": ("vpo-ss",)}, "layout avsbench has no subset 'vpo-ss'; choose of s4, ms3, avss"),
        ({"clips": 3}, "3 clips are too few"),
        ({"size": 8}, "size 8"),
        ({"fold": 7}, "unknown fold 7"),
        ({"family": "GFDL"}, "unknown licence family"),
    ],
)
def test_a_wrong_order_is_told_before_anything_is_written(
    options: dict[str, object], told: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=told) as caught:
        write_small(tmp_path / "new", **options)
    assert "\n" not in str(caught.value) and not (tmp_path / "new").exists()


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="is not empty and not AVS-Mini; give a new folder"):
        write_small(tmp_path)
    with pytest.raises(UserError, match="is not empty and not AVS-Mini"):
        write_small(tmp_path / "holiday.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["holiday.txt"]


def test_another_order_does_not_mix_in(tmp_path: Path) -> None:
    write_small(tmp_path / "mini")
    before = state(tmp_path / "mini")
    for options in ({"seed": 1}, {"size": 64}, {"clips": 20}, {"subsets": ("ms3",)}):
        with pytest.raises(UserError, match="was written with other options"):
            write_small(tmp_path / "mini", **options)
    (tmp_path / "mini/avs-mini.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="cannot be read"):
        write_small(tmp_path / "mini")
    before.pop("avs-mini.json")
    assert {k: v for k, v in state(tmp_path / "mini").items() if k != "avs-mini.json"} == before


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\); make room"):
        write_small(tmp_path / "mini")


def test_published_scenes_are_of_one_family(tmp_path: Path) -> None:
    write_small(tmp_path / "gpl", family="GPL")
    text = (tmp_path / "gpl/README.md").read_text(encoding="utf-8")
    assert "under GPL-3.0" in text and "CC-BY-SA-3.0\n" not in text
    scenes = MiniScenes("s4", split="test", size=32, family="GPL", length=5)
    clip = AVSBenchObject(tmp_path / "gpl", subset="s4", split="test", size=None)[0]
    assert torch.equal(clip.labels, scenes[0].labels) and clip.identifier == scenes[0].identifier

    write_small(tmp_path / "cc", layout="vpo", subsets=("vpo-ms",), family="CC-BY-SA", fold=2)
    text = (tmp_path / "cc/README.md").read_text(encoding="utf-8")
    assert "CC BY-SA 4.0" in text and "GPL-2+\n" not in text and "Wildfire Games" in text


def test_the_command_shows_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--layout", "vpo", "--subset", "vpo-ss", "--clips", "10", "--size", "32"]
    monkeypatch.setattr(sys, "argv", ["avslib", "mini", "write", *options, str(tmp_path / "mini")])
    main()
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'mini'}: 10 clips in the layout of vpo\n"
    assert "vpo-ss test" in told.err and "10/10" in told.err
    monkeypatch.setattr(sys, "argv", ["avslib", "mini", "write"])
    with pytest.raises(SystemExit):
        main()
    assert "name the folder to write into" in capsys.readouterr().err
