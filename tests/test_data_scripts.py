"""The scripts that make a folder out of archives: right, repeatable, and not to be led astray."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from PIL import Image
from warm_python import WarmPython

from avslib.data.doctor import examine
from avslib.data.mini.writer import write_mini
from avslib.data.prepare.extract import extract, read_frames, read_sound
from avslib.data.readers.avsbench_semantic import AVSBenchSemantic
from avslib.errors import UserError
from avslib.metrics.groups import sources

SCRIPTS = Path(__file__).parents[1] / "data_scripts"
SIZE, CLIPS = 40, 10
PARTS = {
    "avsbench_object": ("avsbench", ("s4", "ms3")),
    "avsbench_semantic": ("avsbench", ("avss",)),
    "vpo": ("vpo", ()),
}


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where pickling looks for its functions
    spec.loader.exec_module(module)
    return module


def run(name: str, *arguments: str | Path) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, *map(str, arguments)])
        status: int = script(name).main()
    return status


@pytest.fixture(scope="module", params=PARTS)
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """(script, archive): AVS-Mini as it could be sent, in a folder of the archive, with other things beside."""
    layout, subsets = PARTS[request.param]
    top = tmp_path_factory.mktemp(request.param)
    write_mini(top / "mini", layout=layout, subsets=subsets, clips=CLIPS, size=SIZE, progress=False)
    archive = top / "release.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("release 2.0/notes.txt", "hello")
        for path in sorted((top / "mini").rglob("*")):
            if path.is_file():
                file.write(path, Path("release 2.0") / path.relative_to(top / "mini"))
    return request.param, archive


def state(folder: Path) -> dict[Path, tuple[bytes, int]]:
    return {
        p: (p.read_bytes(), p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file() and "SUMS" not in p.name
    }


def test_from_archive_to_a_healthy_folder_and_again(release: tuple[str, Path], tmp_path: Path) -> None:
    name, archive = release
    folder = tmp_path / "data"
    assert run(name, folder, "--archives", archive) == 0
    assert not examine(folder, workers=1, progress=False).faults
    assert not (folder / "notes.txt").exists()
    (sums,) = folder.glob("SHA256SUMS*")
    subprocess.run(["sha256sum", "-c", "--quiet", sums.name], cwd=folder, check=True)
    before, listed = state(folder), sums.read_text(encoding="utf-8")
    assert run(name, folder, "--archives", archive) == 0
    assert state(folder) == before and sums.read_text(encoding="utf-8") == listed
    first, second = sorted(p for p in before if p.suffix in (".png", ".jpg"))[:2]
    first.write_bytes(b"damaged"), second.unlink()
    assert run(name, folder) == 1
    digest = hashlib.sha256(b"damaged").hexdigest()
    assert f"{digest}  {first.relative_to(folder)}\n" in sums.read_text(encoding="utf-8")
    assert str(second.relative_to(folder)) not in sums.read_text(encoding="utf-8")
    assert run(name, folder, "--archives", archive) == 0
    assert {p: data for p, (data, _) in state(folder).items()} == {p: data for p, (data, _) in before.items()}
    assert sums.read_text(encoding="utf-8") == listed


def test_counts_are_compared_with_the_papers(
    release: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, archive = release
    folder = tmp_path / "data"
    run(name, folder, "--archives", archive)
    (folder / "avs-mini.json").unlink()  # now it says it is the real one
    capsys.readouterr()
    assert run(name, folder) == 1
    told = capsys.readouterr().out
    papers = {
        "avsbench_object": [3452, 740, 740, 286, 64, 64], "avsbench_semantic": [8498, 1304, 1554],
        "vpo": [11312, 890, 8380, 1437, 11080, 1775],
    }[name]  # fmt: skip
    rows = [line.split() for line in told.splitlines() if line.endswith("differs")]
    assert [int(row[3]) for row in rows] == papers


@pytest.mark.parametrize("name", PARTS)
def test_without_data_it_says_how_to_get_it(name: str, python: WarmPython, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is there yet[\s\S]*github.com"):
        run(name, tmp_path)
    done = python.run(str(SCRIPTS / f"{name}.py"), str(tmp_path))
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_an_archive_that_leads_out_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("Single-source/s4_meta_data.csv", "name,start_time,category,split\n")
        file.writestr("Single-source/../../outside.txt", "x")
    with pytest.raises(UserError, match="no path inside"):
        run("avsbench_object", tmp_path / "data", "--archives", tmp_path / "x.zip")
    assert {p.name for p in tmp_path.iterdir()} == {"x.zip"}


RATE = 25


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds; frame n is grey 2 n on the left, and black on the right; a tone on the left channel."""
    av = pytest.importorskip("av")
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    with av.open(str(path), "w") as file:
        pictures = file.add_stream("mpeg4", rate=RATE, width=64, height=48, pix_fmt="yuv420p")
        pictures.bit_rate = 4_000_000
        sound = file.add_stream("aac", rate=44100, layout="stereo")
        for number in range(5 * RATE):
            pixels = np.zeros((48, 64, 3), np.uint8)
            pixels[:, :32] = 2 * number
            file.mux(pictures.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(5 * 44100) / 44100)
        both = np.stack([tone, 0 * tone]).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(both, format="fltp", layout="stereo")
        frame.rate = 44100
        file.mux(sound.encode(frame))
        file.mux(pictures.encode(None)), file.mux(sound.encode(None))
    return path


def test_frames_are_the_sixteenth_of_sixteen(video: Path) -> None:
    frames = read_frames(video, seconds=5, size=24)
    levels = [float(frame[:, :10].mean()) for frame in frames]
    assert np.allclose(levels, [2 * int((second + 15 / 16) * RATE) for second in range(5)], atol=3)
    assert all(frame.shape == (24, 24, 3) and frame[:, 14:].mean() < 3 for frame in frames)
    longer = read_frames(video, seconds=7, size=24)  # ends early: its last frame again
    assert np.allclose([longer[5][:, :10].mean(), longer[6][:, :10].mean()], 2 * (5 * RATE - 1), atol=3)


def test_sound_is_sixteen_kilohertz_and_keeps_its_channels(video: Path) -> None:
    sound = read_sound(video) / 2**15
    assert sound.shape[1] == 2 and abs(len(sound) / 16000 - 5) < 0.1
    middle = sound[16000:32000]
    assert np.abs(np.fft.rfft(middle[:, 0])).argmax() == 440
    assert np.sqrt((middle**2).mean(0)) == pytest.approx([0.5 / np.sqrt(2), 0], abs=0.02)


def test_what_an_archive_lacks_is_taken_from_its_videos(video: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_mini(folder, layout="avsbench", subsets=("ms3",), clips=CLIPS, size=224, progress=False)
    base = folder / "Multi-sources/ms3_data"
    clip = sorted((base / "visual_frames").iterdir())[0]
    kept = (clip / f"{clip.name}.mp4_2.png").read_bytes()
    for k in (1, 3, 4, 5):
        (clip / f"{clip.name}.mp4_{k}.png").unlink()
    next(base.glob(f"audio_wav/*/{clip.name}.wav")).unlink()
    (base / "raw_videos").mkdir()
    shutil.copy(video, base / "raw_videos" / f"{clip.name}.mp4")
    assert run("avsbench_object", folder) == 0
    assert not examine(folder, workers=1, progress=False).faults
    assert (clip / f"{clip.name}.mp4_2.png").read_bytes() == kept
    assert float(np.array(Image.open(clip / f"{clip.name}.mp4_3.png"))[:, :90].mean()) == pytest.approx(
        2 * 73, abs=3
    )


def test_sounds_of_vpo_come_from_vggsound(video: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_mini(folder, layout="vpo", subsets=("vpo-ss",), clips=CLIPS, size=SIZE, progress=False)
    wav = sorted((folder / "vggsound_bench/VGGSound/audios").iterdir())[0]
    wav.unlink()
    (tmp_path / "videos").mkdir()
    shutil.copy(video, tmp_path / "videos" / f"{wav.stem}.mp4")
    assert run("vpo", folder, "--videos", tmp_path / "videos") == 0
    assert soundfile.info(str(wav)).samplerate == 16000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#EXTM3U\n#EXTINF:1\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        bytes(1000),
    ],
)
def test_what_is_no_mp4_is_refused(content: bytes, tmp_path: Path) -> None:
    pytest.importorskip("av")
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(UserError, match=r"x.mp4: (cannot be read as mp4|has no pictures)"):
        extract(tmp_path / "x.mp4", frames=[tmp_path / "1.png"], sound=None)
    with pytest.raises(UserError, match="no such video"):
        extract(tmp_path / "y.mp4", frames=[tmp_path / "1.png"], sound=None)


def test_a_video_that_is_cut_off_is_told(video: Path, tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    with pytest.raises(UserError, match="cannot be read as mp4"):
        read_frames(tmp_path / "x.mp4", seconds=5, size=24)


@pytest.mark.parametrize("smallest", [0, 150])
def test_the_split_by_sources_is_ours_and_says_so(
    smallest: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    write_mini(folder, layout="avsbench", subsets=("avss",), clips=20, size=SIZE, progress=False)
    assert run("split_avss", folder, "--smallest", str(smallest)) == 0
    told = capsys.readouterr().out
    assert "not public" in told and "1278" in told and "276" in told
    rows = {row["uid"]: row for row in csv.DictReader((folder / "avss_sources.csv").open(newline=""))}
    assert len(rows) == 20
    assert {row["sources"] for row in rows.values()} == {"silent", "single source", "multi-source"}
    for split in ("train", "val", "test"):
        for clip in AVSBenchSemantic(folder, split=split, size=None):
            (expected,) = sources(clip.labels[None], (clip.valid & clip.annotated)[None], smallest=smallest)
            row = rows[clip.identifier]
            assert (row["split"], row["sources"]) == (split, expected)
            assert (
                len(row["classes"].split(";")) == 2
                if expected == "multi-source"
                else ";" not in row["classes"]
            )
