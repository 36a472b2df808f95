"""The written AVSBench-semantic has AVSBench's classes, so that the public loaders, which insist on 71, read it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from avslib.data import MiniScenes
from avslib.data.mini import CORE_CLASSES
from avslib.data.mini.writer import write_mini
from avslib.data.readers.avsbench_semantic import AVSBenchSemantic
from avslib.data.readers.layouts import SEMANTIC_NAMES
from avslib.errors import UserError


def write(folder: Path) -> int:
    return write_mini(folder, layout="avsbench", subsets=("avss",), clips=10, size=32, progress=False)


def numbers(root: Path) -> dict[str, int]:
    loaded: dict[str, int] = json.loads((root / "label2idx.json").read_text(encoding="utf-8"))
    return loaded


def test_the_names_are_avsbench_s_and_ours_stand_where_it_has_them(tmp_path: Path) -> None:
    write(tmp_path)
    names = numbers(tmp_path)
    assert len(names) == 71 and list(names.values()) == list(range(71))  # the public loaders assert 71
    assert {name: names[name] for name in ("background", "bird", "cat", "dog", "man", "train", "woman")} == {
        "background": 0, "bird": 7, "cat": 12, "dog": 17, "man": 41, "train": 60, "woman": 70,
    }  # fmt: skip
    assert set(SEMANTIC_NAMES) - set(names) == {"clock"}
    assert set(names) - set(SEMANTIC_NAMES) == {"cow"}  # AVSBench has none
    assert len(SEMANTIC_NAMES) == len(set(SEMANTIC_NAMES)) == 71
    assert list(SEMANTIC_NAMES[1:]) == sorted(SEMANTIC_NAMES[1:])


def test_a_loader_that_knows_71_colours_sees_what_we_read(tmp_path: Path) -> None:
    """By the rule of the public loaders: a colour for each of 71 names, found by comparison, else background."""
    write(tmp_path)
    colours = []
    for label in range(len(numbers(tmp_path))):
        colour, rest = [0, 0, 0], label
        for place in range(7, -1, -1):
            for channel in range(3):
                colour[channel] |= (rest >> channel & 1) << place
            rest >>= 3
        colours.append(colour)
    clips = AVSBenchSemantic(tmp_path, split="test", size=None)
    scenes = {clip.identifier: clip for clip in MiniScenes("avss", split="test", size=32, length=20)}
    shown = set()
    for index in range(len(clips)):
        clip = clips[index]
        for second, path in enumerate(clips.files(index).masks):
            pixels = np.asarray(Image.open(tmp_path / path).convert("RGB"))
            labels = (pixels[:, :, None] == np.array(colours)).all(-1).argmax(-1)
            assert (clip.labels[second].numpy() == labels).all()
        ours = torch.tensor([0, *(numbers(tmp_path)[name] for name in CORE_CLASSES)])
        assert torch.equal(clip.labels, ours[scenes[clip.identifier].labels])
        shown |= set(clip.labels.unique().tolist())
    assert len(shown) > 2 and clips.classes == tuple(numbers(tmp_path))[1:]


def test_what_systems_leave_behind_does_not_make_a_folder_foreign(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    (tmp_path / ".ipynb_checkpoints").mkdir()
    assert write(tmp_path) == 10


def test_masks_with_the_labels_of_an_earlier_version_are_not_added_to(tmp_path: Path) -> None:
    write(tmp_path)
    old = {name: k for k, name in enumerate(("background", *CORE_CLASSES))}
    (tmp_path / "label2idx.json").write_text(json.dumps(old, indent=2), encoding="utf-8")
    with pytest.raises(UserError, match=r"label2idx\.json: an earlier avslib wrote it with other labels"):
        write(tmp_path)
    (tmp_path / "label2idx.json").write_text("{", encoding="utf-8")
    assert write(tmp_path) == 10  # a damaged one is mended
