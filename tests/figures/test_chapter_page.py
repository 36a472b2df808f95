"""What chapters share: tables, the ledger's cells, the log, scenes that tell, boxes and arrows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from avslib import figures
from avslib.data import MiniScenes
from avslib.evaluation.counterfactual import foreground_iou, visual_oracle
from avslib.ledger.record import read_record, read_records
from avslib.ledger.table import Row
from avslib.methods.resolve import find_run
from avslib.methods.run import differences

MEASURED = Row(
    "tpavi", "mini/ms3", "reduced", runs=3, numbers={"sound right": (0.31234, 0.026), "sound silence": (0.0, None)}
)  # fmt: skip


def test_a_table_is_markdown_of_whatever_cells() -> None:
    lines = figures.table(["a", "b"], [[1, None], ["x", 0.5]]).data.splitlines()
    assert lines == ["| a | b |", "| --- | --- |", "| 1 | None |", "| x | 0.5 |"]


def test_cells_of_the_ledger_tell_mean_spread_and_what_was_not_run() -> None:
    cells = figures.ledger_cells(MEASURED, ["sound right", "sound silence", "sound noise"])
    assert cells == ["3 runs", "0.312 ± 0.026", "0.000", "-"]
    for nothing in (None, Row("tpavi", "mini/s4", "full")):
        assert figures.ledger_cells(nothing, ["sound right"]) == ["not run", "-"]


def test_only_the_scores_that_papers_report_become_columns() -> None:
    names = [
        "test avsbench-binary (batch of 4 clips) mIoU",
        "test dataset-level IoU",
        "test dataset-level FDR",
    ]
    row = Row("tpavi", "mini/ms3", "reduced", runs=1, numbers=dict.fromkeys(names, (0.5, None)))
    assert figures.score_columns([row, row]) == names[:2]


def test_the_ledger_is_found_from_any_folder_of_a_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results" / "runs").mkdir(parents=True)
    (tmp_path / "book" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "book" / "deep")
    assert figures.find_ledger() == tmp_path / "results" / "runs"


def test_without_a_ledger_other_peoples_json_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.json").write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert read_records(figures.find_ledger()) == []


def test_a_chapter_says_how_long_pretraining_and_steps_took_and_from_what() -> None:
    run = find_run("tpavi", "mini/ms3", "reduced")
    path = Path(__file__).parents[2] / "results" / "first-edition" / "tpavi-mini-ms3-reduced-f0-s0.json"
    record = replace(read_record(path), seconds=101.4, pretraining_seconds=77.7)
    said = figures.trained(record, run).data
    assert "168 steps, 101 s of training after 78 s of encoder pretraining" in said
    assert "overlap 1.5" in said and "192 pixels" in said
    assert f"Visual encoder: {record.weights['visual']}. Audio encoder: {record.weights['audio']}." in said
    for none in (None, 0.0):  # an old record; a schedule without pretraining
        assert "pretraining" not in figures.trained(replace(record, pretraining_seconds=none), run).data


def test_a_page_trains_as_the_ledger_does_and_scores_fewer_scenes() -> None:
    ledger, page = find_run("vct", "mini/avss", "reduced"), figures.page_run("vct", "mini/avss", "reduced")
    assert differences(ledger.config(), page.config()) == [
        "plan.clips.test: 100 then, 40 now",
        "plan.clips.test-seen: 100 then, 8 now",
        "plan.clips.val: 24 then, 12 now",
    ]
    assert len(page.clips("test")) == 40


def test_a_page_scores_no_more_scenes_than_the_schedule_has() -> None:
    assert figures.page_run("vct", "mini/avss", "smoke").plan.clips == {
        "train": 16,
        "val": 4,
        "test": 4,
        "test-seen": 4,
    }


def test_a_log_keeps_the_main_scores(tmp_path: Path) -> None:
    scores = {
        "avsbench-binary": {"mIoU": 0.4, "F": 0.5},
        "dataset-level": {"IoU": 0.3, "FDR": 0.1},
        "coverage": {"coverage": 0.2},
    }
    (tmp_path / "log.jsonl").write_text(
        json.dumps({"epoch": 1, "loss": 2.0, "val": scores}) + "\n", encoding="utf-8"
    )
    (line,) = figures.read_log(tmp_path)
    assert line["loss"] == 2.0 and line["val"]["dataset-level"] == {"IoU": 0.3}
    assert all(line["val"][name] == scores[name] for name in ("avsbench-binary", "coverage"))


def test_telling_scenes_change_and_have_stand_ins_and_are_compared() -> None:
    scenes = figures.telling(MiniScenes(split="test", length=30, size=64, family="GPL"))
    assert scenes
    for scene in scenes:
        heard = (scene.labels > 0).any(axis=(1, 2)) | np.any([s.sounding for s in scene.sources], axis=0)
        assert heard[0] and all(scene.stand_ins.values())
        assert any(not source.sounding.all() for source in scene.sources)
    page = figures.comparison(
        scenes[0], scenes[0].labels > 0, method="oracle", rank="The truth"
    )._repr_html_()
    assert "IoU 1.00" in page and scenes[0].licence in page and "The truth" in page


def test_the_visual_oracle_marks_whatever_could_sound() -> None:
    scenes = MiniScenes(split="test", length=12, size=64)
    worst = visual_oracle(scenes)
    assert 0 < worst < 1
    one = MiniScenes(split="test", length=1, size=64).scene(0)
    able = np.any([o.mask for o in one.objects if o.name in one.classes], axis=0)
    expected = foreground_iou(np.broadcast_to(able, one.labels.shape), one.labels > 0)
    assert visual_oracle(MiniScenes(split="test", length=1, size=64)) == pytest.approx(expected)
    assert foreground_iou(np.zeros(3, bool), np.zeros(3, bool)) == 0


def test_boxes_and_arrows_go_where_they_are_told() -> None:
    axes = Figure().subplots()
    figures.box(axes, 1.0, 2.0, 3.0, "neck", "#0072B2", height=1.0)
    assert axes.patches[0].get_bbox().bounds == (1.0, 1.5, 3.0, 1.0)
    figures.arrow(axes, (0, 0), (1, 0), (1, 1))
    assert axes.lines[0].get_xydata().tolist() == [[0, 0], [1, 0]]
    figures.arrow(axes, (0, 0), (1, 1))
    assert len(axes.lines) == 1 and len(axes.texts) == 3


def test_an_answer_is_checked_once_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    figures.say(lambda answer: f"right: {answer}", None)
    figures.say(lambda answer: f"right: {answer}", 7)
    assert capsys.readouterr().out.splitlines() == ["not answered yet", "right: 7"]
