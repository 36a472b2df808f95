"""What is written in the built pages: figures with words, licences, links, and nothing of the machinery."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from book_pages import CHAPTERS, PAGES, ROOT
from bs4 import BeautifulSoup, Tag

COPYLEFT = ("GPL", "CC-BY-SA")
HEAVIEST = 8_000_000


def article(html: Path, page: str) -> Tag:
    """The content of a page, without menus."""
    soup = BeautifulSoup((html / "book" / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
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
    told = json.loads((built / "executions.json").read_text(encoding="utf-8"))
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
def test_videos_are_in_the_page_and_have_words(html: Path, chapter: str) -> None:
    for video in article(html, chapter).select("video"):
        assert str(video.get("src", "")).startswith("data:video/") and video.has_attr("controls")
        assert str(video.get("aria-label", "")).strip()
        for track in video.select("track"):
            assert str(track["src"]).startswith("data:text/vtt")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_reader_sees_no_machinery(html: Path, chapter: str) -> None:
    content = article(html, chapter)
    assert not content.select(".tag_injected-parameters")
    assert not content.select(".output.traceback")
    assert "google.colab" not in content.get_text()
    assert (html / "book" / f"{chapter}.html").stat().st_size < HEAVIEST


def test_a_browser_finds_an_icon(html: Path) -> None:
    """Where a page names none, as the one that leads to the introduction, it asks for favicon.ico."""
    assert (html / "favicon.ico").read_bytes()[:4] == b"\0\0\1\0"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_imports_are_folded(chapter: str) -> None:
    """What a page begins with is what it is about; who wants the imports unfolds them."""
    cells = json.loads((ROOT / "book" / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
    open_cells = [
        cell["id"]
        for cell in cells
        if cell["cell_type"] == "code"
        and len(re.findall(r"^(?:import|from) ", "".join(cell["source"]), re.MULTILINE)) > 2
        and not {"hide-input", "remove-cell"} & set(cell["metadata"].get("tags", ()))
    ]
    assert not open_cells


def test_the_introduction_maps_every_chapter(html: Path) -> None:
    """Each box says what its chapter is called, and leads there."""
    boxes = {str(link["href"]): link.get_text() for link in article(html, "intro").select(".avs-map svg a")}
    assert list(boxes) == [f"{chapter}.html" for chapter in CHAPTERS]
    for chapter, words in zip(CHAPTERS, boxes.values(), strict=True):
        heading = article(html, chapter).select_one("h1")
        assert heading is not None
        title = heading.get_text().removesuffix("#").strip()
        assert words.startswith(f"{int(chapter[:2])} {title}"), words


def test_the_introduction_shows_a_scene_under_its_licence(html: Path) -> None:
    (scene,) = article(html, "intro").select(".avs-scene")
    assert families(str(scene["data-licence"]))
    assert str(scene["data-licence"]) in scene.find_parent("figure").get_text()  # type: ignore[union-attr]


def test_a_licence_line_is_understood() -> None:
    assert families("CC BY-SA 4.0 (CC-BY-SA)") == {"CC-BY-SA"}
    assert families("GPL-2.0 and CC BY-SA 3.0") == {"GPL", "CC-BY-SA"}
    assert families("CC0, MIT") == set()
