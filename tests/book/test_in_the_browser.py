"""The pages as a reader has them: they ask nothing from outside, nothing fails, and controls move pictures."""

from __future__ import annotations

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


@pytest.mark.parametrize("page", [*PAGES, *OTHERS])
def test_nothing_fails_and_nothing_leaves(browser: Any, address: str, page: str) -> None:
    opened, faults = open_page(browser, address, page)
    opened.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    opened.wait_for_load_state("networkidle")
    opened.close()
    assert not faults, faults


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_slider_moves_a_picture(browser: Any, address: str, chapter: str) -> None:
    opened, _ = open_page(browser, address, chapter)
    sliders = opened.locator(".avs-explorer input[type=range]")
    for number in range(sliders.count()):
        slider = sliders.nth(number)
        if slider.get_attribute("min") != slider.get_attribute("max"):
            assert slider.evaluate(TRY_ALL), f"slider {number}, {slider.get_attribute('data-part')}"
    opened.close()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_sounds_can_be_played(browser: Any, address: str, chapter: str) -> None:
    opened, _ = open_page(browser, address, chapter)
    silent = opened.evaluate(
        """() => Promise.all([...document.querySelectorAll('article audio')].map(sound => new Promise(done => {
            if (sound.readyState >= 1) return done(sound.duration > 0 ? null : 'empty');
            sound.onloadedmetadata = () => done(sound.duration > 0 ? null : 'empty');
            sound.onerror = () => done(sound.error.message);
            sound.load();
        }))).then(told => told.filter(Boolean))"""
    )
    opened.close()
    assert not silent


@pytest.mark.parametrize(("chapter", "name"), OWED.items())
def test_a_chapter_has_its_explorer(browser: Any, address: str, chapter: str, name: str) -> None:
    opened, _ = open_page(browser, address, chapter)
    explorer = opened.locator(f".avs-explorer[data-name={name}]")
    assert explorer.count() >= 1
    assert explorer.first.locator("input[type=range]").count() >= 1
    assert explorer.first.locator("canvas, img").count() >= 1
    if name == "scene-player":
        assert explorer.first.locator("audio[src^='data:audio/']").count() >= 1
    opened.close()
