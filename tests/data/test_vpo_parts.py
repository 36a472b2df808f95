"""The parts that VPO is built of: COCO's outlines, VGGSound's recordings, who sounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_coco import BEAR, packed_runs, square, write_vggsound

from avslib.data.prepare.build_vpo import paint
from avslib.data.prepare.coco import Picture, Thing, centre, draw, unpack_counts
from avslib.data.prepare.vggsound import Recording, read_recordings
from avslib.data.prepare.vpo_samples import choose
from avslib.data.readers.layouts import COCO_ID


def picture(width: int, height: int, *categories: int, number: int = 1) -> Picture:
    things = tuple(Thing(index, category, 2000.0, False, None) for index, category in enumerate(categories))
    return Picture(number, "train2017/1.jpg", width, height, things, Path("instances.json"))


def recordings(count: int) -> list[Recording]:
    return [Recording(f"clip_{index:06d}", Path(f"{index}.wav")) for index in range(count)]


def test_pictures_of_several_classes_go_first() -> None:
    dog, cat = COCO_ID["dog"], COCO_ID["cat"]
    kinds = [(dog,)] * 50 + [(dog, BEAR)] * 40 + [(dog, cat)] * 5
    pictures = [picture(9, 9, *kind, number=number) for number, kind in enumerate(kinds)]
    samples = choose("vpo-ss", "train", pictures, {dog: recordings(3)}, seed=0, count=30)
    assert [len(sample.picture.things) for sample in samples] == [2] * 30
    assert all(sample.picture.number >= 90 for sample in samples[:5])
    assert len({sample.picture.number for sample in samples}) == 30
    assert all(sample.things[0].category == dog for sample in samples)


def test_two_of_a_class_never_share_a_recording() -> None:
    dog = COCO_ID["dog"]
    pack = [picture(9, 9, *[dog] * 5, number=number) for number in range(40)]
    for count, most in ((1, 0), (2, 2), (3, 2), (5, 4)):
        samples = choose("vpo-msmi", "train", pack, {dog: recordings(count)}, seed=0, count=40)
        heard = {len(sample.recordings) for sample in samples}
        assert heard == set(range(2, most + 1))
        assert all(len(set(sample.recordings)) == len(sample.recordings) for sample in samples)


def test_a_video_in_both_splits_is_left_to_the_test(tmp_path: Path) -> None:
    write_vggsound(tmp_path / "vggsound")
    before = read_recordings(tmp_path / "vggsound")
    table = tmp_path / "vggsound/vggsound.csv"
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    name = next(line for line in lines if line.endswith(",train\n") and "dog" in line)
    table.write_text("".join([*lines, name.replace(",train", ",test")]), encoding="utf-8")
    after = read_recordings(tmp_path / "vggsound")
    count = {split: [len(found[split][COCO_ID["dog"]]) for found in (before, after)] for split in before}
    assert count == {"train": [3, 2], "test": [3, 4]}


def test_runs_go_down_the_columns() -> None:
    """The text is what pycocotools 2.0 writes for this mask."""
    mask = np.zeros((50, 40), bool)
    mask[3:40, 5:8], mask[0:50, 9:11], mask[20, 30] = True, True, True
    counts = [253, 37, 13, 37, 13, 37, 60, 100, 970, 1, 479]
    text = "m7U1=000_1o1^l0mLe@"
    assert unpack_counts(text) == counts and packed_runs(mask)["counts"] == text
    for code in (counts, text):
        thing = Thing(1, 3, 1.0, False, {"size": [50, 40], "counts": code})
        assert np.array_equal(draw(thing, picture(40, 50)), mask)


@pytest.mark.parametrize("text", ["P", " ", "é", "0" * 5 + "P"])
def test_a_text_that_is_no_run_lengths(text: str) -> None:
    with pytest.raises(ValueError, match="run length"):
        unpack_counts(text)


def test_a_polygon_holds_the_pixels_whose_centres_it_holds() -> None:
    outline = [[2.0, 1.0, 2.0, 9.0, 18.0, 9.0], [19.65, 0.65, 23.35, 0.65, 23.35, 4.35, 19.65, 4.35]]
    mask = draw(Thing(1, 3, 1.0, False, outline), picture(24, 10))
    y, x = np.mgrid[:10, :24] + 0.5
    triangle = (x > 2) & (y < 9) & (y - 1 > (x - 2) / 2)
    box = (x > 19.65) & (x < 23.35) & (y > 0.65) & (y < 4.35)
    assert np.count_nonzero(mask ^ (triangle | box)) <= 2  # the slanted edge may take a tenth of a pixel more
    assert np.array_equal(mask[:, 19:], box[:, 19:])
    assert centre(square(0, 96)) == 0.25 and centre(mask) == pytest.approx(np.average(x, weights=mask) / 24)


def test_small_things_stand_before_large_ones() -> None:
    small, large = square(40, 50), square(20, 90)
    for masks, categories in (([small, large], [16, 18]), ([large, small], [18, 16])):
        ids = paint(masks, categories)
        assert np.array_equal(ids == 16, small) and np.array_equal(ids == 18, large & ~small)
