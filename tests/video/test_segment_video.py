"""A video in, a painted one out: of every kind that people have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from films import RATE, BrightWhileLoud, film, frames_of, left_bright, sound_of, tone, turned
from PIL import Image

import avslib
from avslib.errors import UserError
from avslib.video import Report


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def painted(video: Path | str, model: BrightWhileLoud | None = None, **wanted: Any) -> tuple[Report, Path]:
    out = Path(wanted.pop("out", "out.mp4"))
    return avslib.segment(video, model or BrightWhileLoud(), out=out, **wanted), out


def is_marked(picture: np.ndarray) -> bool:  # type: ignore[type-arg]
    """White under orange is no longer white; without a mark it stays so."""
    return bool(picture[10, 8].min() < 200)


def test_pictures_keep_their_moments_and_the_sound_its_samples() -> None:
    loud, quiet = tone(2), np.zeros((1, 2 * RATE), np.float32)
    report, out = painted(film(Path("a.mp4"), sounds=[np.concatenate([loud, quiet], axis=1)]))
    before, after = list(frames_of(Path("a.mp4"))), list(frames_of(out))
    assert [time for time, _ in after] == pytest.approx([time for time, _ in before], abs=1e-3)
    assert after[0][1].shape == (48 + 32, 64, 3), "the strip lies below the picture"
    assert [is_marked(picture) for _, picture in after] == [time < 2 for time, _ in before]
    heard, rate, begins = sound_of(out)
    power = np.square(heard[:, : 4 * rate].reshape(8, -1)).mean(axis=1)
    assert rate == 48000 and abs(begins) < 0.03 and abs(heard.shape[1] / rate - 4) < 0.1
    assert power[:4] == pytest.approx(0.125, rel=0.05) and power[4:].max() < 1e-3
    assert report.notes == [] and len(report.seconds) == 4


def test_the_report_says_what_was_heard_and_marked_when() -> None:
    sound = np.concatenate([tone(2), np.zeros((1, 2 * RATE), np.float32)], axis=1)
    model = BrightWhileLoud(names=("dog", "bird"))
    report, _ = painted(film(Path("a.mp4"), sounds=[sound]), model, report="r.json")
    told = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert told == report.as_dict() and told["video"] == "a.mp4" and told["out"] == "out.mp4"
    assert [second["second"] for second in told["seconds"]] == [0, 1, 2, 3]
    assert (
        told["seconds"][0]["loudness"] == pytest.approx(-9, abs=0.5)
        and told["seconds"][2]["loudness"] is None
    )
    (mark,) = told["seconds"][1]["marked"]
    assert mark["class"] == "dog" and mark["share"] == pytest.approx(0.5, abs=0.02)
    assert mark["box"] == pytest.approx([0, 0, 0.5, 1], abs=0.03) and told["seconds"][3]["marked"] == []


def test_windows_give_what_predict_gives() -> None:
    film(Path("a.mp4"), seconds=5, picture=lambda t, w, h: np.full((h, w, 3), int(40 * t), np.uint8))
    model = BrightWhileLoud(seconds=2)
    painted("a.mp4", model, masks="masks")
    assert sorted(path.name for path in Path("masks").iterdir()) == [f"{k}.png" for k in range(5)]
    assert [wave.shape[1] for wave in model.hears.given] == [96000, 96000, 48000], "2, 2 and 1 second"
    middles = [int(40 * (second + 0.5)) > 128 for second in range(5)]
    assert [bool(np.asarray(Image.open(f"masks/{k}.png")).all()) for k in range(5)] == middles


def test_a_frame_that_hears_three_seconds_gets_those_around_it() -> None:
    rising = np.arange(6 * RATE, dtype=np.float32)[None] / (6 * RATE)
    film(Path("a.mkv"), seconds=6, sounds=[rising], codecs=("mpeg4", "pcm_f32le"))
    model = BrightWhileLoud(seconds=1, heard=3)
    painted("a.mkv", model)
    begins = [round(float(wave[0, 500:1500].mean()) * 6, 1) for wave in model.hears.given]
    assert [wave.shape[1] for wave in model.hears.given] == [3 * 48000] * 6
    assert begins == [0, 0, 1, 2, 3, 3], "inside the sound at both ends"


def test_a_mask_for_every_frame() -> None:
    def blink(time: float, width: int, height: int) -> Any:
        return left_bright(time, width, height) * (round(time * 10) % 2)

    film(Path("a.mp4"), seconds=3, picture=blink)
    report, _ = painted("a.mp4", every_frame=True, masks="masks.mkv")
    shares = [float((mask[..., 0] > 127).mean()) for _, mask in frames_of(Path("masks.mkv"))]
    assert shares == pytest.approx([0, 0.5] * 15, abs=0.03)
    painted("a.mp4", masks="every", every_frame=True, overwrite=True)
    assert len(list(Path("every").iterdir())) == 30 and Path("every/2-9.png").is_file()
    assert len(report.seconds) == 3


@pytest.mark.parametrize(("suffix", "begins"), [(".mp4", 0.0), (".mkv", 0.0), (".ts", 0.0), (".mkv", 0.5)])
def test_a_flash_and_a_click_stay_together(suffix: str, begins: float) -> None:
    """`begins`: the track starts later than the pictures."""
    click = np.zeros((1, 4 * RATE), np.float32)
    at = 2.24
    click[0, round((at - begins) * RATE) : round((at - begins) * RATE) + 80] = 0.9

    def flash(time: float, width: int, height: int) -> Any:
        return np.full((height, width, 3), 250 if abs(time - at) < 0.02 else 10, np.uint8)

    film(Path(f"a{suffix}"), rate=25, picture=flash, sounds=[click], sound_begins=begins)
    for out in ("out.mp4", "out.webm"):
        painted(f"a{suffix}", out=out)
        seen = max(frames_of(Path(out)), key=lambda frame: frame[1][:40].mean())[0]
        heard, rate, first = sound_of(Path(out))
        loud = first + int(np.argmax(np.abs(heard[0]) > 0.3)) / rate
        before = 1024 / RATE if suffix == ".ts" else 0  # the encoder's first samples count there
        assert abs(seen - at - before) < 0.02 and abs(loud - seen) < 1 / 25, (out, seen, loud)


def test_pictures_without_a_rate_keep_their_moments() -> None:
    times = [0, 0.04, 0.5, 0.54, 1.9, 2.0, 2.05, 3.7]
    report, out = painted(film(Path("a.mkv"), times=times))
    assert [time for time, _ in frames_of(out)] == pytest.approx(times, abs=2e-3)
    assert len(report.seconds) == 4, "the third second has no picture of its own"


def test_a_turned_telephone() -> None:
    report, out = painted(turned(film(Path("a.mp4"))))
    picture = next(frames_of(out))[1]
    assert picture.shape == (64 + 32, 48, 3)
    (mark,) = report.seconds[0]["marked"]
    assert mark["box"] == pytest.approx([0, 0, 1, 0.5], abs=0.03), "left became top"


@pytest.mark.parametrize(
    ("suffix", "size", "codec", "pixels"),
    [("mkv", (65, 47), "ffv1", "yuv444p"), ("mov", (33, 121), "png", "rgb24"), ("mkv", (64, 48), "ffv1", "yuv422p10le"),
     ("mkv", (64, 48), "ffv1", "gray16le"), ("mp4", (64, 48), "libx264", "yuv422p")],
)  # fmt: skip
def test_odd_sizes_and_other_pixels(suffix: str, size: tuple[int, int], codec: str, pixels: str) -> None:
    video = film(Path(f"a.{suffix}"), size=size, codecs=(codec, "aac"), pixels=pixels, seconds=1)
    report, out = painted(video)
    picture = next(frames_of(out))[1]
    assert picture.shape == (size[1] + size[1] % 2 + 32, size[0] + size[0] % 2, 3)
    assert report.seconds[0]["marked"][0]["share"] == pytest.approx(0.5, abs=0.03)


def test_many_channels_become_two() -> None:
    film(Path("a.mkv"), sounds=[tone(4, 6)], layout="5.1", codecs=("mpeg4", "flac"))
    model = BrightWhileLoud()
    _, out = painted("a.mkv", model)
    assert model.hears.given[0].shape[0] == 2 and sound_of(out)[0].shape[0] == 2


def test_one_of_several_tracks() -> None:
    film(Path("a.mkv"), sounds=[np.zeros((1, 4 * RATE), np.float32), tone(4)])
    first, _ = painted("a.mkv")
    assert "has 2 tracks of sound, the first is heard (aac, mono, 8000 Hz)" in first.notes[0]
    assert "is silent throughout" in first.notes[1] and not first.seconds[0]["marked"]
    second, _ = painted("a.mkv", audio_track=1, overwrite=True)
    assert second.notes == [] and second.seconds[0]["marked"]
    with pytest.raises(UserError, match=r"--audio-track 2: a.mkv has 0: aac.*; 1: aac.*counted from 0"):
        painted("a.mkv", audio_track=2, overwrite=True)


def test_without_sound_the_model_hears_silence_and_the_viewer_is_told() -> None:
    report, out = painted(film(Path("a.mp4"), sounds=[]))
    assert "has no sound: what is marked was seen alone" in report.notes[0]
    with av.open(str(out)) as container:
        assert not container.streams.audio
    assert not any(second["marked"] for second in report.seconds)


def test_a_picture_and_a_sound() -> None:
    Image.fromarray(left_bright(0, 64, 48)).save("a.png")
    with av.open("a.wav", "w") as container:
        track = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        block = av.AudioFrame.from_ndarray((tone(2.5) * 32767).astype(np.int16), format="s16", layout="mono")
        block.sample_rate = RATE
        container.mux(track.encode(block))
    report, out = painted("a.png", sound="a.wav")
    assert len(report.seconds) == 3 and len(list(frames_of(out))) == 62
    assert report.seconds[0]["marked"] and report.notes == []
    with pytest.raises(UserError, match=r"a.png: is one picture; give what is heard with --sound"):
        painted("a.png", overwrite=True)
    with pytest.raises(UserError, match=r"a.wav: has no pictures"):
        painted("a.wav", overwrite=True)
    with pytest.raises(UserError, match=r"--sound a.png: has no sound"):
        painted("a.png", sound="a.png", overwrite=True)


def test_another_sound_for_a_video() -> None:
    film(Path("a.mp4"), sounds=[np.zeros((1, 4 * RATE), np.float32)])
    film(Path("b.mp4"))
    report, _ = painted("a.mp4", sound="b.mp4")
    assert report.seconds[0]["marked"] and report.notes == []


def test_a_sound_longer_than_the_pictures_is_kept() -> None:
    _, out = painted(film(Path("a.mkv"), seconds=2, sounds=[tone(5)]))
    heard, rate, _ = sound_of(out)
    assert abs(heard.shape[1] / rate - 5) < 0.15  # whole packets of an encoder for 8000 Hz


def test_damage_in_the_middle_is_named_and_the_rest_is_kept() -> None:
    noise = np.random.default_rng(0)
    film(Path("a.mkv"), seconds=8, picture=lambda t, w, h: noise.integers(0, 255, (h, w, 3), dtype=np.uint8))
    content = bytearray(Path("a.mkv").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = noise.integers(0, 255, 4000, dtype=np.uint8).tobytes()
    Path("a.mkv").write_bytes(content)
    report, out = painted("a.mkv")
    moments = [time for time, _ in frames_of(out)]
    assert any("damaged pictures at 0:0" in note and "is kept" in note for note in report.notes), report.notes
    assert len(moments) > 60 and moments[-1] > 7.5


def test_a_file_that_breaks_off() -> None:
    film(Path("a.mkv"), seconds=8)
    whole = Path("a.mkv").read_bytes()
    Path("b.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    report, out = painted("b.mkv")
    assert len(list(frames_of(out))) > 40
    assert any("its pictures end at 0:0" in note and "of 0:08" in note for note in report.notes), report.notes


def test_a_full_disk_leaves_nothing() -> None:
    resource = pytest.importorskip("resource")
    film(Path("a.mp4"), seconds=6, size=(320, 240))
    before, (soft, hard) = sorted(Path().iterdir()), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(UserError, match=r"out.mp4: cannot be written \(File too large; \d+ MB free\)"):
            painted("a.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(Path().iterdir()) == before


def test_ctrl_c_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    film(Path("a.mp4"))
    before, model, calls = sorted(Path().iterdir()), BrightWhileLoud(), []

    def interrupted(*given: Any) -> torch.Tensor:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return BrightWhileLoud.predict(model, *given)

    monkeypatch.setattr(model, "predict", interrupted)
    with pytest.raises(KeyboardInterrupt):
        painted("a.mp4", model, masks="masks", report="r.json")
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"out": "a.mp4"}, r"-o a.mp4: is a.mp4, which is read"),
        ({"out": "link.mp4", "overwrite": True}, r"-o link.mp4: is a.mp4, which is read"),
        ({"out": "there.mp4"}, r"-o there.mp4: is there already; give a new name, or --overwrite"),
        ({"out": "out.avi"}, r"-o out.avi: end it with one of .mp4, .mov, .mkv, .webm"),
        ({"out": "there.mp4/out.mp4"}, r"-o there.mp4: there.mp4 is not a folder"),
        ({"masks": "folder"}, r"--masks folder: is there already; give a new folder"),
        ({"masks": "masks.webm"}, r"--masks masks.webm: end it with one of .mp4, .mov, .mkv"),
        ({"report": "there.mp4"}, r"--report there.mp4: is there already and something else"),
        ({"sound": "nothing.wav"}, r"nothing.wav: no such video"),
        ({"sound": "text.mp4"}, r"text.mp4: cannot be read as a video, sound or picture \(Invalid data"),
        ({"audio_track": -1}, r"--audio-track -1: give a whole number, 0 or more"),
    ],
)
def test_what_is_refused_before_any_work(wanted: dict[str, Any], told: str) -> None:
    film(Path("a.mp4"))
    Path("link.mp4").symlink_to("a.mp4")
    Path("there.mp4").write_bytes(b"mine")
    Path("text.mp4").write_bytes(b"no video" * 999)
    Path("folder").mkdir()
    before = {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    with pytest.raises(UserError, match=told):
        painted("a.mp4", **wanted)
    assert {path: path.read_bytes() for path in Path().iterdir() if path.is_file()} == before


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.ffconcat"])
def test_a_list_of_files_opens_none_of_them(name: str) -> None:
    film(Path("secret.ts"))
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nsecret.ts\n#EXT-X-ENDLIST\n"
    concat = "ffconcat version 1.0\nfile secret.ts\n"
    Path(name).write_text(concat if name.endswith("concat") else playlist, encoding="utf-8")
    with pytest.raises(UserError, match=name):
        painted(name)
    assert not Path("out.mp4").exists()


def test_it_plays_in_a_browser(browser: Any, tmp_path: Path) -> None:
    film(Path("a.mp4"), size=(320, 240))
    painted("a.mp4")
    painted("a.mp4", out="out.webm")
    page = browser.new_page()
    for name in ("out.mp4", "out.webm"):
        (tmp_path / "page.html").write_text(f"<video src='{name}' muted></video>", encoding="utf-8")
        page.goto((tmp_path / "page.html").as_uri())
        page.evaluate("document.querySelector('video').play()")
        page.wait_for_function("document.querySelector('video').currentTime > 0.3", timeout=20_000)
        told = page.evaluate(
            "(v => [v.videoWidth, v.videoHeight, v.duration])(document.querySelector('video'))"
        )
        assert told[:2] == [320, 272] and abs(told[2] - 4) < 0.2
    page.close()
