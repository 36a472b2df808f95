"""What is written in the built pages: figures with words, licences, links, and nothing of the machinery."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted(file.stem for file in (ROOT / "book").glob("*.ipynb"))
PAGES = sorted(file.stem for file in (ROOT / "book").glob("*.*") if file.suffix in {".md", ".ipynb"})
COPYLEFT = ("GPL", "CC-BY-SA")
HEAVIEST = 8_000_000


def article(html: Path, page: str) -> Tag:
    """The content of a page, without menus."""
    soup = BeautifulSoup((html / "book" / f"{page}.html").read_text(), "html.parser")
    found = soup.select_one("article")
    assert found is not None
    return found


def families(licence: str) -> set[str]:
    """The copyleft families that a licence line names, however they are spelt."""
    plain = re.sub(r"[ -]+", "-", licence.upper())
    return {family for family in COPYLEFT if family in plain}


def test_the_book_builds(build: tuple[Path, str]) -> None:
    _, fault = build
    if fault:
        pytest.fail(f"a chapter fails, or Sphinx warns:\n{fault[-6000:]}", pytrace=False)


def test_every_chapter_ran_and_was_recorded(built: Path) -> None:
    told = json.loads((built / "executions.json").read_text())
    assert [Path(record["chapter"]).name for record in told["records"]] == CHAPTERS
    assert all(record["seconds"] > 0 and record["schedule"] for record in told["records"])
    assert "torch" in told["versions"]


def test_run_times_are_on_their_page(html: Path) -> None:
    words = article(html, "versions").get_text()
    assert all(f"book/{chapter}" in words for chapter in CHAPTERS)


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_has_words(html: Path, page: str) -> None:
    content = article(html, page)
    mute = [str(image)[:80] for image in content.select("img") if not str(image.get("alt", "")).strip()]
    assert not mute
    for figure in content.select("figure"):
        caption = figure.find("figcaption")
        assert caption is not None and caption.get_text(strip=True), str(figure)[:200]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_shown_scene_is_under_one_licence(html: Path, chapter: str) -> None:
    for scene in article(html, chapter).select(".avs-scene"):
        licence = str(scene.get("data-licence", ""))
        assert licence and len(families(licence)) <= 1, licence


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_sounds_are_in_the_page(html: Path, chapter: str) -> None:
    for sound in article(html, chapter).select("audio"):
        assert str(sound.get("src", "")).startswith("data:audio/")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_reader_sees_no_machinery(html: Path, chapter: str) -> None:
    content = article(html, chapter)
    assert not content.select(".tag_injected-parameters")
    assert not content.select(".output.traceback")
    assert "google.colab" not in content.get_text()
    assert (html / "book" / f"{chapter}.html").stat().st_size < HEAVIEST


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_book_lead_somewhere(html: Path, page: str) -> None:
    for link in article(html, page).select("a[href]"):
        target = urlparse(str(link["href"]))
        if target.scheme or target.netloc or not target.path:
            continue
        assert (html / "book" / unquote(target.path)).exists(), f"{link['href']} on {page}"


def test_a_licence_line_is_understood() -> None:
    assert families("CC BY-SA 4.0 (CC-BY-SA)") == {"CC-BY-SA"}
    assert families("GPL-2.0 and CC BY-SA 3.0") == {"GPL", "CC-BY-SA"}
    assert families("CC0, MIT") == set()
