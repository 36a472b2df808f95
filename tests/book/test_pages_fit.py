"""What a page looks like at the width of a desk and of a phone, by day and by night: nothing is out of sight."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from book_pages import CHAPTERS, PAGES, PHONE, UNFOLD, WIDE, open_page

SCROLLING = """boxes => boxes.filter(box => box.getClientRects().length && box.scrollWidth > box.clientWidth + 1)
    .map(box => `${box.scrollWidth} of ${box.clientWidth}: ${box.textContent.slice(0, 60)}`)"""
OUTSIDE = """tables => tables.filter(table => table.getClientRects().length).filter(table => {
    const box = table.closest('.pst-scrollable-table-container') || table;
    const held = ['auto', 'scroll'].includes(getComputedStyle(box).overflowX) || box.clientWidth >= table.offsetWidth;
    return !held || box.getBoundingClientRect().right > document.documentElement.clientWidth;
}).map(table => table.textContent.trim().slice(0, 60))"""
MEETING = """equations => equations.flatMap(equation => {
    const number = equation.querySelector('.eqno'), drawn = equation.querySelector('mjx-container');
    if (!number || !drawn) return [];
    const box = drawn.getBoundingClientRect(), label = number.getBoundingClientRect();
    const clipped = getComputedStyle(drawn).overflowX != 'visible';
    const right = clipped ? box.right : Math.max(...[...drawn.querySelectorAll('*')]
        .map(part => part.getBoundingClientRect().right));
    const apart = right <= label.left || box.bottom <= label.top || box.top >= label.bottom;
    return apart && label.right <= document.documentElement.clientWidth ? [] : [number.textContent];
})"""
WIDEST = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
MEASURES = {
    "code": ("article .highlight pre", SCROLLING),
    "tables": ("article table", OUTSIDE),
    "meeting": ("article div.math", MEETING),
    "formulas": ("article div.math > mjx-container", SCROLLING),
    "not understood": ("mjx-merror, mtext[mathcolor=red]", "all => all.map(fault => fault.textContent)"),
}
"""{name: (where, the script that gives what is wrong there)}."""
UNREADABLE = """figures => figures.flatMap(figure => {
    const rgb = colour => colour.match(/[\\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
    const ground = element => {
        for (; element; element = element.parentElement) {
            const colour = rgb(getComputedStyle(element).backgroundColor);
            if (colour.length == 3 || colour[3] == 1) return luminance(colour);
        }
        return 1;
    };
    const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const faults = [], caption = figure.querySelector('figcaption'), player = figure.querySelector('.avs-explorer');
    if (contrast(luminance(rgb(getComputedStyle(caption).color)), ground(caption)) < 7) faults.push('caption');
    for (const picture of figure.querySelectorAll(':scope > img')) {
        if (ground(picture) < 0.95) faults.push('a picture drawn for white paper lies on another ground');
        if (getComputedStyle(picture).filter != 'none') faults.push('a picture with its colours changed');
    }
    if (player && ground(player) > 0.1) faults.push('an explorer that stays light');
    for (const words of figure.querySelectorAll('svg text')) {
        if (contrast(luminance(rgb(getComputedStyle(words).fill)), ground(words)) < 7) faults.push(words.textContent);
    }
    return faults.map(fault => `${fault}: ${caption.textContent.slice(0, 60)}`);
})"""


Look = Callable[[str, int], dict[str, Any]]


@pytest.fixture(scope="module")
def look(browser: Any, address: str) -> Look:
    """What is measured on a page at a width, everything unfolded; each page is opened once, and then made narrow."""

    @cache
    def measured(page: str) -> dict[int, dict[str, Any]]:
        opened, _ = open_page(browser, address, page, width=WIDE)
        search = opened.locator(".search-button-field, .search-button, form.bd-search")
        fields = sum(search.nth(number).is_visible() for number in range(search.count()))
        opened.evaluate(UNFOLD)
        found = {}
        for width in (WIDE, PHONE):
            opened.set_viewport_size({"width": width, "height": 900})
            found[width] = {"search": fields, "wide": opened.evaluate(WIDEST)} | {
                name: opened.eval_on_selector_all(where, script) for name, (where, script) in MEASURES.items()
            }
        opened.close()
        return found

    return lambda page, width: measured(page)[width]


@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_scrolls_downwards_only(look: Look, page: str, width: int) -> None:
    assert look(page, width)["wide"] <= width


@pytest.mark.parametrize("page", PAGES)
def test_code_fits_its_cell(look: Look, page: str) -> None:
    """Folded cells, exercises and solutions, too."""
    assert not look(page, WIDE)["code"]


@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("page", PAGES)
def test_a_wide_table_scrolls_in_its_own_box(look: Look, page: str, width: int) -> None:
    assert not look(page, width)["tables"]


@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("page", PAGES)
def test_no_formula_meets_its_number(look: Look, page: str, width: int) -> None:
    assert not look(page, width)["meeting"]


@pytest.mark.parametrize("page", PAGES)
def test_a_formula_is_as_long_as_a_line(look: Look, page: str) -> None:
    assert not look(page, WIDE)["formulas"]


@pytest.mark.parametrize("page", PAGES)
def test_every_formula_is_understood(look: Look, page: str) -> None:
    assert not look(page, WIDE)["not understood"]


@pytest.mark.parametrize("page", PAGES)
def test_there_is_one_search_field(look: Look, page: str) -> None:
    assert look(page, WIDE)["search"] == 1


@pytest.mark.parametrize("page", ["intro", *CHAPTERS])
def test_figures_can_be_read_by_night(browser: Any, address: str, page: str) -> None:
    opened, _ = open_page(browser, address, page, width=WIDE, theme="dark")
    assert opened.evaluate("document.documentElement.dataset.theme") == "dark"
    faults = opened.eval_on_selector_all("article figure", UNREADABLE)
    opened.close()
    assert not faults, faults
