"""Masks of other programs in other modes, ignored pixels, links, and what systems leave behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avslib.errors import UserError
from avslib.evaluation.predictions import PredictionWriter, read_mask
from avslib.evaluation.score_folder import can_ignore, score_folder
from avslib.evaluation.truth import FolderTruth
from avslib.metrics.protocols import PROTOCOLS, protocol

HALF = np.zeros((16, 16), np.uint8)
HALF[:, :8] = 1
LABELS = np.zeros((16, 16), np.uint8)
LABELS[:8, :8], LABELS[8:, 8:] = 3, 8


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def iou(predicted: Path, truth: Path, classes: int = 2) -> float:
    scores = score_folder(
        predicted, FolderTruth(truth, classes=classes), [protocol("dataset-level", classes=classes)]
    )
    return scores["dataset-level"]["mIoU"]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_soft_mask_is_cut_at_half_of_white(kind: type, tmp_path: Path) -> None:
    soft = np.where(HALF, 0.95, 0.02) * np.iinfo(kind).max
    save(tmp_path / "soft/a/0.png", soft.round().astype(kind))
    save(tmp_path / "truth/a/0.png", HALF * 255)
    assert iou(tmp_path / "soft", tmp_path / "truth") == iou(tmp_path / "truth", tmp_path / "soft") == 1
    with pytest.raises(UserError, match=r"dark\.png: holds the value 127; a binary mask is 0 and 255"):
        read_mask(save(tmp_path / "dark.png", HALF * 127), 2)


def test_a_label_of_16_bits_is_not_cut_down_to_8(tmp_path: Path) -> None:
    save(tmp_path / "truth/a/0.png", LABELS)
    save(tmp_path / "deep/a/0.png", LABELS.astype(np.uint16))
    assert iou(tmp_path / "deep", tmp_path / "truth", 9) == pytest.approx(
        3 / 9
    )  # of three classes that are there
    for shift in (256, 512, 65280):
        save(tmp_path / "shifted/a/0.png", LABELS.astype(np.uint16) + np.uint16(shift) * (LABELS > 0))
        for predicted, truth in (("shifted", "truth"), ("truth", "shifted")):
            with pytest.raises(UserError, match=rf"0\.png: holds the label {shift + 8}; there are 9, 0 to 8"):
                iou(tmp_path / predicted, tmp_path / truth, 9)


@pytest.mark.parametrize("classes", [2, 9])
def test_a_mask_in_the_alpha_channel_is_refused(classes: int, tmp_path: Path) -> None:
    white = np.full((16, 16, 3), 255 if classes == 2 else 0, np.uint8)
    for pixels in (np.dstack([white, HALF * 255]), np.dstack([white[..., 0], HALF * 255])):
        path = save(tmp_path / "a/0.png", pixels)
        with pytest.raises(UserError, match=r"0\.png: its transparency \(alpha\) says something else"):
            read_mask(path, classes)


@pytest.fixture
def ignored(tmp_path: Path) -> Path:
    """truth/ with a row that does not count, and masks/ that are right elsewhere."""
    labels = LABELS.copy()
    labels[0] = 255
    save(tmp_path / "masks/a/0.png", LABELS)
    save(tmp_path / "masks/a/1.png", LABELS)
    save(tmp_path / "truth/a/0.png", LABELS)
    save(tmp_path / "truth/a/1.png", labels)
    return tmp_path


def test_ignored_pixels_of_the_truth_are_left_out_where_a_protocol_can(ignored: Path) -> None:
    assert iou(ignored / "masks", ignored / "truth", 9) == pytest.approx(3 / 9)
    wrong = LABELS.copy()
    wrong[0] = 5  # where nothing counts
    save(ignored / "masks/a/1.png", wrong)
    assert iou(ignored / "masks", ignored / "truth", 9) == pytest.approx(3 / 9)
    coloured = Image.open(ignored / "truth/a/1.png").convert("P")
    indexed = Image.fromarray(np.asarray(coloured), mode="P")
    from avslib.data.readers.palette import palette

    indexed.putpalette(palette(256).tobytes())  # as Pascal VOC stores it
    indexed.save(ignored / "truth/a/1.png")
    assert iou(ignored / "masks", ignored / "truth", 9) == pytest.approx(3 / 9)
    indexed.convert("RGB").save(ignored / "truth/a/1.png")
    assert iou(ignored / "masks", ignored / "truth", 9) == pytest.approx(3 / 9)


@pytest.mark.parametrize("name", [name for name in PROTOCOLS if name != "dataset-level"])
def test_under_other_protocols_they_are_refused_with_the_names_of_those_that_can(
    name: str, ignored: Path
) -> None:
    both = [protocol("dataset-level", classes=9), protocol(name, classes=9)]
    assert [can_ignore(each, 9) for each in both] == [True, False]
    with pytest.raises(
        UserError, match=r"a/1\.png: .* 255 \(ignore\), which .*; score under dataset-level, with"
    ) as told:
        score_folder(ignored / "masks", FolderTruth(ignored / "truth", classes=9), both)
    assert "\n" not in str(told.value) and name.lower() in str(told.value).lower()


def test_a_prediction_cannot_ignore(ignored: Path) -> None:
    with pytest.raises(UserError, match=r"masks/a/1\.png: holds the label 255; there are 9"):
        (ignored / "truth").rename(ignored / "other")
        (ignored / "masks").rename(ignored / "truth")
        (ignored / "other").rename(ignored / "masks")
        iou(ignored / "masks", ignored / "truth", 9)


def test_what_systems_leave_behind_is_no_mask(tmp_path: Path) -> None:
    for folder in ("truth", "masks"):
        save(tmp_path / folder / "a/0.png", HALF * 255)
        for litter in ("a/._0.png", "a/.ipynb_checkpoints/0-checkpoint.png", "__MACOSX/a/._0.png", "a/Thumbs.db",
                       "desktop.ini", ".DS_Store"):  # fmt: skip
            path = tmp_path / folder / litter
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"no picture")
    truth = FolderTruth(tmp_path / "truth")
    assert [clip.files for clip in truth.expected] == [("a/0.png",)]
    assert iou(tmp_path / "masks", tmp_path / "truth") == 1
    (tmp_path / "new").mkdir()
    (tmp_path / "new/.DS_Store").touch()
    PredictionWriter(tmp_path / "new", about={})


def test_masks_on_another_disk_are_followed(tmp_path: Path) -> None:
    for folder in ("truth", "masks"):
        for clip in "ab":
            save(tmp_path / folder / clip / "0.png", HALF * 255)
        (tmp_path / folder / "b").rename(tmp_path / f"disk-{folder}")
        (tmp_path / folder / "b").symlink_to(tmp_path / f"disk-{folder}")
    assert len(FolderTruth(tmp_path / "truth").expected) == 2
    assert iou(tmp_path / "masks", tmp_path / "truth") == 1
    save(tmp_path / "disk-masks/1.png", HALF)
    with pytest.raises(UserError, match=r"b/1\.png: not asked for"):
        iou(tmp_path / "masks", tmp_path / "truth")
