"""What is said of a clip without reading it is what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import releases
import toy

from avslib.data import VPO, AVSBenchObject, AVSBenchSemantic, MiniScenes
from avslib.data.listing import ClipEntry, listing, part_of
from avslib.data.mini.subsets import SUBSETS
from avslib.types import Clips


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("releases")
    releases.write_object(folder / "object")
    releases.write_semantic(folder / "semantic")
    releases.write_vpo(folder / "vpo")
    return folder


def agree(clips: Clips, parts: list[str]) -> None:
    """Every entry with its clip."""
    entries = listing(clips)
    assert len(entries) == len(clips)
    for index, entry in enumerate(entries):
        clip = clips[index]
        assert entry == clips.entry(index)  # type: ignore[attr-defined]
        assert (entry.identifier, entry.seconds) == (clip.identifier, int(clip.valid.sum()))
    assert [entry.part for entry in entries] == parts == part_of(clips, range(len(clips)))
    assert len({entry.identifier for entry in entries}) == len(entries), "names are unique"


@pytest.mark.parametrize(
    ("subset", "split", "count"),
    [("s4", "train", 2), ("s4", "test", 1), ("ms3", "train", 1), ("ms3", "val", 1), ("ms3", "test", 1)],
)
def test_avsbench_object(root: Path, subset: str, split: str, count: int) -> None:
    agree(AVSBenchObject(root / "object", subset=subset, split=split), [subset] * count)


def test_avsbench_semantic(root: Path) -> None:
    agree(AVSBenchSemantic(root / "semantic", split="train"), ["v1s", "v1m", "v2"])
    agree(AVSBenchSemantic(root / "semantic", split="test"), ["v2"])


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("subset", "count"), [("vpo-ss", 1), ("vpo-ms", 1), ("vpo-msmi", 2)])
def test_vpo(root: Path, subset: str, count: int, mirrored: bool) -> None:
    clips = VPO(root / "vpo", subset=subset, split="train", mirrored=mirrored)
    agree(clips, [subset] * (count * (1 + mirrored)))


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("seconds", [None, 3])
def test_composed_scenes(subset: str, split: str, seconds: int | None) -> None:
    clips = MiniScenes(subset, split=split, size=32, length=12, seconds=seconds)
    agree(clips, [clips.part(index).subset.name for index in range(12)])
    with pytest.raises(IndexError):
        clips.entry(12)


def test_clips_that_cannot_tell_are_read() -> None:
    assert listing(toy.ToyScenes(2, 0)) == [ClipEntry("toy0", 2), ClipEntry("toy1", 2)]
    assert part_of(toy.ToyScenes(2, 0), [1]) == [""]
