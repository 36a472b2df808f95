"""What the doctor says of links, of sounds through pipes, of what systems leave behind; what it tells to do works."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from releases import write_object, write_semantic, write_vpo
from warm_python import WarmPython

from avslib.cli.main import main
from avslib.data.doctor import Report, examine
from avslib.data.doctor.advice import ENOUGH, ENOUGH_FOR_SMOKE
from avslib.data.loading.order import BatchOrder
from avslib.data.mini.writer import LAYOUTS, write_mini
from avslib.data.prepare.release import finish
from avslib.methods.resolve import find_run

SOUNDS = "vggsound_bench/VGGSound/audios"


def look(root: Path) -> Report:
    return examine(root, workers=1, progress=False)


def commands(report: Report) -> list[list[str]]:
    """What it says to type."""
    return [shlex.split(line) for line in str(report).rpartition("Next:")[2].splitlines()[1:]]


def follow(report: Report) -> None:
    """Do it; the last command is the doctor, which then has nothing to say."""
    for words in commands(report):
        if words[0] == "avslib":
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sys, "argv", words)
                main()
        else:
            subprocess.run(words, check=True)


@pytest.fixture
def vpo(tmp_path: Path) -> Path:
    write_mini(tmp_path / "vpo", layout="vpo", clips=20, size=40, progress=False)
    return tmp_path / "vpo"


def test_every_missing_sound_of_vpo_is_named_and_nothing_good_is_removed(vpo: Path, tmp_path: Path) -> None:
    clip = next(clip for clip in look(vpo).inventory.clips if len(clip.files.sounds) > 1)
    for path in clip.files.sounds:
        (vpo / path).unlink()
    report = look(vpo)
    assert {(fault.kind, fault.path) for fault in report.faults} == {
        ("missing file", path) for path in clip.files.sounds
    }
    report.write_csv(tmp_path / "faults.csv")
    with (tmp_path / "faults.csv").open(newline="", encoding="utf-8") as file:
        assert {row["path"] for row in csv.DictReader(file)} == set(clip.files.sounds)
    assert all(path in str(report) for path in clip.files.sounds)
    assert not any(words[0] in ("rm", "mv") for words in commands(report))
    good = {path: path.stat().st_mtime_ns for path in vpo.rglob("*.wav")}
    follow(report)
    assert all(path.stat().st_mtime_ns == since for path, since in good.items())


def test_a_clip_of_vpo_without_any_file_has_them_all_named(vpo: Path) -> None:
    clips = look(vpo).inventory.clips
    clip = next(c for c in clips if c.subset == "vpo-ss")
    for path in clip.files.needed:
        (vpo / path).unlink()
    report = look(vpo)
    assert {fault.path for fault in report.faults} == set(clip.files.needed)
    assert {fault.kind for fault in report.faults} == {"missing clip", "missing file"}
    follow(report)


def test_files_of_a_folder_are_named(tmp_path: Path) -> None:
    write_semantic(tmp_path)
    shutil.rmtree(tmp_path / "v1m/two_0/labels_rgb")
    shutil.rmtree(tmp_path / "v2/four_0")
    told = {fault.path: fault.what for fault in look(tmp_path).faults}
    assert told["v1m/two_0/labels_rgb"].endswith("0.png, 1.png, 2.png, 3.png, 4.png")
    assert "v2/four_0/labels_rgb/9.png, v2/four_0/audio.wav" in told["v2/four_0/frames"]


def test_only_bad_files_are_removed_and_strangers_are_put_aside(tmp_path: Path) -> None:
    root = tmp_path / "a mini"
    write_mini(root, layout="avsbench", subsets=("ms3",), clips=10, size=32, progress=False)
    frames = root / "Multi-sources/ms3_data/visual_frames"
    folders = sorted(frames.iterdir())
    for path in folders[0].iterdir():  # a whole clip in another size
        Image.open(path).resize((64, 64)).save(path)
    (folders[0] / "mine.txt").write_text("mine", encoding="utf-8")
    (frames / "stranger").mkdir()
    (frames / "stranger/0.png").write_bytes(b"good, for all we know")
    taken = next(folders[1].iterdir())
    taken.unlink()
    taken.mkdir()
    assert [words[0] for words in commands(look(root))] == ["mv", "avslib", "avslib"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("avslib.data.doctor.advice.FEW", 100)
        removed = [word for words in commands(look(root)) if words[0] == "rm" for word in words[2:]]
        assert removed and all(Path(path).is_file() for path in removed)
        follow(look(root))
    assert (folders[0] / "mine.txt").exists() and (tmp_path / "a mini.aside/stranger/0.png").exists()
    assert not look(root).faults


@pytest.mark.parametrize("clips", [10, 20])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_comes_next_fits_the_data(layout: str, clips: int, python: WarmPython, tmp_path: Path) -> None:
    """Every batch that the command asks for is there, or it does not train."""
    root = tmp_path / "it's here"
    write_mini(root, layout=layout, clips=clips, size=40, progress=False)
    (words,) = commands(look(root))
    if words[0] == "python":
        assert "frames=tensor" in python(*words[1:])
        return
    options = dict(zip(words[3::2], words[4::2]))
    schedule = options.get("--schedule", "reduced")
    run = find_run(words[2], options["--data"], schedule, data_dir=Path(options["--data-dir"]))
    plan, count = run.plan, len(run.clips("train"))
    assert len(BatchOrder(
        clips=count, batch_size=plan.batch_size, epochs=1, steps_per_epoch=plan.steps_per_epoch, seed=0
    )) >= 1  # fmt: skip
    assert schedule == "smoke" and count >= ENOUGH_FOR_SMOKE


def test_the_command_that_trains_runs(vpo: Path, tmp_path: Path) -> None:
    (words,) = commands(look(vpo))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [*words, "--out", str(tmp_path / "run")])
        main()
    assert (tmp_path / "run/record.json").is_file()


def test_enough_is_enough_for_the_schedules() -> None:
    from avslib.methods import METHODS

    for name in METHODS:
        plan = find_run(name, "mini/ms3", "reduced").plan
        assert plan.batch_size <= ENOUGH
        smoke = find_run(name, "mini/ms3", "smoke").plan
        assert smoke.batch_size * int(smoke.steps_per_epoch or 1) <= ENOUGH_FOR_SMOKE


@pytest.mark.parametrize("write", [write_object, write_semantic, write_vpo])
def test_parts_on_another_disk_are_no_faults(write: object, tmp_path: Path) -> None:
    root, disk = tmp_path / "data", tmp_path / "disk2"
    write(root)  # type: ignore[operator]
    disk.mkdir()
    before = [(fault.kind, fault.path) for fault in look(root).faults]
    files = sorted(path for path in root.rglob("*") if path.is_file())
    for number, path in enumerate(files[::7]):  # every seventh file, tables among them
        path.rename(disk / f"{number}{path.suffix}")
        path.symlink_to(disk / f"{number}{path.suffix}")
    for number, path in enumerate(sorted(root.rglob("*"))):
        if path.is_dir() and not path.is_symlink() and path.parent != root and path.parent.parent != root:
            path.rename(disk / f"folder-{number}")
            path.symlink_to(disk / f"folder-{number}")
            break
    top = next(path for path in sorted(root.iterdir()) if path.is_dir())
    top.rename(disk / "top")
    top.symlink_to(disk / "top")
    report = look(root)
    assert [(fault.kind, fault.path) for fault in report.faults] == before
    finish(report.inventory)
    (sums,) = root.glob("SHA256SUMS*")
    subprocess.run(["sha256sum", "-c", "--quiet", sums.name], cwd=root, check=True)


def test_a_link_to_nowhere_is_told_with_where(tmp_path: Path) -> None:
    write_semantic(tmp_path)
    path = tmp_path / "v2/three_0/frames/3.jpg"
    path.unlink()
    os.symlink("/elsewhere/gone/3.jpg", path)
    (fault,) = [fault for fault in look(tmp_path).faults if fault.kind == "missing file"]
    assert fault.what == "is a link to /elsewhere/gone/3.jpg, which is not there"


def test_what_systems_leave_behind_is_no_clip(tmp_path: Path) -> None:
    write_object(tmp_path / "o"), write_semantic(tmp_path / "s")
    before = [look(tmp_path / name).faults for name in "os"]
    frames = [tmp_path / "o/Multi-sources/ms3_data/visual_frames", tmp_path / "s/v2"]
    frames += [tmp_path / "o/Single-source/s4_data/visual_frames/train"]
    for folder in frames:
        for name in (
            ".ipynb_checkpoints/x",
            "__MACOSX/x",
            "._clip/x",
            "Thumbs.db",
            "desktop.ini",
            ".DS_Store",
        ):
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.mkdir() if name.endswith("x") else path.touch()
    (tmp_path / "s/v2/three_0/frames/._0.jpg").touch()
    assert [look(tmp_path / name).faults for name in "os"] == before


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_sound_through_a_pipe_is_a_note_and_no_fault(size: int, tmp_path: Path) -> None:
    write_semantic(tmp_path)
    before = look(tmp_path).faults
    path = tmp_path / "v2/three_0/audio.wav"
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"data") + 4, size)
    path.write_bytes(data)
    report = look(tmp_path)
    assert report.faults == before
    assert re.search(r"note: 1 sounds were written through a pipe", str(report))
    path.write_bytes(data[: data.index(b"data") + 8])
    kinds = {fault.kind for fault in look(tmp_path).faults if fault.path == "v2/three_0/audio.wav"}
    assert kinds & {"no samples", "corrupt"}


def test_a_frame_of_16_bits_is_sound(tmp_path: Path) -> None:
    write_object(tmp_path)
    path = tmp_path / "Multi-sources/ms3_data/visual_frames/fff3/fff3.mp4_2.png"
    before = [fault.kind for fault in look(tmp_path).faults]
    Image.fromarray(np.full((32, 48), 30000, np.uint16)).save(path)
    assert [fault.kind for fault in look(tmp_path).faults if fault.kind != "split leak"] == [
        kind for kind in before if kind != "split leak"
    ]
