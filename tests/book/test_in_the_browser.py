"""The pages as a reader has them: they ask nothing from outside, nothing fails, and controls move pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest
from book_pages import CHAPTERS, OTHERS, PAGES, open_page

OWED = {
    "intro": "scene-player",
    "01_task": "scene-player",
    "02_sound": "sound-explorer",
    "03_data": "stage-explorer",
    "05_tpavi": "response-explorer",
}
"""The explorer that a page must have."""
SEEN = """explorer => [...explorer.querySelectorAll('canvas, img, [data-part=cell]')]
    .map(seen => ({CANVAS: () => seen.toDataURL(), IMG: () => seen.src, TD: () => seen.textContent})[seen.tagName]()).join()"""
"""Pictures, and the cells of the matching explorer, whose table is its picture."""
TRY_ALL = f"""(slider) => {{
    const explorer = slider.closest('.avs-explorer'), seen = {SEEN}, before = seen(explorer);
    const start = slider.value, step = Math.max(1, Math.floor((slider.max - slider.min) / 8));
    for (let value = Number(slider.min); value <= Number(slider.max); value += step) {{
        slider.value = value;
        slider.dispatchEvent(new Event('input', {{ bubbles: true }}));
        if (value != start && seen(explorer) != before) return true;
    }}
    return false;
}}"""


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[tuple[Any, list[str]]]:
    """The page of that name, and its faults: opened once, for all the tests of a page in their order here."""
    opened, faults = open_page(browser, address, request.param)
    yield opened, faults
    opened.close()


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], indirect=True)
def test_nothing_fails_and_nothing_leaves(page: tuple[Any, list[str]]) -> None:
    opened, faults = page
    opened.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    opened.wait_for_load_state("networkidle")
    assert not faults, faults


@pytest.mark.parametrize("page", CHAPTERS, indirect=True)
def test_sounds_can_be_played(page: tuple[Any, list[str]]) -> None:
    silent = page[0].evaluate(
        """() => Promise.all([...document.querySelectorAll('article audio')].map(sound => new Promise(done => {
            if (sound.readyState >= 1) return done(sound.duration > 0 ? null : 'empty');
            sound.onloadedmetadata = () => done(sound.duration > 0 ? null : 'empty');
            sound.onerror = () => done(sound.error.message);
            sound.load();
        }))).then(told => told.filter(Boolean))"""
    )
    assert not silent


PLAYED = """video => new Promise(done => {
    const fault = () => done(video.error ? video.error.message : `at ${video.currentTime}, state ${video.readyState}`);
    video.onerror = fault;
    video.ontimeupdate = () => { if (video.currentTime > 0.2 && video.readyState >= 2) done(null); };
    video.muted = true;  // or a browser waits for the reader to touch the page
    video.play().catch(error => done(error.message));
    setTimeout(fault, 20000);
})"""


@pytest.mark.parametrize("page", CHAPTERS, indirect=True)
def test_videos_play(page: tuple[Any, list[str]]) -> None:
    for video in page[0].locator("article video").all():
        assert video.evaluate(PLAYED) is None
        assert video.evaluate("video => video.videoWidth > 0 && video.duration > 1")
        cues = (
            "video => Array.from(video.textTracks, track => { track.mode = 'hidden'; return track.label; })"
        )
        assert video.evaluate(cues) == ["what is heard"] * video.locator("track").count()


@pytest.mark.parametrize("page", ["14_own_video"], indirect=True)
def test_your_own_video_is_painted_twice(page: tuple[Any, list[str]]) -> None:
    """The clip, painted under its own sound and under another's."""
    assert page[0].locator("article figure.avs-scene video").count() == 3


@pytest.mark.parametrize("page", OWED, indirect=True)
def test_a_chapter_has_its_explorer(page: tuple[Any, list[str]]) -> None:
    name = OWED[PurePosixPath(page[0].url).stem]
    explorer = page[0].locator(f".avs-explorer[data-name={name}]")
    assert explorer.count() >= 1
    assert explorer.first.locator("input[type=range]").count() >= 1
    assert explorer.first.locator("canvas, img").count() >= 1
    if name == "scene-player":
        assert explorer.first.locator("audio[src^='data:audio/']").count() >= 1


@pytest.mark.parametrize("page", CHAPTERS, indirect=True)
def test_every_slider_moves_a_picture(page: tuple[Any, list[str]]) -> None:
    """Last: it leaves them moved."""
    sliders = page[0].locator(".avs-explorer input[type=range]")
    for number in range(sliders.count()):
        slider = sliders.nth(number)
        if slider.get_attribute("min") != slider.get_attribute("max"):
            assert slider.evaluate(TRY_ALL), f"slider {number}, {slider.get_attribute('data-part')}"
