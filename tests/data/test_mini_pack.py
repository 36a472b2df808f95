"""The files of AVS-Mini: complete, free, treated alike; a broken one is told by name."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from avslib.audio.files import read_audio, resample
from avslib.data import MiniScenes
from avslib.data.mini import CLASSES, EDITION, load_pack, verify_pack
from avslib.data.mini.credits import credits_markdown
from avslib.data.mini.pack import FOLDER, LOUDNESS, SAMPLE_RATE, treat
from avslib.errors import UserError

ROOT = Path(__file__).parents[2]
SOUND, PICTURE, BACKGROUND = "sounds/cow_000.ogg", "cutouts/cow_01.webp", "backgrounds/bg_000.jpg"


def test_every_file_is_whole_and_listed() -> None:
    assert verify_pack() == len(load_pack().items) > 1000
    listed = {item.path for item in load_pack().items}
    there = {
        file for file in (FOLDER / "pack").rglob("*") if file.is_file() and file.parent.name != "licences"
    }
    assert there == listed
    sizes = [file.stat().st_size for file in (FOLDER / "pack").rglob("*") if file.is_file()]
    assert sum(sizes) < 18_000_000 and max(sizes) < 5_000_000


def test_every_file_has_an_author_and_a_licence_of_its_family() -> None:
    for item in load_pack().items:
        assert item.author and item.origin and item.source, item.path
        if item.families == {"permissive"}:
            assert re.fullmatch(r"MIT|CC0-1\.0|CC-BY(-\d\.\d)?|public-domain", item.licence), item
        else:
            assert all(family in item.licence for family in item.families), item
        assert not item.licence.startswith("GFDL") or " or " in item.licence, item


def test_the_credits_page_is_the_manifests() -> None:
    page = (ROOT / "book" / "credits.md").read_text(encoding="utf-8")
    assert page == credits_markdown(), "run: python -m avslib.data.mini.credits > book/credits.md"
    for item in load_pack().items:
        address = re.search(r"\((https://[^\s,)]+)", item.origin)
        assert item.path.name in page and (f"]({address[1]})" if address else item.origin) in page
    numbers = [re.search(r"freesound\.org/s/(\d+)", item.origin) for item in load_pack().items]
    named = [f"[freesound {number[1]}](" for number in numbers if number]
    assert len(named) > 150 and all(name in page for name in named)
    assert not re.search(r"\w@\w+\.\w", page), "an e-mail address on the page"


def test_editions() -> None:
    editions = {item.edition for item in load_pack().items}
    assert editions == {1, 2} and max(editions) == EDITION
    first = {item.path.stem.rpartition("_")[2] for item in load_pack().items if item.edition == 1}
    assert all(int(number) < 200 for number in first)  # the second pack begins at 200 (backgrounds 300)


def energy_above(waveform: np.ndarray, hertz: float) -> float:
    """Part of the energy that lies above a frequency."""
    power = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)))) ** 2
    return float(power[np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE) > hertz].sum() / power.sum())


def test_neither_bandwidth_nor_loudness_tells_the_package() -> None:
    heard = [item for item in load_pack().items if item.kind in ("sound", "noise")]
    raw = [read_audio(item.path) for item in heard]
    untreated = [resample(w.mean(0, keepdim=True), rate, SAMPLE_RATE)[0].numpy() for w, rate in raw]
    assert max(energy_above(w, 5_600) for w in untreated) > 0.05  # there is something to take away
    assert max(energy_above(item.sound, 5_600) for item in heard) < 1e-4
    for item in heard:
        frames = item.sound[: len(item.sound) // 320 * 320].reshape(-1, 320)
        level = np.sqrt((frames**2).mean(axis=1))
        assert abs(20 * np.log10(np.sqrt((level[level > 0.1 * level.max()] ** 2).mean()) / LOUDNESS)) < 0.5


def test_no_second_of_a_recording_is_silent() -> None:
    """A source is repeated while it sounds, so any 0.96 s of it may come before the model."""
    window = int(0.96 * SAMPLE_RATE)
    for name in CLASSES:
        for item in load_pack().of("sound", name):
            twice = np.resize(item.sound, len(item.sound) + window)
            energy = np.cumsum(np.concatenate(([0], twice.astype(np.float64) ** 2)))
            quietest = (energy[window:] - energy[:-window]).min() / window
            assert 10 * np.log10(quietest / LOUDNESS**2) > -10, item.path


def test_treatment_by_hand() -> None:
    seconds = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 1000 * seconds)
    gap = np.zeros(SAMPLE_RATE)
    treated = treat(0.3 * np.concatenate([gap, tone, gap, tone, gap]).astype(np.float32), Path("tone.wav"))
    assert len(treated) / SAMPLE_RATE == pytest.approx(2.2, abs=0.06)  # two tones, one pause of 0.2 s
    assert np.abs(treated).max() == pytest.approx(LOUDNESS * np.sqrt(2), rel=0.05)
    with pytest.raises(UserError, match=r"high.wav: silent below 5000 Hz"):
        treat((1e-2 * np.sin(2 * np.pi * 7500 * seconds)).astype(np.float32), Path("high.wav"))
    with pytest.raises(UserError, match="only 100 samples"):
        treat(np.ones(100, np.float32), Path("short.wav"))


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])


@pytest.mark.parametrize("name", [SOUND, PICTURE, BACKGROUND])
def test_a_truncated_file_is_named(copy: Any, name: str) -> None:
    cut_short(copy.path(name))
    item = next(item for item in load_pack(copy.folder).items if item.path == copy.path(name))
    with pytest.raises(UserError, match=Path(name).name):
        _ = item.sound if name == SOUND else item.picture


def test_a_changed_file_is_named(copy: Any) -> None:
    assert verify_pack(copy.folder) == 4
    Image.new("RGBA", (20, 20)).save(copy.path(PICTURE), lossless=True)
    with pytest.raises(UserError, match=r"cow_01.webp: the file is not the one"):
        verify_pack(copy.folder)


def test_a_cutout_without_outline_is_named(copy: Any) -> None:
    Image.new("RGB", (20, 20)).save(copy.path(PICTURE), lossless=True)
    with pytest.raises(UserError, match=r"cow_01.webp: a cut-out needs its outline"):
        _ = load_pack(copy.folder).of("cutout")[0].picture


def test_a_recording_with_nan_is_named(copy: Any) -> None:
    wave = copy.path("sounds/nan.wav")
    soundfile.write(wave, np.full(8000, np.nan, np.float32), 16_000, subtype="FLOAT")
    copy.rewrite(SOUND, path="sounds/nan.wav")
    with pytest.raises(UserError, match=r"nan\.wav"):
        _ = load_pack(copy.folder).of("sound")[0].sound


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"path": "sounds/gone.ogg"}, r"line \d: sounds/gone.ogg is not there"),
        ({"path": "../../outside.ogg"}, r"line \d: ../../outside.ogg leads out of the pack"),
        ({"family": "GFDL"}, r"line \d: family 'GFDL'"),
        ({"kind": "smell"}, r"line \d: kind 'smell'"),
        ({"edition": "first"}, r"line \d: edition 'first'"),
    ],
)
def test_a_wrong_row_is_told_with_its_line(copy: Any, change: dict[str, str], told: str) -> None:
    copy.rewrite(SOUND, **change)
    with pytest.raises(UserError, match=told) as caught:
        load_pack(copy.folder)
    assert "\n" not in str(caught.value)


def test_a_wrong_manifest_is_told(copy: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(UserError, match="no manifest"):
        load_pack(tmp_path_factory.mktemp("empty"))
    copy.write([name for name in copy.rows[0] if name != "licence"])
    with pytest.raises(UserError, match="no column licence"):
        load_pack(copy.folder)
    with (copy.folder / "manifest.csv").open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([list(copy.rows[0]), ["sounds/cow_000.ogg", "sound"]])
    with pytest.raises(UserError, match="line 2: too few or too many values"):
        load_pack(copy.folder)


def test_a_pack_that_is_too_small_for_scenes(copy: Any) -> None:
    with pytest.raises(UserError, match="a scene needs three"):
        MiniScenes(folder=copy.folder)
