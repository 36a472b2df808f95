"""Pages that everybody can use: the rules of accessibility (axe-core), of html (html-validate), and of links."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest
from book_pages import OTHERS, PAGES, ROOT, UNFOLD, WIDE, open_page, place
from bs4 import BeautifulSoup

TOOLS = ("axe-core@4.14.1", "html-validate@10.17.0")
FOLDER = ROOT / "_build" / "npm"
EVERY = [*PAGES, *OTHERS]

AXE = """unseen => axe.run({exclude: unseen}, {resultTypes: ['violations']}).then(told => told.violations
    .filter(fault => ['serious', 'critical'].includes(fault.impact))
    .map(fault => `${fault.id}, ${fault.nodes.length}: ${fault.nodes[0].html.slice(0, 160)}`))"""

OF_OTHERS = {
    "<p> element is not permitted as content under <summary>": "myst-nb folds a cell so",
    'Duplicate ID "exercise-content"': "sphinx-exercise gives it to the content of every exercise",
    'Duplicate ID "solution-content"': "sphinx-exercise gives it to the content of every solution",
}
"""Faults of html in what extensions write, and cannot be told to write otherwise. No link needs them mended."""


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder of the packages from npm. Where CI is set, their absence is a failure."""
    npm = shutil.which("npm")
    told = "no npm on this machine: install it to test the pages, e.g. apt-get install npm"
    if npm is not None and not _installed():
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *TOOLS]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, encoding="utf-8")
        told = f"npm cannot install {' and '.join(TOOLS)}: {done.stderr[-300:]}"
    if npm is None or not _installed():
        pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
    return FOLDER / "node_modules"


def _installed() -> bool:
    """Both, in the versions asked for."""
    for name, _, version in (tool.rpartition("@") for tool in TOOLS):
        about = FOLDER / "node_modules" / name / "package.json"
        if not about.exists() or json.loads(about.read_text(encoding="utf-8"))["version"] != version:
            return False
    return True


# index leads to intro at once. By night two pages for their words and tables; what figures look like there,
# `test_pages_fit` asks on all.
LOOKS = [(page, "light") for page in EVERY if page != "index"]
LOOKS += [(page, "dark") for page in ("intro", "glossary")]
CODE, ALL_CODE = ".highlight pre", "05_tpavi"
"""Thousands of coloured words take axe-core as long as all the rest. Their colours are the same on every page: one is asked."""


@pytest.mark.parametrize(("page", "theme"), LOOKS)
def test_nobody_is_shut_out(browser: Any, address: str, tools: Path, page: str, theme: str) -> None:
    """No serious or critical violation, folded cells and solutions open."""
    opened, _ = open_page(browser, address, page, width=WIDE, theme=theme)
    opened.evaluate(UNFOLD)
    opened.wait_for_timeout(300)  # names and keys are given when the icons have been drawn
    opened.add_script_tag(path=str(tools / "axe-core" / "axe.min.js"))
    faults = opened.evaluate(AXE, [] if page == ALL_CODE else [[CODE]])
    opened.close()
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="session")
def verdicts(html: Path, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """{page: its faults of html, line by line}."""
    folder = tmp_path_factory.mktemp("html")
    config, told = folder / "config.json", folder / "told.json"
    config.write_text(json.dumps({"root": True, "extends": ["html-validate:standard"]}), encoding="utf-8")
    program = tools / "html-validate" / "bin" / "html-validate.mjs"
    files = [str(html / place(page)) for page in EVERY]
    command = ["node", str(program), "--config", str(config), "-f", f"json={told}", *files]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode in (0, 1), done.stderr[-500:]
    return {
        Path(page["filePath"]).stem: [
            f"line {each['line']}: {each['message']}"
            for each in page["messages"]
            if not any(known in each["message"] for known in OF_OTHERS)
        ]
        for page in json.loads(told.read_text(encoding="utf-8"))
    }


@pytest.mark.parametrize("page", EVERY)
def test_html_is_valid(verdicts: dict[str, list[str]], page: str) -> None:
    faults = verdicts.get(page, [])
    assert not faults, "\n".join(faults[:10])


@cache
def _parsed(file: Path) -> BeautifulSoup:
    return BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")


@cache
def _marks(file: Path) -> frozenset[str]:
    """What an address may name after its #."""
    named = _parsed(file).select("[id], a[name]")
    return frozenset(str(value) for each in named for value in (each.get("id"), each.get("name")) if value)


@pytest.mark.parametrize("page", EVERY)
def test_links_within_the_book_lead_somewhere(html: Path, page: str) -> None:
    """Of the whole page, menus too: the file is there, and what stands after # is in it."""
    here, broken = html / place(page), []
    for each in _parsed(here).select("a[href], link[href], script[src], img[src], audio[src]"):
        link = str(each.get("href") or each.get("src"))
        target = urlparse(link)
        if target.scheme or target.netloc or link == "#":
            continue
        file = (here.parent / unquote(target.path)).resolve() if target.path else here
        if not file.exists():
            broken.append(f"no file: {link}")
        elif target.fragment and file.suffix == ".html" and unquote(target.fragment) not in _marks(file):
            broken.append(f"no such place: {link}")
    assert not broken, broken
