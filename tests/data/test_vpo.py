"""VPO: stills with sounds in their places, COCO ids through one table, mirrors with both channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import releases
import torch

from avslib.audio.files import read_audio
from avslib.data.loading.augment import mirror
from avslib.data.readers.layouts import COCO_ID
from avslib.data.readers.vpo import LABEL_OF_ID, VPO, middle
from avslib.errors import UserError
from avslib.types import IGNORE


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("vpo")
    releases.write_vpo(root)
    return root


@pytest.fixture
def own(tmp_path: Path) -> Path:
    releases.write_vpo(tmp_path / "data")
    return tmp_path / "data"


def wave(root: Path, name: str) -> torch.Tensor:
    """The three seconds in the middle of a recording."""
    return read_audio(root / f"vggsound_bench/VGGSound/audios/{name}.wav")[0][0, 56000:104000]


def test_the_labels_are_the_papers() -> None:
    """CAVP's config/class_list.py: 21 names in the order of the alphabet."""
    assert list(COCO_ID) == sorted(COCO_ID) and len(set(COCO_ID.values())) == 21
    assert LABEL_OF_ID[[5, 94, 16, 6, 3, 92, 24]].tolist() == [1, 2, 3, 4, 5, 14, 21]
    assert LABEL_OF_ID[[0, 255]].tolist() == [0, IGNORE]
    assert (LABEL_OF_ID >= 0).sum() == 23


def test_one_source(release: Path) -> None:
    clips = VPO(release, subset="vpo-ss", split="train", size=None)
    assert len(clips) == 1 and clips.classes[8] == "dog"
    clip = clips[0]
    assert clip.identifier == "dog/000000000007_000000000070"
    assert clip.frames.shape == (1, 3, 32, 48) and clip.annotated.tolist() == clip.valid.tolist() == [True]
    assert (clip.labels[0].numpy() == releases.half(9)).all()
    heard = wave(release, "dog_a")
    assert torch.equal(clip.waveform, torch.stack([0.75 * heard, 0.25 * heard]))


def test_rows_that_say_val_are_test_clips(release: Path) -> None:
    clips = VPO(release, subset="vpo-ss", split="test")
    assert [clip.identifier for clip in (clips[0],)] == ["cell phone/000000000008_000000000080"]
    with pytest.raises(UserError, match="train and test only"):
        VPO(release, split="val")


def test_sounds_of_one_picture_are_added_where_they_stand(release: Path) -> None:
    clip = VPO(release, subset="vpo-ms", split="train", size=None)[0]
    car, jet = wave(release, "car_b"), wave(release, "jet_c")
    assert torch.allclose(clip.waveform, torch.stack([0.75 * car, 0.25 * car + jet]), atol=1e-6)
    mono = VPO(release, subset="vpo-ms", split="train", sound="mono")[0].waveform
    assert torch.allclose(mono, (car + jet)[None], atol=1e-6)


def test_ids_become_labels_all_at_once(release: Path) -> None:
    """A car (3 -> 5) beside an airplane (5 -> 1) stays a car."""
    labels = VPO(release, subset="vpo-ms", split="train", size=None)[0].labels[0]
    assert (labels[:4] == 1).all() and (labels[-1] == IGNORE).all()
    assert (labels[4:-1, :24] == 5).all() and (labels[4:-1, 24:] == 0).all()


def test_msmi_takes_some_pictures_from_ms(release: Path) -> None:
    clips = VPO(release, subset="vpo-msmi", split="train", size=None)
    assert [clips.files(k).frames[0] for k in range(2)] == [
        "VPO/VPO-MS/data/000000000011.jpg", "VPO/VPO-MSMI/data/000000000012.jpg",
    ]  # fmt: skip
    assert len(clips) == 2 and len(clips.files(0).sounds) == 2
    assert clips[1].frames.shape == (1, 3, 32, 48)


@pytest.mark.parametrize("subset", ["vpo-ss", "vpo-ms", "vpo-msmi"])
def test_a_mirror_exchanges_the_channels_in_every_subset(release: Path, subset: str) -> None:
    clips = VPO(release, subset=subset, split="train", size=None, mirrored=True)
    half = len(clips) // 2
    clip, image = clips[0], clips[half]
    assert half == len(clips.stills) and image.identifier != clip.identifier
    assert torch.equal(image.frames, clip.frames.flip(-1)) and torch.equal(image.labels, clip.labels.flip(-1))
    still = clips.stills[0]
    from_the_other_side = torch.stack([
        torch.stack([wave(release, name) * position, wave(release, name) * (1 - position)])
        for name, position in zip(still.sounds, still.positions)
    ]).sum(0)  # fmt: skip
    assert torch.allclose(image.waveform, from_the_other_side, atol=1e-6)
    assert torch.equal(mirror(mirror(clip)).waveform, clip.waveform)
    with pytest.raises(IndexError):
        clips[2 * half]


def test_the_middle_is_cut_and_short_sound_repeated() -> None:
    assert middle(torch.arange(10), 4).tolist() == [3, 4, 5, 6]
    assert middle(torch.arange(3), 7).tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_stereo_recordings_at_another_rate_are_mixed_and_resampled(own: Path) -> None:
    releases.tone(own / "vggsound_bench/VGGSound/audios/dog_a.wav", 10, channels=2, hertz=200.0, rate=44100)
    clip = VPO(own, subset="vpo-ss", split="train", seconds=1.0)[0]
    assert clip.waveform.shape == (2, 16000) and clip.sample_rate == 16000
    assert clip.waveform[0].abs().max() == pytest.approx(0.375, rel=0.01)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("dog,18,7,70,../../../../etc/passwd,0.5,train", "vgg_file: .* is not a plain name"),
        ("..,18,7,70,dog_a,0.5,train", "cateName: .* is not a plain name"),
        ("dog,18,/7,70,dog_a,0.5,train", "img_Id: .* is not a plain name"),
        ("dog,18,7,../70,dog_a,0.5,train", "ann_Ids: .* is not a plain name"),
        ("dog,18,7,70,dog_a,1.5,train", "audio_pos '1.5'"),
        ("dog,18,7,70,dog_a,nan,train", "audio_pos 'nan'"),
        ("dog,18,7,70,dog_a,left,train", "audio_pos 'left'"),
        ("dog,18,7,70,nobody,0.5,train", r"nobody\.wav: missing"),
        ("dog,18,9,70,dog_a,0.5,train", r"000000000009\.jpg: missing"),
    ],
)
def test_a_table_that_lies_is_refused(own: Path, row: str, told: str) -> None:
    table = own / "VPO/VPO-SS/vpo_ss_data_stereo.csv"
    table.write_text(table.read_text(encoding="utf-8").splitlines()[0] + f"\n{row}\n", encoding="utf-8")
    with pytest.raises(UserError, match=told):
        VPO(own, subset="vpo-ss", split="train")


def test_ids_of_no_class_and_masks_in_colour_are_named(own: Path) -> None:
    clips = VPO(own, subset="vpo-ss", split="train")
    mask = own / "VPO/VPO-SS/mask/dog/000000000007_000000000070.png"
    releases.save(mask, releases.half(1))
    with pytest.raises(UserError, match="pixels of value 1, which is no class"):
        clips[0]
    releases.save(mask, np.repeat(releases.half(18)[..., None], 3, 2))
    with pytest.raises(UserError, match="has 3 channels where a mask has one"):
        clips[0]


def test_columns_that_are_missing_are_named(own: Path) -> None:
    (own / "VPO/VPO-SS/vpo_ss_data_stereo.csv").write_text(
        "cateName,img_Id,split\ndog,7,train\n", encoding="utf-8"
    )
    with pytest.raises(UserError, match="no column cateId, ann_Ids, vgg_file, audio_pos"):
        VPO(own, subset="vpo-ss")
