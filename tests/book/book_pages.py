"""The pages of the book, and how a test opens one in the browser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
WIDE, PHONE = 1300, 390
"""Pixels: a window on a desk, and the width of a phone."""

READY = "document.querySelectorAll('[data-ready=loading], .avs-explorer:not([data-ready])').length == 0"
SET = "document.querySelectorAll('article .math').length == 0 || document.querySelector('article mjx-container')"
UNFOLD = """() => {
    document.querySelectorAll('article details').forEach(each => { each.open = true; });
    document.querySelectorAll('.toggle-hidden').forEach(each => each.classList.remove('toggle-hidden'));
}"""


def _names(node: Mapping[str, Any]) -> Iterator[str]:
    yield from (node[key] for key in ("root", "file") if key in node)
    for key in ("parts", "chapters", "sections"):
        for child in node.get(key, ()):
            yield from _names(child)


PAGES = [Path(name).name for name in _names(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))]
CHAPTERS = sorted(file.stem for file in (ROOT / "book").glob("*.ipynb"))
OTHERS = ("index", "genindex", "search")
"""Pages that Sphinx makes by itself, at the root of the site."""


def place(page: str) -> str:
    """The address of a page on the site."""
    return f"{page}.html" if page in OTHERS else f"book/{page}.html"


def open_page(
    browser: Any, address: str, page: str, *, width: int = 1200, theme: str = ""
) -> tuple[Any, list[str]]:
    """The opened page, and the list that its faults go into. theme: "light" or "dark", chosen by the reader."""
    faults: list[str] = []
    opened = browser.new_page(viewport={"width": width, "height": 900})
    if theme:
        opened.add_init_script(
            f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
        )

    def said(kind: str, words: str) -> None:
        faults.append(f"{kind}: {words[:200]}")

    opened.on("pageerror", lambda error: said("error", str(error)))
    opened.on("console", lambda line: said("console", line.text) if line.type == "error" else None)
    opened.on("request", lambda sent: said("asked for", sent.url) if leaves(sent.url) else None)
    opened.on("requestfailed", lambda sent: said("failed", sent.url))
    opened.on("response", lambda got: said(str(got.status), got.url) if got.status >= 400 else None)
    opened.goto(f"{address}/{place(page)}", wait_until="load")
    if page == "index":  # leads to the first page at once
        opened.wait_for_url("**/book/intro.html", wait_until="load")
    opened.wait_for_function(READY)
    opened.wait_for_function(SET)
    return opened, faults


def leaves(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:", "about:"))
