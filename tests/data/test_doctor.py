"""The doctor finds what is wrong, all of it, and nothing else; and its advice helps."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from planted_faults import FAULTS, Said, plant
from releases import half, save, write_object, write_semantic, write_vpo

from avslib.cli.main import main
from avslib.data.doctor import KINDS, Report, examine, scan
from avslib.data.mini.writer import write_mini
from avslib.errors import UserError

CLIPS = 24


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("doctor") / "mini"
    write_mini(folder, layout="avsbench", clips=CLIPS, size=40, progress=False)
    return folder


@pytest.fixture(scope="module")
def healthy(mini: Path) -> Report:
    return examine(mini, workers=1, progress=False)


@pytest.fixture(scope="module")
def planted(mini: Path, healthy: Report) -> tuple[list[Said], Report]:
    said = plant(mini)
    return said, examine(mini, workers=1, progress=False)


def test_a_healthy_folder_has_no_fault_and_a_next_command(mini: Path, healthy: Report) -> None:
    assert not healthy.faults
    text = str(healthy)
    assert f"avslib train tpavi --data avsbench/s4 --data-dir {mini}" in text
    assert "s4, ms3, avss (AVS-Mini); not here: vpo-ss, vpo-ms, vpo-msmi" in text
    row = next(line.split() for line in text.splitlines() if line.split()[:2] == ["ms3", "train"])
    clips = str(round(0.7 * CLIPS))
    assert row[2:4] == [clips, clips] and row[4] == row[5] == str(5 * int(clips)) and row[6] == clips


def test_it_counts_what_is_no_fault(healthy: Report) -> None:
    """Against the readers' own view of the same files."""
    from avslib.data.readers.avsbench_object import AVSBenchObject
    from avslib.data.readers.avsbench_semantic import AVSBenchSemantic

    root = healthy.inventory.root
    clips = [
        clip for split in ("train", "val", "test") for clip in AVSBenchObject(root, subset="ms3", split=split)
    ]
    own = [one for c, one in zip(healthy.inventory.clips, healthy.findings) if c.subset == "ms3"]
    assert sum(one.counts["silent"] for one in own) == sum(
        int((~c.labels.bool().flatten(1).any(1)).sum()) for c in clips
    )
    assert sum(one.counts["mono"] for one in own) == sum(
        bool((c.waveform[0] == c.waveform[-1]).all()) for c in clips
    )
    assert sum(one.counts["quiet"] for one in own) == sum(float(c.waveform.abs().max()) < 1e-3 for c in clips)
    test = AVSBenchSemantic(root, split="test")
    shown = [set(clip.labels.unique().tolist()) - {0, 255} for clip in test]
    found = [
        one.labels
        for c, one in zip(healthy.inventory.clips, healthy.findings)
        if (c.subset, c.split) == ("avss", "test")
    ]
    assert found == shown


def test_it_finds_every_planted_fault_and_nothing_else(
    planted: tuple[list[Said], Report], mini: Path
) -> None:
    said, report = planted
    assert len(said) == len(FAULTS) >= 20
    assert sorted((fault.kind, fault.path) for fault in report.faults) == sorted(said)
    assert not (mini.parent / "outside" / "called").exists()  # what a pickle asked for
    text = str(report)
    assert all(f"{kind} (" in text and KINDS[kind] in text for kind, _ in said)


def test_it_is_the_same_in_several_processes(
    planted: tuple[list[Said], Report], mini: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "WORTH", 1)
    report = examine(mini, workers=2, progress=False)
    assert report.faults == planted[1].faults and report.findings == planted[1].findings


def test_its_advice_repairs_avs_mini(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "a folder"
    write_mini(root, layout="avsbench", subsets=("ms3",), clips=10, size=32, family="GPL", progress=False)
    frames = sorted(root.glob("Multi-sources/ms3_data/visual_frames/*/*.png"))
    frames[0].unlink()
    frames[1].write_bytes(frames[1].read_bytes()[:50])
    Image.new("RGB", (8, 8)).save(frames[2])
    with pytest.raises(SystemExit) as ended:
        run("doctor", str(root), "--csv", str(tmp_path / "faults.csv"))
    assert ended.value.code == 1
    told = capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "faults.csv").open(newline="", encoding="utf-8")))
    assert sorted(row["kind"] for row in rows) == ["corrupt", "missing file", "wrong size"]
    for line in told.rpartition("Next:\n")[2].strip().splitlines():
        words = shlex.split(line)
        if words[0] == "avslib":
            run(*words[1:])  # the last one is the doctor, which now has nothing to say
        else:
            subprocess.run(words, check=True)


def run(*arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["avslib", *arguments])
        main()


Change = Callable[[Path], None]


def kinds(root: Path) -> list[str]:
    report = examine(root, workers=1, progress=False)
    str(report)
    return sorted({fault.kind for fault in report.faults})


def test_small_releases_are_sound_but_short(tmp_path: Path) -> None:
    """What the readers read without complaint; there is one picture a second, the same in every clip."""
    write_object(tmp_path / "object")
    assert kinds(tmp_path / "object") == ["split leak"]
    for write in (write_semantic, write_vpo):
        write(tmp_path / write.__name__)
    assert kinds(tmp_path / "write_semantic") == ["split leak"]
    assert kinds(tmp_path / "write_vpo") == ["wrong count"]


def replace(name: str, old: str, new: str) -> Change:
    def change(root: Path) -> None:
        text = (root / name).read_text(encoding="utf-8")
        assert old in text
        (root / name).write_text(text.replace(old, new), encoding="utf-8")

    return change


SS, MS = "VPO/VPO-SS/vpo_ss_data_stereo.csv", "VPO/VPO-MS/vpo_ms_data_stereo.csv"
MSMI = "VPO/VPO-MSMI/vpo_msmi_data_stereo.csv"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (replace(SS, "0.25", "1.5"), "wrong position"),
        (replace(SS, "0.25", "left"), "wrong position"),
        (replace(SS, "dog_a", "../../dog"), "unsafe name"),
        (replace(SS, "cell phone,77,8", "dog,77,7"), "split leak"),
        (replace(SS, "dog_a", "dog_b"), "missing file"),
        (replace(SS, "dog,18,7", "dog,18,9"), "missing file"),
        (replace(SS, "audio_pos", "position"), "table"),
        (replace(SS, "\ndog,18", "\n\x80\udcff".encode("utf-8", "surrogateescape").decode("latin1")), "table"),
        (lambda root: (root / MS).write_text("", encoding="utf-8"), "table"),
        (lambda root: save(root / "VPO/VPO-MS/mask/000000000011.png", half(90)), "wrong colour"),
        (lambda root: save(root / "VPO/VPO-MSMI/mask/000000000012.png", half(18, 8, 8)), "wrong size"),
    ],
)  # fmt: skip
def test_vpo(change: Change, kind: str, tmp_path: Path) -> None:
    write_vpo(tmp_path)
    change(tmp_path)
    assert kind in kinds(tmp_path)


@pytest.mark.parametrize("more", ["", ",0"], ids=["the file itself", "with its own column"])
def test_a_table_of_msmi_that_is_that_of_ms(more: str, tmp_path: Path) -> None:
    """As is reported of an archive. What is listed is otherwise in order, so the counts are not told as well."""
    write_vpo(tmp_path)
    head, *lines = (tmp_path / MS).read_text(encoding="utf-8").splitlines()
    copied = [head + (",multi_instance" if more else ""), *(line + more for line in reversed(lines))]
    (tmp_path / MSMI).write_text("\n".join(copied) + "\n", encoding="utf-8")
    report = examine(tmp_path, workers=1, progress=False)
    own = [fault for fault in report.faults if fault.path == MSMI]
    assert [fault.kind for fault in own] == ["same table"] + ([] if more else ["table"])
    assert f"lists the 2 rows of {MS} and no others" in own[0].what
    assert "data_scripts/vpo.py" in str(report) and "data_scripts/build_vpo.py" in str(report)


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', json.dumps({"background": 0, "a": 2})])
def test_a_class_list_that_numbers_nothing(text: str, tmp_path: Path) -> None:
    write_semantic(tmp_path)
    (tmp_path / "label2idx.json").write_text(text, encoding="utf-8")
    assert "class list" in kinds(tmp_path)


def test_no_release_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no benchmark"):
        examine(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        examine(tmp_path / "absent")


def test_names_on_disk_cannot_talk_to_the_terminal(tmp_path: Path) -> None:
    write_object(tmp_path)
    for name in (b"\x1b[2J", b"\xff\xfe"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/Multi-sources/ms3_data/visual_frames/" + name)).mkdir()
    report = examine(tmp_path, workers=1, progress=False)
    assert [fault.kind for fault in report.faults].count("unlisted clip") == 2
    text = str(report)
    assert "\x1b" not in text and text.encode()
    report.write_csv(tmp_path / "faults.csv")


def test_advice_for_a_real_release_names_its_script(tmp_path: Path) -> None:
    write_vpo(tmp_path)
    text = str(examine(tmp_path, workers=1, progress=False))
    assert f"python data_scripts/vpo.py {tmp_path} --archives ARCHIVE" in text
    assert "train has 1 of the paper's 11312 clips" in text
