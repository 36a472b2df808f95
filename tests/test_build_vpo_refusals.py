"""What cannot be built of is told in one line that names it, and nothing that was there suffers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tiny_coco import HEIGHT, WIDTH, Sources, rows, state, write_sources

from avslib.errors import UserError


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return write_sources(tmp_path_factory.mktemp("sources"))


Change = Callable[[Sources], dict[str, Any] | None]


def write(path: str, text: str) -> Change:
    def change(own: Sources) -> None:
        (own.coco.parent / path).write_text(text, encoding="utf-8")

    return change


def edit(change: Callable[[dict[str, Any]], Any]) -> Change:
    """The annotations for training, changed."""

    def changed(own: Sources) -> None:
        path = own.coco / "annotations/instances_train2017.json"
        written = json.loads(path.read_text(encoding="utf-8"))
        change(written)
        path.write_text(json.dumps(written), encoding="utf-8")

    return changed


def remove(path: str) -> Change:
    def change(own: Sources) -> None:
        for found in own.coco.parent.glob(path):
            shutil.rmtree(found) if found.is_dir() else found.unlink()

    return change


def repaint(own: Sources) -> None:
    for path in (own.coco / "train2017").glob("*.jpg"):
        Image.new("RGB", (8, 8)).save(path)


TRAINED, CSV = "coco/annotations/instances_train2017.json", "vggsound/vggsound.csv"


def every(written: dict[str, Any], **values: Any) -> None:
    for one in written["annotations"]:
        one.update(values)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (remove(TRAINED), "instances_train2017.json: no such file"),
        (write(TRAINED, '{"images": ['), "instances_train2017.json: not whole JSON"),
        (write(TRAINED, "[]"), "instances_train2017.json: not a file of COCO's instances"),
        (edit(lambda w: w["images"][0].pop("width")), "instances_train2017.json: not a file.*width"),
        (edit(lambda w: w["images"][0].update(file_name="../a.jpg")), "instances_train2017.json.*plain name"),
        (edit(lambda w: w["categories"][1].update(name="horse")), "category 3 is 'horse', not 'car'"),
        (edit(lambda w: every(w, segmentation=[[1, 2, 3]])), "annotation 7.*cannot be drawn"),
        (edit(lambda w: every(w, segmentation=[])), "annotation 7.*cannot be drawn"),
        (edit(lambda w: every(w, segmentation=[[900, 900, 950, 900, 950, 950]])), "annotation 7.*no pixel"),
        (edit(lambda w: every(w, segmentation={"size": [HEIGHT, WIDTH], "counts": "3"})), "annotation 7.*runs"),
        (edit(lambda w: every(w, area=1)), None),
        (remove("coco/train2017/*.jpg"), r"train2017/\d+.jpg: missing, one of"),
        (repaint, r"train2017/\d+.jpg: 8 x 8 pixels; its annotations are of 192 x 168"),
        (remove("vggsound/vggsound.csv"), "vggsound.csv: no such table"),
        (write(CSV, ""), "vggsound.csv: empty"),
        (write(CSV, "abc,1\n"), "vggsound.csv: line 1 has 2 of 4 columns"),
        (write(CSV, "abc,1,playing piano,train\n"), "vggsound.csv: has none of VPO's labels"),
        (write(CSV, "abc,one,dog barking,train\n"), "vggsound.csv: abc: second 'one'"),
        (write(CSV, "../abc,1,dog barking,train\n"), "vggsound.csv.*plain name"),
        (remove("vggsound/clips"), r"vggsound: none of the \d+ clips is there"),
        (write("coco/people.csv", "70000,man\n"), "people.csv: line 1: '70000,man'"),
        (write("coco/people.csv", "1,male\n"), "people.csv: annotation 1 is no person"),
        (remove("coco/people.csv"), "people.csv: no such"),
        (lambda own: {"subsets": ["vpo-xl"]}, "unknown subset 'vpo-xl'"),
        (lambda own: {"seed": -1}, "--seed -1"),
        (lambda own: {"size": 0}, "--size 0"),
        (lambda own: {"coco": own.coco / "absent"}, "absent: no such folder"),
        (lambda own: {"folder": own.coco}, "coco: is not empty and was not built"),
    ],
)  # fmt: skip
def test_bad_input_is_told_by_name(
    change: Change, told: str | None, sources: Sources, tmp_path: Path
) -> None:
    own = sources.copy(tmp_path)
    given = {"folder": tmp_path / "vpo", **(change(own) or {})}
    if told is None:  # no reason to stop
        own.build(**given)
        return
    with pytest.raises(UserError, match=told):
        own.build(**given)


def test_a_damaged_picture_is_told_and_the_rest_kept(sources: Sources, tmp_path: Path) -> None:
    own, whole = sources.copy(tmp_path), sources.build(tmp_path / "whole", size=3)
    image = int(rows(whole, "vpo-ss")[1]["img_Id"])
    path = own.coco / f"train2017/{image:012d}.jpg"
    content = path.read_bytes()
    path.write_bytes(content[:500])
    with pytest.raises(UserError, match=f"{path}: cannot be read as a picture"):
        own.build(tmp_path / "vpo", size=3)
    path.write_bytes(content)
    assert state(own.build(tmp_path / "vpo", size=3)) == state(whole)


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"seed": 1}, "was built with --seed 0 --size 3"), ({"size": None}, "--size 3"), ({"people": None}, "other files")],
)  # fmt: skip
def test_a_folder_is_not_built_on_with_other_options(
    changes: dict[str, Any], told: str, sources: Sources, tmp_path: Path
) -> None:
    before = state(sources.build(tmp_path / "vpo", size=3))
    with pytest.raises(UserError, match=told):
        sources.build(tmp_path / "vpo", **{"size": 3, **changes})
    assert state(tmp_path / "vpo") == before
