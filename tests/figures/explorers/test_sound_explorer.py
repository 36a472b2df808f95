"""The sound explorer, in a browser and with a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from figure_pages import move, pixels

from avslib.audio.resynthesis import LogMelSettings
from avslib.errors import UserError
from avslib.figures import SoundExplorer
from avslib.figures.explorers.sound.explorer import grey

SLIDERS = ("window", "hop", "bins", "high")


@pytest.fixture(scope="module")
def explorer() -> SoundExplorer:
    time = np.arange(16_000) / 16_000
    sweep = 0.3 * np.sin(2 * np.pi * (300 + 2500 * time) * time)
    return SoundExplorer(
        sweep, sections={"low": 0.0, "high": 0.5}, windows=(0.005, 0.025), hops=(0.01, 0.04), bins=(16, 64),
        highs=(2000.0, 7500.0), licence="GPL-3.0 (GPL)",
    )  # fmt: skip


@pytest.fixture(scope="module")
def html(explorer: SoundExplorer) -> str:
    return explorer._repr_html_()


def test_the_page_needs_nothing_from_outside(html: str) -> None:
    assert "http" not in html and html.count("<audio") == 2 and 'data-licence="GPL-3.0 (GPL)"' in html
    assert html.count('"sound":"data:audio/mpeg;base64,') == 16, "a sound for every setting"
    assert "A log-mel picture of low, high" in html


def test_every_slider_changes_the_picture_and_the_sound(html: str, open_page: Callable[[str], Any]) -> None:
    page = open_page(html)
    kept = page.locator("audio[data-part=kept]")
    recording = page.locator("audio[data-part=recording]").get_attribute("src")
    seen = [(pixels(page, "picture"), kept.get_attribute("src"))]
    for name in SLIDERS:
        start = int(page.locator(f"input[data-part={name}]").input_value())
        assert start == 1 - (name == "hop"), "it starts at VGGish's setting"
        move(page, name, 1 - start)
        now = (pixels(page, "picture"), kept.get_attribute("src"))
        assert all(now[k] not in [before[k] for before in seen] for k in range(2)), name
        seen.append(now)
    assert page.locator("audio[data-part=recording]").get_attribute("src") == recording


def test_what_is_said_is_what_the_setting_costs(
    explorer: SoundExplorer, html: str, open_page: Callable[[str], Any]
) -> None:
    page = open_page(html)
    say = page.locator("[data-part=say]")
    assert "6,400 numbers a second" in say.inner_text() and "80 Hz wide" in say.inner_text()
    assert "empty" not in say.inner_text()
    move(page, "window", 0)
    narrow = next(s for s in explorer.settings if (s.window, s.bins, s.high) == (0.005, 64, 7500.0))
    assert f"{narrow.empty_bins} of the bins" in say.inner_text()
    assert page.locator("[data-part=window-says]").inner_text() == "5 ms"


def test_both_sounds_play_one_at_a_time(html: str, open_page: Callable[[str], Any]) -> None:
    page = open_page(html)
    page.evaluate("document.querySelectorAll('audio').forEach(a => a.muted = true)")
    for name, other in (("recording", "kept"), ("kept", "recording")):
        page.evaluate(f"document.querySelector('audio[data-part={name}]').play()")
        page.wait_for_function(f"document.querySelector('audio[data-part={name}]').currentTime > 0.05")
        assert page.evaluate(f"document.querySelector('audio[data-part={other}]').paused")
    move(page, "high", 0)
    page.wait_for_function(
        "(sound => !sound.paused && sound.currentTime > 0.05)(document.querySelector('audio[data-part=kept]'))"
    )


def test_a_picture_is_dark_at_the_floor_and_has_low_pitches_below() -> None:
    log_mel = torch.full((3, 4), 0.01).log()
    log_mel[1, 0] = 2.0
    picture = grey(log_mel)
    assert picture.shape == (4, 3) and picture[3, 1] == 255 and picture.sum() == 255


@pytest.mark.parametrize("bad", [np.zeros((2, 9)), np.zeros(0), np.zeros(6 * 16_000)])
def test_other_sounds_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(UserError, match="mono"):
        SoundExplorer(bad)


def test_a_slider_without_positions_is_refused() -> None:
    with pytest.raises(UserError, match="position"):
        SoundExplorer(np.zeros(9), bins=())


def test_live_it_takes_any_setting_of_any_sound() -> None:
    sounds = {"noise": 0.1 * np.random.default_rng(0).normal(size=8000), "silence": np.zeros(8000)}
    live = SoundExplorer.live(sounds)
    assert live.shown.settings == [LogMelSettings()], "VGGish's, at first"
    for name, value in {
        "window_ms": 100,
        "hop_ms": 20,
        "bins": 40,
        "up_to_hz": 4000,
        "sound": "silence",
    }.items():
        getattr(live, name).value = value
    assert live.shown.settings == [LogMelSettings(window=0.1, hop=0.02, bins=40, high=4000.0)]
    assert not live.shown.waveform.any()
