"""AVSBench-object is read as its authors' loaders read it, and nothing outside its folder is touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import releases
import torch
from PIL import Image

from avslib.data.readers.avsbench_object import AVSBenchObject
from avslib.data.readers.images import read_image
from avslib.errors import UserError
from avslib.types import IGNORE


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("object")
    releases.write_object(root)
    return root


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A release that the test may break."""
    releases.write_object(tmp_path / "data")
    return tmp_path / "data"


def table(root: Path, subset: str = "s4") -> Path:
    return root / ("Single-source" if subset == "s4" else "Multi-sources") / f"{subset}_meta_data.csv"


def test_training_clips_of_s4_know_their_first_second_alone(release: Path) -> None:
    clips = AVSBenchObject(release, subset="s4", split="train", size=None)
    assert len(clips) == 2
    clip = clips[1]
    assert clip.identifier == "bbb-2"
    assert clip.annotated.tolist() == [True, False, False, False, False] and clip.valid.all()
    assert clip.frames.shape == (5, 3, 32, 48) and clip.frames.dtype == torch.uint8
    assert (clip.frames[3].permute(1, 2, 0).numpy() == releases.picture(4)).all()
    assert clip.labels.dtype == torch.long
    assert (clip.labels[0].numpy() == releases.half(1)).all() and (clip.labels[1:] == IGNORE).all()
    assert clip.waveform.shape == (2, 5 * releases.RATE) and clip.sample_rate == releases.RATE


def test_test_clips_of_s4_know_all(release: Path) -> None:
    clip = AVSBenchObject(release, subset="s4", split="test", size=None)[0]
    assert clip.annotated.all()
    assert (clip.labels.numpy() == releases.half(1)).all()


def test_ms3_frames_carry_mp4_in_their_names(release: Path) -> None:
    clip = AVSBenchObject(release, subset="ms3", split="val", size=None)[0]
    assert clip.identifier == "eee2" and clip.annotated.all()
    assert (clip.frames[0].permute(1, 2, 0).numpy() == releases.picture(11)).all()
    assert [int(labels.max()) for labels in clip.labels] == [0, 0, 1, 1, 1]


def test_resizing_is_bilinear_for_frames_and_nearest_for_masks(release: Path) -> None:
    clip = AVSBenchObject(release, subset="ms3", split="test", size=20)[0]
    picture = Image.fromarray(releases.picture(11).astype(np.uint8))
    assert (clip.frames[0].permute(1, 2, 0).numpy() == np.array(picture.resize((20, 20), 2))).all()
    assert (clip.labels[4].numpy() == releases.half(1, 20, 20)).all()
    cropped = AVSBenchObject(release, subset="ms3", split="test", size=32, fit="crop")[0]
    assert (cropped.frames[0].permute(1, 2, 0).numpy() == releases.picture(11)[:, 8:40]).all()


@pytest.mark.parametrize("heading", ["id,begins,class,part\n", ""])
def test_a_table_without_the_names_is_read_by_position(own: Path, heading: str) -> None:
    rows = table(own).read_text(encoding="utf-8").split("\n", 1)[1]
    table(own).write_text(heading + rows, encoding="utf-8")
    assert [clip["name"] for clip in AVSBenchObject(own, subset="s4", split="train").rows] == [
        "aaa_1",
        "bbb-2",
    ]


def test_columns_are_found_by_name_in_any_order(own: Path) -> None:
    table(own).write_text("split,category,extra,name\ntrain,dog_barking,?,aaa_1\n", encoding="utf-8")
    assert AVSBenchObject(own, subset="s4", split="train")[0].identifier == "aaa_1"


def test_a_pickled_log_mel_is_that_of_the_wav(release: Path) -> None:
    clips = AVSBenchObject(release, subset="s4", split="train")
    stored, computed = clips.log_mel(0), clips.log_mel(0, source="wav")
    assert stored.shape == (5, 1, 96, 64) and not stored.requires_grad
    assert torch.equal(stored, computed)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("/etc,0,dog_barking,train", "not a plain name"),
        ("../../outside,0,dog_barking,train", "not a plain name"),
        ("aaa_1,0,../../../outside,train", "not a plain name"),
        ("..,0,dog_barking,train", "not a plain name"),
        ("C:\\x,0,dog_barking,train", "not a plain name"),
        ("nobody,0,dog_barking,train", "nobody: missing"),
        ("short,0", "line 2 has 2 of 4 columns"),
        ("aaa_1,0,dog_barking,training", "no row of split 'train'"),
    ],
)
def test_a_table_that_names_what_is_not_there_is_refused(own: Path, row: str, told: str) -> None:
    table(own).write_text(f"name,start_time,category,split\n{row}\n", encoding="utf-8")
    with pytest.raises(UserError, match=told) as error:
        AVSBenchObject(own, subset="s4", split="train")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("what", ["picture", "folder", "table", "part"])
def test_links_to_another_disk_are_followed(own: Path, tmp_path: Path, what: str) -> None:
    frames = own / "Multi-sources/ms3_data/visual_frames/fff3"
    path = {
        "picture": frames / "fff3.mp4_2.png", "folder": frames, "table": table(own, "ms3"), "part": own / "Multi-sources",
    }[what]  # fmt: skip
    before = AVSBenchObject(own, subset="ms3", split="test")[0]
    path.rename(tmp_path / "disk2")
    path.symlink_to(tmp_path / "disk2")
    (tmp_path / "link").symlink_to(own)
    for root in (own, tmp_path / "link"):
        clip = AVSBenchObject(root, subset="ms3", split="test")[0]
        assert torch.equal(clip.frames, before.frames) and torch.equal(clip.labels, before.labels)
    (tmp_path / "disk2").rename(tmp_path / "unmounted")
    with pytest.raises(UserError, match=r"missing|no such table"):
        AVSBenchObject(own, subset="ms3", split="test")[0]


def test_damaged_files_are_named(own: Path) -> None:
    clips = AVSBenchObject(own, subset="ms3", split="test", size=32)
    data = own / "Multi-sources/ms3_data"
    frame, mask = data / "visual_frames/fff3/fff3.mp4_2.png", data / "gt_masks/test/fff3/fff3_3.png"
    whole = frame.read_bytes()
    frame.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"fff3\.mp4_2\.png: cannot be read as a picture"):
        clips[0]
    frame.write_bytes(whole)
    releases.save(mask, releases.half(1))
    with pytest.raises(UserError, match=r"fff3_3\.png: its brightest pixel is 1 of 255"):
        clips[0]
    mask.unlink()
    with pytest.raises(UserError, match=r"fff3_3\.png: missing"):
        clips[0]


def test_only_the_formats_of_the_releases_are_opened(tmp_path: Path) -> None:
    """A GIF under a png's name is harmless; a PostScript file would be handed to another program."""
    Image.new("RGB", (8, 8)).save(tmp_path / "0.png", format="GIF")
    with pytest.raises(UserError, match=r"0\.png: cannot be read as a picture"):
        read_image(tmp_path / "0.png", size=None)


def test_a_clip_of_several_sizes_asks_for_one(own: Path) -> None:
    releases.save(
        own / "Multi-sources/ms3_data/visual_frames/fff3/fff3.mp4_2.png", releases.picture(1, 30, 30)
    )
    with pytest.raises(UserError, match="fff3: pictures of several sizes"):
        AVSBenchObject(own, subset="ms3", split="test", size=None)[0]
    assert AVSBenchObject(own, subset="ms3", split="test", size=16)[0].frames.shape[-1] == 16


def test_unknown_arguments_are_told(release: Path) -> None:
    for arguments, told in (
        ({"subset": "s5"}, r"unknown subset 's5' of AVSBench-object; choose .*s4.* ms3"),
        ({"split": "dev"}, "choose one of train, val, test"),
        ({"fit": "stretch"}, "choose squash or crop"),
    ):
        with pytest.raises(UserError, match=told):
            AVSBenchObject(release, **arguments)[0]  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no such folder"):
        AVSBenchObject(release / "nowhere")
    with pytest.raises(UserError, match="no such table"):
        AVSBenchObject(release / "Single-source")
