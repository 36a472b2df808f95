"""Predictions as files: written, read back, scored like the model, and refused when they do not fit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import toy
from PIL import Image

from avslib.audio.frontends import VGGishLogMel
from avslib.cli.main import main
from avslib.data import Collate, MiniScenes
from avslib.data.listing import listing
from avslib.data.mini.writer import write_mini
from avslib.data.readers.palette import to_colours
from avslib.errors import UserError
from avslib.evaluation.predictions import PredictionWriter, read_mask
from avslib.evaluation.score_folder import score_folder
from avslib.evaluation.truth import DataTruth, FolderTruth, find_truth, open_truth
from avslib.metrics.protocols import PROTOCOLS, protocol

CLIPS, SIZE = 4, 32


def scenes(subset: str) -> MiniScenes:
    return MiniScenes(subset, split="test", length=CLIPS, size=SIZE)


@pytest.fixture(params=["ms3", "avss"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, dict[str, dict[str, float]]]:
    """(subset, folder of masks and logits, what the logits score): noisy truths of four scenes."""
    data, folder = scenes(request.param), tmp_path / "masks"
    truth = open_truth(f"mini/{request.param}", clips=CLIPS, size=SIZE)
    about = {"data": f"mini/{request.param}", "split": "test", "fold": 0, "clips": CLIPS, "size": SIZE}
    writer = PredictionWriter(folder, about=about, logits=True)
    protocols = [protocol(name, classes=truth.classes) for name in PROTOCOLS]
    generator = torch.Generator().manual_seed(0)
    for index in range(CLIPS):
        batch = Collate(VGGishLogMel())([data[index]])
        right = torch.nn.functional.one_hot(batch.labels, truth.classes).movedim(-1, 2).float()
        logits = 2 * right + torch.randn(right.shape, generator=generator)
        logits = logits[:, :, 1:] - logits[:, :, :1] if truth.classes == 2 else logits
        writer(batch, logits)
        for each in protocols:
            each.update(logits, batch.labels, batch.valid)
    return request.param, folder, {each.name: each.compute() for each in protocols}


def test_logits_in_files_score_as_the_model(written: tuple[str, Path, dict[str, dict[str, float]]]) -> None:
    _, folder, expected = written
    truth = find_truth(folder, {})
    fresh = [protocol(name, classes=truth.classes) for name in PROTOCOLS]
    found = score_folder(folder, truth, fresh, logits=True)
    assert found.keys() == expected.keys()
    for name, numbers in expected.items():
        assert found[name] == pytest.approx(numbers, abs=1e-12), name


def test_masks_in_files_score_as_the_model_but_for_thresholds(
    written: tuple[str, Path, dict[str, dict[str, float]]],
) -> None:
    subset, folder, expected = written
    truth = find_truth(folder, {"data": f"mini/{subset}"})
    fresh = [protocol(name, classes=truth.classes) for name in PROTOCOLS]
    found = score_folder(folder, truth, fresh, by="part")
    for name in ("dataset-level", "J&F", "avsbench-semantic"):
        assert found[name] == pytest.approx(expected[name], abs=1e-12)
    if subset == "avss":
        assert {name.split(", ")[-1] for name in found if name.startswith("dataset-level,")} <= {
            "v1s",
            "v1m",
            "v2",
        }
    else:
        binary = "avsbench-binary (batch of 4 clips)"
        assert found[binary]["mIoU"] == pytest.approx(expected[binary]["mIoU"], abs=1e-12)
        assert found[binary]["F"] < expected[binary]["F"]  # no threshold to choose


def test_a_listing_is_what_the_clips_say() -> None:
    for subset in ("s4", "avss", "vpo-ms"):
        data = scenes(subset)
        for index, listed in enumerate(listing(data)):
            clip = data[index]
            assert (listed.identifier, listed.seconds) == (clip.identifier, int(clip.valid.sum()))
            assert listed.part == data.part(index).subset.name


def test_masks_look_as_documented(written: tuple[str, Path, dict[str, dict[str, float]]]) -> None:
    subset, folder, _ = written
    first = folder / scenes(subset).entry(0).identifier
    with Image.open(first / "0.png") as picture:
        assert picture.mode == ("L" if subset == "ms3" else "P")
        values = np.asarray(picture)
        colours = np.asarray(picture.convert("RGB"))
    if subset == "ms3":
        assert set(np.unique(values)) <= {0, 255}
    else:
        assert (colours == to_colours(values)).all()
    real = int(scenes(subset)[0].valid.sum())
    assert len(list(first.glob("*.png"))) == real


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def test_masks_of_other_programs(tmp_path: Path) -> None:
    labels = np.array([[0, 1, 2], [3, 0, 1]])
    assert (read_mask(save(tmp_path / "labels.png", labels.astype(np.uint8)), 4) == labels).all()
    assert (read_mask(save(tmp_path / "rgb.png", to_colours(labels)), 4) == labels).all()
    shuffled = Image.fromarray(
        np.array([[1, 0]], np.uint8), mode="P"
    )  # another order of the palette's colours
    shuffled.putpalette([128, 0, 0, 0, 0, 0])
    shuffled.save(tmp_path / "palette.png")
    assert read_mask(tmp_path / "palette.png", 4).tolist() == [[0, 1]]
    white = np.array([[0, 255]], np.uint8)
    assert read_mask(save(tmp_path / "grey.png", white), 2).tolist() == [[0, 1]]
    assert read_mask(save(tmp_path / "white.png", np.stack([white] * 3, -1)), 2).tolist() == [[0, 1]]
    assert read_mask(save(tmp_path / "bits.png", white > 0), 2).tolist() == [[0, 1]]
    with pytest.raises(UserError, match=r"labels\.png: holds the label 3; there are 3"):
        read_mask(tmp_path / "labels.png", 3)
    with pytest.raises(UserError, match=r"the colour \(1, 2, 3\) is no class's"):
        read_mask(save(tmp_path / "odd.png", np.array([[[1, 2, 3]]], np.uint8)), 4)
    with pytest.raises(UserError, match="holds the value 1; a binary mask is 0 and 255"):
        read_mask(save(tmp_path / "ones.png", np.array([[0, 1]], np.uint8)), 2)


def test_two_folders_are_compared_by_name(tmp_path: Path) -> None:
    half = np.zeros((10, 10), np.uint8)
    half[:5] = 255
    for number in (1, 2, 10):
        save(tmp_path / "truth/test/clip" / f"clip_{number}.png", half)
        save(tmp_path / "mine/test/clip" / f"clip_{number}.png", half if number < 10 else 255 - half)
    truth = FolderTruth(tmp_path / "truth")
    assert [Path(file).stem for file in truth.expected[0].files] == ["clip_1", "clip_2", "clip_10"]
    found = score_folder(tmp_path / "mine", truth, [protocol("dataset-level"), protocol("J&F")])
    assert found["dataset-level"]["IoU"] == pytest.approx(100 / 200)
    assert found["J&F"] == pytest.approx({"J&F": (2 / 3 + 1) / 2, "J": 2 / 3, "F": 1})


def remove(mask: Path) -> None:
    mask.unlink()


def add(mask: Path) -> None:
    save(mask.with_name("77.png"), np.zeros((SIZE, SIZE), np.uint8))


def enlarge(mask: Path) -> None:
    save(mask, np.zeros((SIZE + 1, SIZE), np.uint8))


def cut(mask: Path) -> None:
    mask.write_bytes(mask.read_bytes()[:20])


def link(mask: Path) -> None:
    mask.unlink()
    mask.symlink_to(mask.parents[2] / "nowhere.png")


FAULTS = {
    remove: r"_000002/3\.png: missing;",
    add: r"_000002/77\.png: not asked for;",
    enlarge: rf"_000002/3\.png: is {SIZE + 1} x {SIZE}, not {SIZE} x {SIZE};",
    cut: r"_000002/3\.png: cannot be read as a picture",
    link: r"_000002/3\.png: missing;",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_is_named_before_any_work(
    fault: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = scenes("ms3")
    for clip in listing(data):
        for second in range(clip.seconds):
            save(tmp_path / "masks" / clip.identifier / f"{second}.png", np.zeros((SIZE, SIZE), np.uint8))
    truth = open_truth("mini/ms3", clips=CLIPS, size=SIZE)
    score_folder(tmp_path / "masks", truth, [protocol("dataset-level")])
    monkeypatch.setattr(DataTruth, "labels", lambda *_: pytest.fail("work was begun"))
    fault(tmp_path / "masks" / data.entry(2).identifier / "3.png")
    with pytest.raises(UserError, match=FAULTS[fault]):
        score_folder(tmp_path / "masks", truth, [protocol("dataset-level")])


def test_bad_folders_and_descriptions_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="say what these masks are predictions of"):
        find_truth(tmp_path, {})
    with pytest.raises(UserError, match="unknown data 'ms3'"):
        find_truth(tmp_path, {"data": "ms3"})
    with pytest.raises(
        UserError, match="avss is not part of avslib: give the folder of the release with --data-dir DIR"
    ):
        find_truth(tmp_path, {"data": "avss"})
    with pytest.raises(UserError, match="holds no png"):
        FolderTruth(tmp_path)
    (tmp_path / "predictions.json").write_text('{"clips": "many"}', encoding="utf-8")
    with pytest.raises(UserError, match=r"predictions\.json: damaged"):
        find_truth(tmp_path, {})
    with pytest.raises(UserError, match="not an empty folder"):
        PredictionWriter(tmp_path, about={})


def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(*arguments: str) -> list[list[str]]:
        monkeypatch.setattr(sys, "argv", ["avslib", *arguments])
        main()
        return [line.split() for line in capsys.readouterr().out.splitlines()]

    run, masks = str(tmp_path / "run"), str(tmp_path / "masks")
    say("train", toy.__file__, "--data", "toy", "--schedule", "smoke", "--out", run)
    first = say("evaluate", run, "--protocol", "all", "--save", masks, "--save-logits", "--per-class")
    names = {line[1] for line in first if line and line[0] == "test"}
    assert names == {"toy", *PROTOCOLS}
    assert ["dataset-level,", "by", "class"] in first
    again = say("score", masks, "--truth", masks, "--protocol", "J&F")
    assert again[1] == ["masks", "J&F", "1.0000", "1.0000", "1.0000"]


@pytest.mark.parametrize(
    ("name", "layout"), [("avsbench/ms3", "avsbench"), ("avss", "avsbench"), ("vpo-ms", "vpo")]
)
def test_masks_of_a_real_layout(name: str, layout: str, tmp_path: Path) -> None:
    subset = name.removeprefix("avsbench/")
    write_mini(tmp_path / "data", layout=layout, subsets=(subset,), clips=12, size=SIZE)
    truth = open_truth(name, split="test", size=SIZE, data_dir=tmp_path / "data")
    for index, listed in enumerate(listing(truth.clips)):
        clip = truth.clips[index]
        assert (listed.identifier, listed.seconds) == (clip.identifier, int(clip.valid.sum()))
        for file, labels in zip(truth.expected[index].files, clip.labels[clip.valid].numpy()):
            save(tmp_path / "masks" / file, (labels * (255 if truth.classes == 2 else 1)).astype(np.uint8))
    found = score_folder(
        tmp_path / "masks", truth, [protocol("dataset-level", classes=truth.classes)], by="part"
    )
    assert found["dataset-level"]["IoU"] == 1 and found["dataset-level"]["FDR"] == 0
