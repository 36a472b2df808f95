"""The pieces of the video room one by one: the tape of sound, what a file says of itself, the model to start with."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from films import BrightWhileLoud, film, frames_of, tone

import avslib
from avslib.cli.main import main
from avslib.errors import UserError
from avslib.evaluation.score import WEIGHTS, save_weights
from avslib.files import write_json
from avslib.ledger.models import model_table
from avslib.methods.resolve import find_run
from avslib.training import starter
from avslib.video.media import Damage, clock, facts
from avslib.video.painting import Painter
from avslib.video.sound import SOUND_RATE, Tape

TOY = str(Path(__file__).parents[1] / "toy.py")


def counting(seconds: int, channels: int = 1) -> Iterator[np.ndarray]:  # type: ignore[type-arg]
    """A tape whose samples are its seconds."""
    for second in range(seconds):
        yield np.full((channels, SOUND_RATE), second, np.float32)


def test_a_tape_gives_its_pieces_and_keeps_no_more_than_is_asked_for() -> None:
    tape, longest = Tape(counting(600), keep=3), 0
    for start in range(0, 600, 5):
        piece = tape.cut(start, 5)
        longest = max(longest, tape.held.shape[1])
        assert piece[0, ::SOUND_RATE].tolist() == list(range(start, start + 5))
    assert longest <= 9 * SOUND_RATE, "not ten minutes"


def test_a_piece_over_the_end_is_silent_there_or_moved_inside() -> None:
    tape = Tape(counting(4, 2), keep=4)
    assert tape.cut(3, 3)[1, ::SOUND_RATE].tolist() == [3, 0, 0]
    assert tape.cut(3, 3, inside=True)[0, ::SOUND_RATE].tolist() == [1, 2, 3]
    assert tape.left(3) == SOUND_RATE and tape.cut(9, 1).abs().max() == 0
    assert Tape(None).cut(0, 2).shape == (1, 2 * SOUND_RATE)


def test_the_rest_of_a_tape() -> None:
    tape = Tape(counting(5), keep=1)
    tape.cut(0, 2.5)
    assert np.concatenate(list(tape.rest(2)), axis=1)[0, ::SOUND_RATE].tolist() == [2, 3, 4]


def test_damage_is_told_in_places() -> None:
    damage = Damage()
    for moment in (3.0, 3.4, 4.1, 75.0, 3700.2):
        damage.add(moment)
    assert str(damage) == "0:03 to 0:04, 1:15, 1:01:40" and clock(3607) == "1:00:07"


def test_what_a_file_says_of_itself(tmp_path: Path) -> None:
    known = facts(film(tmp_path / "a.mp4", rate=20, sounds=[tone(4), tone(4)]))
    assert known.pictures and not known.still and known.rate == pytest.approx(20, rel=0.02)
    assert known.seconds == pytest.approx(4, abs=0.2) and known.tracks[1].startswith("aac, mono, 8000 Hz")


def test_names_stand_on_what_is_marked() -> None:
    mask = np.zeros((45, 80), np.uint8)
    mask[10:30, 50:70] = 2
    named, plain = Painter((640, 360), ("dog", "bird")), Painter((640, 360), ())
    with_name, without = (np.asarray(painter.overlay(mask).share) for painter in (named, plain))
    different = np.argwhere(with_name != without)
    middle = different.mean(axis=0)
    assert len(different) and abs(middle[0] - 160) < 12 and abs(middle[1] - 480) < 12
    assert np.asarray(plain.overlay(mask * 0).share).max() == 0, "nothing is shaded where nothing is marked"


@pytest.fixture
def toy_starter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The model to start with is a toy, and the cache is empty."""
    for name, value in (("METHOD", TOY), ("DATA", "toy"), ("SCHEDULE", "smoke")):
        monkeypatch.setattr(starter, name, value)
    monkeypatch.setenv("AVSLIB_CACHE", str(tmp_path / "cache"))
    return starter.starter_run()[1]


def test_the_starter_is_trained_once_and_lies_under_its_hash(toy_starter: Path) -> None:
    assert starter.train_starter() == toy_starter and starter.is_trained(toy_starter)
    written = (toy_starter / WEIGHTS).stat().st_mtime_ns
    assert starter.train_starter() == toy_starter and (toy_starter / WEIGHTS).stat().st_mtime_ns == written
    run = starter.starter_run()[0]
    assert run.name in toy_starter.name
    other = replace(run, seed=1)
    assert starter.fingerprint(other.config())[:12] not in toy_starter.name


def test_an_interrupted_starter_goes_on(toy_starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(starter, "train", lambda run, out, resume: asked.append(resume))
    starter.train_starter()
    toy_starter.mkdir(parents=True)
    (toy_starter / "checkpoint.pt").touch()
    starter.train_starter()
    assert asked == [False, True]


def test_a_starter_that_somebody_else_trains(toy_starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starter, "LOCK_SECONDS", 0.1)
    toy_starter.parent.mkdir(parents=True)
    with FileLock(f"{toy_starter}.lock"), pytest.raises(UserError, match="another process"):
        starter.train_starter()


def test_without_a_model_it_says_what_it_does_and_what_that_model_knows(
    toy_starter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avslib.front_door.load", lambda folder: BrightWhileLoud())
    monkeypatch.chdir(tmp_path)
    report = avslib.segment(film(tmp_path / "a.mp4", seconds=1))
    told = capsys.readouterr().out
    assert "training a small one, once; about 7 minutes" in told and "bird, cat" in told
    assert "knows airplane, bird" in report.model and report.out == Path("a-segmented.mp4")
    avslib.segment(tmp_path / "a.mp4", overwrite=True)
    assert "training" not in capsys.readouterr().out


def test_wrong_input_is_told_before_a_model_is_trained(toy_starter: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no.mp4: no such video"):
        avslib.segment(tmp_path / "no.mp4", out=tmp_path / "out.mp4")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="--device cuda: torch finds no GPU"):
            avslib.segment(film(tmp_path / "a.mp4", seconds=1), out=tmp_path / "out.mp4", device="cuda")
    assert not toy_starter.exists()


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder as `avslib train` leaves it, of random weights."""
    run, folder = find_run("tpavi", "mini/avss", "smoke"), tmp_path / "runs/first"
    torch.manual_seed(0)
    write_json(folder / "config.json", run.config())
    write_json(folder / "record.json", {})
    save_weights(folder / WEIGHTS, run.model(pretrained=False))
    return folder


def test_a_run_paints_from_the_command_line(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "a.mp4", seconds=1, sounds=[])
    told = "segment a.mp4 -o b.mp4 --model runs/first --report r.json --device cpu"
    monkeypatch.setattr(sys, "argv", ["avslib", *told.split()])
    main()
    output = capsys.readouterr()
    assert "b.mp4: 1 seconds, 0 with sound" in output.out and "note: a.mp4 has no sound" in output.err
    report = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert report["model"] == "runs/first" and len(list(frames_of(Path("b.mp4")))) == 10
    names = {mark["class"] for second in report["seconds"] for mark in second["marked"]}
    assert names <= {"airplane", "bird", "cat", "cow", "dog", "man", "train", "woman"}
    assert avslib.load(trained).preprocessing.seconds == 10


def test_models_are_listed_with_what_they_know(trained: Path, tmp_path: Path) -> None:
    runs = trained.parent
    (runs / "broken").mkdir()
    (runs / "broken/config.json").write_text("{", encoding="utf-8")
    theirs = find_run("avsegformer", "avsbench/ms3", "authors")
    write_json(runs / "theirs/config.json", theirs.config() | {"imported": {"file": "MS3.pth", "sha256": ""}})
    (runs / "theirs" / WEIGHTS).touch()
    for age, name in enumerate(("first", "broken", "theirs")):
        os.utime(runs / name / "config.json", (age, age))
    lines = model_table([runs, tmp_path / "nothing"]).splitlines()[-3:]
    first, broken, imported = ([cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines)
    assert first[1:] == ["tpavi", "mini/avss", "smoke", "8 classes by name", "trained"]
    assert broken[-1] == "damaged"
    assert imported[1:] == [
        "avsegformer",
        "avsbench/ms3",
        "authors",
        "what sounds, no classes",
        "imported from MS3.pth",
    ]
    assert "no trained model yet" in model_table([tmp_path / "nothing"])
