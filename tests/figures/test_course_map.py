"""The map of the chapters: links and words for everybody, ink of the page; and the directives that put it there."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from avslib.errors import UserError
from avslib.figures.course_map import Stop, course_map

STOPS = [Stop(f"{n} Chapter <{n}>", f"about {n}", f"{n:02}.html") for n in range(1, 6)]
WORDS = {"caption": "The chapters.", "alt": "Boxes that link to chapters."}


def test_every_chapter_is_a_link_with_its_words() -> None:
    page = BeautifulSoup(course_map([("First", STOPS[:3]), ("Then", STOPS[3:])], **WORDS).page, "html.parser")
    links = page.select("svg a[href]")
    assert [link["href"] for link in links] == [stop.link for stop in STOPS]
    assert [link.get_text() for link in links] == [f"{stop.title}{stop.about}" for stop in STOPS]
    assert page.select_one("svg[role=group]")["aria-label"] == WORDS["alt"]  # type: ignore[index]
    assert page.select_one("figcaption").get_text(strip=True) == WORDS["caption"]  # type: ignore[union-attr]


def test_its_words_take_the_ink_of_the_page() -> None:
    page = BeautifulSoup(
        course_map([("Only", STOPS)], always=["Always", "this?"], **WORDS).page, "html.parser"
    )
    assert {text["fill"] for text in page.select("svg text")} == {"currentColor"}


@pytest.mark.parametrize(("number", "arrows"), [(1, 4), (2, 8), (3, 10)])
def test_all_of_it_is_in_the_picture(number: int, arrows: int) -> None:
    parts = [("First", STOPS), ("Then", STOPS[:4]), ("Below", STOPS[:2])][:number]
    svg = BeautifulSoup(course_map(parts, always=["Always", "a", "b"], **WORDS).page, "html.parser").svg
    assert svg is not None
    left, top, width, height = map(float, str(svg["viewbox"]).split())
    boxes = [[float(str(box[name])) for name in ("x", "y", "width", "height")] for box in svg.select("rect")]
    for x, y, wide, high in boxes:
        assert left <= x and x + wide <= left + width and top <= y and y + high <= top + height
    for one, other in combinations(boxes, 2):
        apart = any(one[n] + one[n + 2] <= other[n] or other[n] + other[n + 2] <= one[n] for n in (0, 1))
        assert apart, "two boxes lie on one another"
    assert len(svg.select("path[marker-end]")) == arrows


def test_a_map_without_words_or_with_four_parts_is_refused() -> None:
    with pytest.raises(UserError, match="caption"):
        course_map([("Only", STOPS)], caption=" ", alt="x")
    with pytest.raises(UserError, match="one to three parts, not 4"):
        course_map([("a", STOPS)] * 4, **WORDS)


def build(folder: Path, page: str) -> tuple[BeautifulSoup, str]:
    """A book of two pages that Sphinx makes, as html, and what it complains about."""
    (folder / "index.rst").write_text(page, encoding="utf-8")
    (folder / "01_first.rst").write_text(":orphan:\n\nThe first\n=========\n", encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-C", "-D", "extensions=avslib.figures.directives"]
    done = subprocess.run(
        [*command, str(folder), str(folder / "out")], capture_output=True, text=True, encoding="utf-8"
    )
    out = folder / "out" / "index.html"
    text = out.read_text(encoding="utf-8") if out.exists() else ""
    return BeautifulSoup(text, "html.parser"), done.stderr


MAP = "Book\n====\n\n.. course-map:: Boxes.\n   :caption: All.\n\n   Part\n   {page}: what it is\n"


def test_the_directive_takes_titles_and_numbers_from_the_pages(tmp_path: Path) -> None:
    page, complaint = build(tmp_path, MAP.format(page="01_first"))
    assert not complaint
    (link,) = page.select("svg a")
    assert link["href"] == "01_first.html" and link.get_text() == "1 The firstwhat it is"


def test_a_map_to_nowhere_stops_the_build(tmp_path: Path) -> None:
    _, complaint = build(tmp_path, MAP.format(page="01_lost"))
    assert "01_lost, which is no page of this book" in complaint


SCENE = "Book\n====\n\n.. scene-player:: 198\n   :family: CC-BY-SA\n   :objects: {objects}\n\n   Tick.\n"


def test_a_scene_stands_under_its_licence(tmp_path: Path) -> None:
    page, complaint = build(tmp_path, SCENE.format(objects="woman, man, dog"))
    assert not complaint
    (scene,) = page.select(".avs-explorer.avs-scene")
    assert "CC BY-SA" in str(scene["data-licence"])
    caption = page.select_one("figcaption")
    assert caption is not None and caption.get_text().startswith("Tick. Scene: CC BY-SA")


def test_a_scene_that_the_words_do_not_tell_of_stops_the_build(tmp_path: Path) -> None:
    _, complaint = build(tmp_path, SCENE.format(objects="a cat"))
    assert "scene 198 shows woman, man, dog, not a cat" in complaint
