"""Pages for the explorers, and a small scene made of plain arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avslib.figures import Pairs


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


@pytest.fixture
def pairs() -> Pairs:
    """A dog (1) on the left, a cat (2) on the right; four queries, of which one lies on each of them and one behind."""
    labels = np.zeros((16, 16), int)
    labels[4:12, 2:6], labels[4:12, 10:14] = 1, 2
    rng = np.random.default_rng(0)
    masks = rng.normal(0, 1, (4, 16, 16)).astype(np.float32)
    for query, label in ((0, 2), (1, 0), (3, 1)):
        masks[query] += np.where(labels == label, 3, -3)
    return Pairs(labels, rng.normal(0, 0.2, (4, 4)).astype(np.float32), masks, (7, 2, 30, 11))
