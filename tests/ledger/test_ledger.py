"""The ledger: what was run, with its spread; and what was not, said so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import toy

from avslib.errors import UserError
from avslib.ledger.provenance import peak_memory_mb
from avslib.ledger.record import Record, add_record, read_record, read_records
from avslib.ledger.table import ledger_rows, ledger_table
from avslib.training.loop import train


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return train(toy.toy_run(), out=tmp_path_factory.mktemp("run"))


def scored(record: Record, fold: int, value: float) -> Record:
    return replace(record, fold=fold, name=f"toy-f{fold}", metrics={"test": {"toy": {"IoU": value}}})


def test_a_record_says_where_its_numbers_come_from(record: Record) -> None:
    assert record.versions["torch"] and record.commit and record.device.startswith("CPU")
    assert record.weights == {"audio": "random, then 3 steps on the training recordings' classes"}
    assert (record.steps, record.parameters, record.precision) == (12, 33, "float32")
    assert record.config["plan"]["optimiser"]["lr"] == 0.05
    assert record.published[0]["metrics"] == {"IoU": 1.0}
    json.dumps(record.config)


def test_records_survive_the_disk(record: Record, tmp_path: Path) -> None:
    path = add_record(record, tmp_path)
    assert read_record(path) == record
    add_record(record, tmp_path)
    assert read_records(tmp_path) == [record]


def test_a_record_from_before_pretraining_was_timed_is_read(record: Record, tmp_path: Path) -> None:
    assert record.pretraining_seconds is not None and record.pretraining_seconds >= 0
    path = add_record(record, tmp_path)
    values = json.loads(path.read_text(encoding="utf-8"))
    del values["pretraining_seconds"]
    path.write_text(json.dumps(values), encoding="utf-8")
    assert read_record(path).pretraining_seconds is None
    del values["seconds"]
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(UserError, match="seconds"):
        read_record(path)


def test_a_record_of_earlier_names_is_read_under_todays(record: Record, tmp_path: Path) -> None:
    path = add_record(replace(record, sound_blind=True), tmp_path)
    values = json.loads(path.read_text(encoding="utf-8"))
    formerly = {"method": "recipe", "sound_blind": "deaf", "counterfactual": "listening",
                "pretraining_seconds": "lesson_seconds"}  # fmt: skip
    path.write_text(
        json.dumps({formerly.get(name, name): value for name, value in values.items()}), encoding="utf-8"
    )
    assert read_record(path) == replace(record, sound_blind=True)


def test_where_nothing_was_recorded_there_is_nothing(tmp_path: Path) -> None:
    assert read_records(tmp_path / "absent") == read_records(tmp_path) == []
    (tmp_path / "._left_by_a_system.json").write_bytes(b"\0")
    assert read_records(tmp_path) == []


def test_a_record_takes_no_other_file_s_place(record: Record, tmp_path: Path) -> None:
    path = tmp_path / f"{record.name}.json"
    path.write_bytes(b'{"mine": 1}')
    with pytest.raises(UserError, match="not a ledger record"):
        add_record(record, tmp_path)
    assert path.read_bytes() == b'{"mine": 1}'
    with pytest.raises(UserError, match=r"--ledger .* is not a folder"):
        add_record(record, path)
    odd = add_record(replace(record, name=r"../a:b\c"), tmp_path)
    assert odd == tmp_path / "..-a-b-c.json" and read_record(odd).name == r"../a:b\c"


def test_memory_that_was_not_measured_is_none(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert record.peak_memory_mb and 50 < record.peak_memory_mb < 10**6
    monkeypatch.setattr("avslib.ledger.provenance.peak_of_process", lambda: None)
    assert peak_memory_mb(torch.device("cpu")) is None
    add_record(replace(record, peak_memory_mb=None), tmp_path)
    assert read_records(tmp_path)[0].peak_memory_mb is None and "1 run" in ledger_table(tmp_path)


@pytest.mark.parametrize("text", ['{"name": "x"}', "[1]", "{", "\udcff"])
def test_a_foreign_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(UserError, match=r"x\.json: not a ledger record"):
        read_records(tmp_path)


def test_folds_are_averaged_with_their_spread(record: Record) -> None:
    records = [
        scored(record, 0, 0.40),
        scored(record, 1, 0.46),
        replace(scored(record, 2, 0.1), sound_blind=True),
    ]
    rows = ledger_rows(records, with_missing=False)
    assert [(row.method, row.runs) for row in rows] == [("toy", 2), ("toy, sound-blind", 1)]
    mean, deviation = rows[0].numbers["test toy IoU"]
    assert mean == pytest.approx(0.43)
    assert deviation == pytest.approx(0.0424, abs=1e-4)  # 0.06 / sqrt 2
    assert rows[1].numbers["test toy IoU"] == (0.1, None)


def test_the_table_says_what_was_not_run(record: Record, tmp_path: Path) -> None:
    add_record(scored(record, 0, 0.4), tmp_path)
    add_record(scored(record, 1, 0.46), tmp_path)
    text = ledger_table(tmp_path)
    measured = next(line for line in text.splitlines() if line.startswith("toy"))
    assert "2 runs" in measured and "0.430 ± 0.042" in measured
    missing = next(line for line in text.splitlines() if "PVTv2-B5" in line and "ms3" in line)
    assert "not run" in missing and "mIoU 0.54, F 0.645" in missing


def test_the_markdown_table_is_rectangular(record: Record, tmp_path: Path) -> None:
    add_record(record, tmp_path)
    lines = ledger_table(tmp_path, markdown=True, columns=["sound right"]).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[1].replace("|", "").replace("-", "").strip() == ""
