"""A browser for the explorers, and a small scene made of plain arrays."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine: install it to test the explorers")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Open a page made of `html`; at the end nothing may have failed in it or have left it."""
    faults: list[str] = []
    page = browser.new_page(viewport={"width": 900, "height": 800})
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda sent: faults.append(sent.url) if sent.url.startswith("http") else None)

    def opener(html: str) -> Any:
        file = tmp_path / "page.html"
        file.write_text(
            f"<!doctype html><meta charset=utf-8><title>test</title><body>{html}", encoding="utf-8"
        )
        page.goto(file.as_uri())
        page.wait_for_function(
            "document.querySelectorAll('[data-ready=loading], :not([data-ready]).avs-explorer').length == 0"
        )
        return page

    yield opener
    page.close()
    assert not faults, faults


@pytest.fixture
def picture() -> np.ndarray:
    """(3, 32, 48) uint8 noise."""
    return np.random.default_rng(0).integers(0, 256, (3, 32, 48), dtype=np.uint8)


@pytest.fixture
def masks() -> np.ndarray:
    """(2, 32, 48) bool: a thing on the left, a thing on the right."""
    out = np.zeros((2, 32, 48), bool)
    out[0, 8:24, 4:16] = True
    out[1, 4:28, 30:44] = True
    return out
