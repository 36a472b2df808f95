"""The pages as a reader has them: they ask nothing from outside, nothing fails, and controls move pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted(file.stem for file in (ROOT / "book").glob("*.ipynb"))
PAGES = sorted(file.stem for file in (ROOT / "book").glob("*.*") if file.suffix in {".md", ".ipynb"})
OWED = {
    "01_task": "scene-player",
    "02_sound": "sound-explorer",
    "03_data": "stage-explorer",
    "05_tpavi": "response-explorer",
}
"""The explorer that a chapter must have."""
THEME = ("THEBE_JS_URL", "Got invalid theme mode")
"""What the theme complains about by itself, on every page."""

READY = "document.querySelectorAll('[data-ready=loading], .avs-explorer:not([data-ready])').length == 0"
SEEN = """explorer => [...explorer.querySelectorAll('canvas, img')]
    .map(seen => seen.tagName == 'CANVAS' ? seen.toDataURL() : seen.src).join()"""
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


def open_page(browser: Any, address: str, page: str) -> tuple[Any, list[str]]:
    """The opened page, and the list that its faults go into."""
    faults: list[str] = []

    def said(kind: str, words: str) -> None:
        if not any(known in words for known in THEME):
            faults.append(f"{kind}: {words[:200]}")

    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    opened.on("pageerror", lambda error: said("error", str(error)))
    opened.on("console", lambda line: said("console", line.text) if line.type == "error" else None)
    opened.on("request", lambda sent: said("asked for", sent.url) if leaves(sent.url) else None)
    opened.on("response", lambda got: said(str(got.status), got.url) if got.status >= 400 else None)
    opened.goto(f"{address}/book/{page}.html", wait_until="load")
    opened.wait_for_function(READY)
    return opened, faults


def leaves(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:", "about:"))


@pytest.mark.parametrize("page", PAGES)
def test_nothing_fails_and_nothing_leaves(browser: Any, address: str, page: str) -> None:
    opened, faults = open_page(browser, address, page)
    opened.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    opened.wait_for_load_state("networkidle")
    maths = opened.locator("article .math").count()
    if maths:
        opened.wait_for_function("document.querySelectorAll('article mjx-container').length > 0")
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
