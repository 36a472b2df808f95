"""AVSBench-semantic: three parts of two lengths, classes in colours, and colours that are nobody's."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import releases
import torch

from avslib.audio.frontends import CavpLogMel, VGGishLogMel
from avslib.data import collate
from avslib.data.readers.avsbench_semantic import AVSBenchSemantic
from avslib.data.readers.palette import palette, to_colours, to_labels
from avslib.errors import UserError
from avslib.types import IGNORE


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("semantic")
    releases.write_semantic(root)
    return root


@pytest.fixture
def own(tmp_path: Path) -> Path:
    releases.write_semantic(tmp_path / "data")
    return tmp_path / "data"


def test_the_palette_is_the_published_one() -> None:
    """AVSBench's rule, bit by bit, and the first colours as anybody knows them from Pascal VOC."""
    for label, colour in enumerate(palette(71).tolist()):
        expected, bits, rank = [0, 0, 0], label, 7
        while bits:
            for channel in range(3):
                expected[channel] |= ((bits >> channel) & 1) << rank
            bits, rank = bits >> 3, rank - 1
        assert colour == expected
    assert palette(9).tolist() == [list(colour) for colour in releases.COLOURS]
    assert len({tuple(colour) for colour in palette(71).tolist()}) == 71


def test_colours_come_back_as_labels() -> None:
    labels = np.random.default_rng(0).integers(0, 71, (3, 20, 30))
    again, stray = to_labels(to_colours(labels))
    assert (again == labels).all() and stray == {}


@pytest.mark.parametrize(("unknown", "becomes"), [("background", 0), ("ignore", IGNORE)])
def test_stray_colours_are_counted_and_become_what_is_asked(unknown: str, becomes: int) -> None:
    rgb = to_colours(np.full((4, 4), 7))
    rgb[0, :3] = (1, 2, 3)
    rgb[3, 3] = (255, 255, 255)
    labels, stray = to_labels(rgb, unknown=unknown)  # type: ignore[arg-type]
    assert stray == {(1, 2, 3): 3, (255, 255, 255): 1}
    assert (labels == becomes).sum() == 4 and (labels == 7).sum() == 12


def test_a_colour_of_a_class_that_the_data_does_not_have_is_stray() -> None:
    assert to_labels(to_colours(np.full((1, 2), 30)), 9)[1] == {tuple(palette(71)[30].tolist()): 2}


def test_each_part_has_its_own_length_and_masks(release: Path) -> None:
    clips = AVSBenchSemantic(release, split="train", size=None)
    assert clips.classes == tuple(releases.CLASSES[1:]) and len(clips) == 3
    one, two, three = (clips[k] for k in range(3))
    for clip, valid, annotated in ((one, 5, 1), (two, 5, 5), (three, 10, 10)):
        assert clip.frames.shape == (10, 3, 36, 64) and clip.labels.shape == (10, 36, 64)
        assert clip.valid.sum() == valid and clip.valid[:valid].all()
        assert clip.annotated.sum() == annotated and clip.annotated[:annotated].all()
        assert clip.waveform.shape == (1, 10 * releases.RATE)
        assert (clip.labels[valid:] == 0).all() and (clip.labels[annotated:valid] == IGNORE).all()
        assert not clip.waveform[:, valid * releases.RATE :].any()
    assert (three.labels[8].numpy() == releases.half(8, 36, 64)).all()
    assert (two.frames[5:] == torch.tensor([124, 116, 104], dtype=torch.uint8)[:, None, None]).all()


def test_test_clips_know_every_second(own: Path) -> None:
    rows = (
        (own / "metadata.csv")
        .read_text(encoding="utf-8")
        .replace("one_0,0,0,bird,train", "one_0,0,0,bird,test")
    )
    (own / "metadata.csv").write_text(rows, encoding="utf-8")
    for k in range(5):
        releases.save(own / f"v1s/one_0/labels_rgb/{k}.png", to_colours(releases.half(2, 36, 64)))
    clips = AVSBenchSemantic(own, split="test", subsets=("v1s",), size=16)
    assert len(clips) == 1
    assert clips[0].annotated.tolist() == [True] + [False] * 9  # as the authors' loader marks them
    assert (clips[0].labels[:5].numpy() == releases.half(2, 16, 16)).all()
    assert (clips[0].labels[4].numpy() == releases.half(2, 16, 16)).all()


def test_clips_of_all_parts_go_into_one_batch(release: Path) -> None:
    clips = AVSBenchSemantic(release, split="train", size=24, fit="crop")
    batch = collate([clips[k] for k in range(3)], VGGishLogMel())
    assert batch.frames.shape == (3, 10, 3, 24, 24) and batch.sound.shape == (3, 10, 1, 96, 64)


def test_padded_seconds_have_a_log_mel_of_zero(own: Path) -> None:
    """As the authors' loader pads; a file that is too short has fewer examples than seconds, too."""
    releases.tone(own / "v2/three_0/audio.wav", 9.2)
    clips = [clip for clip in AVSBenchSemantic(own, split="train", size=24)]
    sound = collate(clips, VGGishLogMel()).sound  # B T 1 F M
    assert [int(clip.extras["heard"]) for clip in clips] == [5, 5, 9]
    for clip, own_sound, heard in zip(clips, sound, (5, 5, 9)):
        assert not own_sound[heard:].any() and own_sound[:heard].flatten(1).any(1).all()
        alone = VGGishLogMel()(clip.waveform[:, : heard * 16000], 16000, frames=heard)
        assert torch.equal(own_sound[:heard], alone)
    assert collate(clips, CavpLogMel()).sound[0, 9].min() == -1  # whose loader knows no such padding


@pytest.mark.parametrize("unknown", ["background", "ignore"])
def test_stray_colours_of_a_release_are_reported_once(own: Path, unknown: str) -> None:
    rgb = to_colours(releases.half(1, 36, 64))
    rgb[:2, :5] = (9, 9, 9)
    releases.save(own / "v2/three_0/labels_rgb/4.png", rgb)
    clips = AVSBenchSemantic(own, split="train", size=None, unknown=unknown)  # type: ignore[arg-type]
    with pytest.warns(UserWarning, match=rf"10 pixels .* \(9, 9, 9\); they become {unknown}"):
        clip = clips[2]
    assert (clip.labels[4, :2, :5] == (IGNORE if unknown == "ignore" else 0)).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clips[2]
    assert clips.stray_colours(2) == {(9, 9, 9): 10} and not clips.stray_colours(1)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"a": "b"}', '{"background": 0}', '{"a": 0, "b": 2}', '{"a": 0, "b": 0}', '{"a": null}'],
)
def test_classes_must_be_numbered(own: Path, text: str) -> None:
    (own / "label2idx.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"label2idx\.json: .* get it again"):
        AVSBenchSemantic(own)


def test_classes_may_stand_in_any_order(own: Path) -> None:
    numbers = {name: k for k, name in reversed(list(enumerate(releases.CLASSES)))}
    (own / "label2idx.json").write_text(json.dumps(numbers), encoding="utf-8")
    assert AVSBenchSemantic(own).classes[0] == "accordion"
    from_one = {name: k for k, name in enumerate(releases.CLASSES, start=1)}  # as some copies have them
    (own / "label2idx.json").write_text(json.dumps(from_one), encoding="utf-8")
    assert AVSBenchSemantic(own).classes == tuple(releases.CLASSES[1:])


@pytest.mark.parametrize("uid", ["../../etc", "/etc", "..", "v2\\x", ""])
def test_a_table_cannot_lead_out_of_the_folder(own: Path, uid: str) -> None:
    (own / "metadata.csv").write_text(f"uid,split,label\n{uid},train,v2\n", encoding="utf-8")
    with pytest.raises(UserError, match="not a plain name"):
        AVSBenchSemantic(own)


def test_what_is_missing_is_told_at_once(own: Path) -> None:
    with pytest.raises(UserError, match="no row of split 'val'"):
        AVSBenchSemantic(own, split="val")
    with pytest.raises(UserError, match="choose among v1s, v1m, v2"):
        AVSBenchSemantic(own, subsets=("v3",))
    (own / "v1m/two_0").rename(own / "v1m/elsewhere")
    with pytest.raises(UserError, match="two_0: missing; see what is there with: avslib doctor"):
        AVSBenchSemantic(own)
    (own / "label2idx.json").unlink()
    with pytest.raises(UserError, match=r"label2idx\.json: missing"):
        AVSBenchSemantic(own)
