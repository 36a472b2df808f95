"""VPO built out of COCO and VGGSound: what the tables say is so, and whatever happens on the way, the same."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from test_data_scripts import script
from tiny_coco import BEAR, HEIGHT, PERSON, TRAIN, WIDTH, Sources, Truth, rows, state, write_sources

from avslib.data.doctor import examine
from avslib.data.prepare import build_vpo, vpo_samples
from avslib.data.prepare.vggsound import LABELS
from avslib.data.readers.layouts import COCO_ID, TABLES, VPO_COUNTS, VPO_TABLE
from avslib.data.readers.vpo import VPO

Row = dict[str, str]
SUBSETS = tuple(VPO_TABLE)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return write_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def built(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sources.build(tmp_path_factory.mktemp("built") / "vpo")


def by_picture(folder: Path, subset: str) -> dict[str, list[Row]]:
    groups = defaultdict(list)
    for row in rows(folder, subset):
        groups[row["img_Id"]].append(row)
    return groups


def test_the_doctor_finds_nothing_but_that_it_is_short(built: Path) -> None:
    report = examine(built, workers=1, progress=False)
    assert [fault.kind for fault in report.faults] == ["wrong count"] * 6
    assert f"python data_scripts/build_vpo.py {built} --coco COCO --vggsound VGGSOUND" in str(report)


@pytest.mark.parametrize("subset", SUBSETS)
def test_masks_and_positions_are_those_of_the_annotations(subset: str, built: Path, sources: Sources) -> None:
    for split in ("train", "test"):
        data, own = VPO(built, subset=subset, split=split, size=None), by_picture(built, subset)
        assert len(data) >= 3
        for index, clip in enumerate(data):
            still, mine = data.stills[index], own[data.stills[index].image]
            masks = {int(row["ann_Ids"]): sources.truth.masks[int(row["ann_Ids"])] for row in mine}
            expected = np.zeros((HEIGHT, WIDTH), int)
            for number in sorted(masks, key=lambda number: -masks[number].sum()):
                expected[masks[number]] = 1 + list(COCO_ID.values()).index(sources.truth.category[number])
            assert np.array_equal(clip.labels[0].numpy(), expected)
            for position, mask in zip(still.positions, masks.values(), strict=True):
                assert position == pytest.approx((np.argwhere(mask)[:, 1].mean() + 0.5) / WIDTH, abs=1e-6)
            part = "train2017" if split == "train" else "val2017"
            assert (built / data.files(index).frames[0]).read_bytes() == (
                sources.coco / part / f"{int(still.image):012d}.jpg"
            ).read_bytes()


def test_the_louder_ear_is_on_the_side_of_what_sounds(built: Path) -> None:
    for clip in VPO(built, subset="vpo-ss", split="train", size=None):
        columns = torch.nonzero(clip.labels[0])[:, 1].float()
        left, right = clip.waveform.pow(2).sum(dim=1).tolist()
        assert (left > right) == (float(columns.mean()) + 0.5 < WIDTH / 2)


def test_who_sounds(built: Path, sources: Sources) -> None:
    truth, seen = sources.truth, Counter[str]()
    for subset in SUBSETS:
        for image, mine in by_picture(built, subset).items():
            there = Counter(truth.category[number] for number in truth.of_picture[int(image)])
            heard = Counter(int(row["cateId"]) for row in mine)
            assert heard == Counter(truth.category[int(row["ann_Ids"])] for row in mine)
            assert all(truth.masks[int(row["ann_Ids"])].sum() >= vpo_samples.SMALLEST for row in mine)
            assert not truth.crowds & {int(row["ann_Ids"]) for row in mine}
            assert len({row["vgg_file"] for row in mine}) == len(mine) <= 5
            own = subset if mine[0].get("multi_instance") != "0" else "vpo-ms"
            if own == "vpo-ss":
                assert len(mine) == 1 and there[int(mine[0]["cateId"])] == 1
            elif own == "vpo-ms":
                assert len(heard) == len(mine) >= 2
                assert all(count == 1 for key, count in there.items() if key in COCO_ID.values())
            else:
                assert max(heard.values()) >= 2
                assert sum(count for key, count in there.items() if key in COCO_ID.values()) <= 5
                assert not truth.crowds & set(truth.of_picture[int(image)])
            able = [n for n in truth.of_picture[int(image)] if can_sound(truth, n)]
            assert own == "vpo-ss" or len(mine) == len(able) == 2 or 2 <= len(mine) < len(able)
            seen[own] += 1
    assert set(seen) == set(SUBSETS)


def can_sound(truth: Truth, number: int) -> bool:
    """Every class has three recordings in a split, and no picture more than three of it."""
    large = truth.masks[number].sum() >= vpo_samples.SMALLEST
    return large and number not in truth.crowds and truth.category[number] not in (PERSON, TRAIN, BEAR, 37)


def test_sounds_are_of_the_class_and_of_one_split(built: Path, sources: Sources) -> None:
    with (sources.vggsound / "vggsound.csv").open(newline="", encoding="utf-8") as file:
        listed = {
            f"{video}_{int(second):06d}": (label, split) for video, second, label, split in csv.reader(file)
        }
    used: dict[str, set[str]] = {"train": set(), "test": set()}
    pictures: dict[str, set[str]] = {"train": set(), "test": set()}
    for row in (row for subset in SUBSETS for row in rows(built, subset)):
        label, split = listed[row["vgg_file"]]
        assert label in LABELS[row["cateName"]] and split == row["split"]
        used[split].add(row["vgg_file"])
        pictures[split].add(row["img_Id"])
    assert not used["train"] & used["test"] and not pictures["train"] & pictures["test"]
    for name in used["train"] | used["test"]:
        path = next((sources.vggsound / "clips").glob(f"{name}.*"))
        found, (samples, rate) = (
            soundfile.info(str(built / f"vggsound_bench/VGGSound/audios/{name}.wav")),
            soundfile.read(path),
        )
        assert found.samplerate == 16000 and found.channels == samples.ndim
        assert found.duration == pytest.approx(len(samples) / rate, abs=1e-3)


def test_msmi_is_ms_and_more(built: Path) -> None:
    ms, msmi = rows(built, "vpo-ms"), rows(built, "vpo-msmi")
    assert [row | {"multi_instance": "0"} for row in ms] == msmi[: len(ms)] and len(msmi) > len(ms)
    assert {row["multi_instance"] for row in msmi[len(ms) :]} == {"1"}


def run(sources: Sources, folder: Path, *more: str) -> int:
    words = ["build_vpo", folder, "--coco", sources.coco, "--vggsound", sources.vggsound, *more]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", list(map(str, words)))
        status: int = script("build_vpo").main()
    return status


def test_the_script_tells_what_it_reached_and_again_changes_nothing(
    sources: Sources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(sources, tmp_path / "vpo") == 0
    told = capsys.readouterr().out
    assert "left out: male, female, baby" in told and "no error" in told
    papers = [int(line.split()[3]) for line in told.splitlines() if line.endswith("differs")]
    assert papers == [count for counts in VPO_COUNTS.values() for count in counts.values()]
    written = [int(row["cateId"]) for subset in SUBSETS for row in rows(tmp_path / "vpo", subset)]
    assert max(written) < 92
    before = state(tmp_path / "vpo")
    times = {
        p: p.stat().st_mtime_ns for p in (tmp_path / "vpo").rglob("*") if p.suffix in (".png", ".jpg", ".wav")
    }
    assert run(sources, tmp_path / "vpo") == 0
    assert state(tmp_path / "vpo") == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_people_sound_where_somebody_told_them_apart(built: Path, sources: Sources, tmp_path: Path) -> None:
    assert {"male", "female"} <= {row["cateName"] for row in rows(built, "vpo-ms")}
    lines = (sources.coco / "people.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "few.csv").write_text("".join(lines[::2]), encoding="utf-8")
    sources.build(tmp_path / "vpo", people=tmp_path / "few.csv")
    known = {int(line.split(",")[0]) for line in lines[::2]}
    for image, mine in by_picture(tmp_path / "vpo", "vpo-ss").items():
        people = [n for n in sources.truth.of_picture[int(image)] if sources.truth.category[n] > 91]
        if int(mine[0]["cateId"]) > 91:  # nobody else there may be of the same class
            assert int(mine[0]["ann_Ids"]) in known
            assert all(
                n in known and sources.truth.category[n] != int(mine[0]["cateId"])
                for n in people if n != int(mine[0]["ann_Ids"])
            )  # fmt: skip


@pytest.mark.parametrize(("name", "call"), [("convert", 2), ("write_sample", 3), ("encode", 5), ("table", 2)])
def test_an_interrupted_run_goes_on_to_the_same(
    name: str, call: int, sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sources.build(tmp_path / "whole", size=3)
    calls, real = iter(range(1, 10**6)), getattr(build_vpo, name)

    def stop(*given: Any, **options: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return real(*given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(build_vpo, name, stop)
        with pytest.raises(KeyboardInterrupt):
            sources.build(tmp_path / "begun", size=3)
    begun = state(tmp_path / "begun")
    assert begun and set(begun) < set(state(whole))
    assert state(sources.build(tmp_path / "begun", size=3)) == state(whole)


def test_a_seed_decides_everything_and_size_is_a_limit(sources: Sources, tmp_path: Path) -> None:
    folders = [
        sources.build(tmp_path / name, seed=seed, size=3) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    states = [state(folder) for folder in folders]
    assert states[0] == states[1] != states[2]
    for split in ("train", "test"):
        assert len(VPO(folders[0], subset="vpo-ss", split=split)) == 3
        own = [still.multi_instance for still in VPO(folders[0], subset="vpo-msmi", split=split).stills]
        assert own == [False] * 3 + [True] * 3
    before = {row["img_Id"] for row in rows(folders[0], "vpo-ss")}
    assert before != {row["img_Id"] for row in rows(folders[2], "vpo-ss")}


def test_subset_by_subset_is_as_all_at_once(sources: Sources, tmp_path: Path) -> None:
    """MSMI brings MS along."""
    sources.build(tmp_path / "one", subsets=["vpo-msmi"], size=3)
    assert not (tmp_path / "one/VPO/VPO-SS").exists() and (tmp_path / "one" / TABLES["vpo-ms"]).is_file()
    sources.build(tmp_path / "one", subsets=["vpo-ss"], size=3)
    both = [state(tmp_path / "one"), state(sources.build(tmp_path / "all", size=3))]
    marks = [json.loads(files.pop("vpo-build.json")) for files in both]
    assert both[0] == both[1] and marks[0] == marks[1]


def test_recordings_that_cannot_be_used_are_left_out_of_the_plan(
    sources: Sources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = sources.copy(tmp_path)
    clips = sorted((own.vggsound / "clips").glob("*.wav"))
    bad, quiet = [path for path in clips if "dog" in path.name][:2]
    bad.write_bytes(bad.read_bytes()[:3000])
    soundfile.write(quiet, np.zeros(8000), 16000)
    own.build(tmp_path / "vpo")
    told = capsys.readouterr().out
    assert f"left out: {bad}: cut off" in told and f"left out: {quiet}: silent" in told
    used = {row["vgg_file"] for subset in SUBSETS for row in rows(tmp_path / "vpo", subset)}
    assert any("dog" in name for name in used) and not used & {bad.stem, quiet.stem}
    before = state(tmp_path / "vpo")
    assert state(own.build(tmp_path / "vpo")) == before
    assert "left out: -" not in capsys.readouterr().out


def test_a_file_that_is_gone_is_written_again(built: Path, sources: Sources, tmp_path: Path) -> None:
    folder = shutil.copytree(built, tmp_path / "vpo")
    before = state(folder)
    for ending in ("png", "jpg", "wav", "csv"):
        sorted(folder.rglob(f"*.{ending}"))[1].unlink()
    assert state(sources.build(folder)) == before
    mask = sorted(folder.rglob("*.png"))[1]
    mask.write_bytes(b"damaged")
    advice = str(examine(folder, workers=1, progress=False)).rpartition("Next:")[2]
    assert f"rm -- {mask}\n" in advice and "data_scripts/build_vpo.py" in advice


def test_a_video_is_as_good_as_a_sound(sources: Sources, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    own = sources.copy(tmp_path)
    for path in (own.vggsound / "clips").glob("*"):
        if "_elephan" in path.name or "-elephan" in path.name:
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
            with av.open(str(path.with_suffix(".mp4")), "w") as file:
                stream = file.add_stream("aac", rate=rate, layout="mono")
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(samples.T[:1]), format="fltp", layout="mono"
                )
                frame.rate = rate
                file.mux(stream.encode(frame)), file.mux(stream.encode(None))
            path.unlink()
    own.build(tmp_path / "vpo")
    names = {
        row["vgg_file"] for s in SUBSETS for row in rows(tmp_path / "vpo", s) if row["cateName"] == "elephant"
    }
    assert names
    for name in names:
        assert (
            soundfile.info(str(tmp_path / f"vpo/vggsound_bench/VGGSound/audios/{name}.wav")).samplerate
            == 16000
        )
