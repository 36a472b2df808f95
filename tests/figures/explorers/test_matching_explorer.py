"""The matching explorer: its table is the matcher's, before and after masks and weights move."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from figure_pages import move, pixels

from avslib.errors import UserError
from avslib.figures import MatchingExplorer, Pairs
from avslib.figures.explorers.matching.pairs import WEIGHTS

Page = Callable[[str], Any]
SIDE, DOG, CAT = 16, 1, 2


@pytest.fixture
def explorer(picture: np.ndarray, pairs: Pairs) -> MatchingExplorer:
    names = ("background", "dog", "cat")
    return MatchingExplorer(picture=picture, pairs=pairs, names=names, caption="Move.", alt="A table.")


def table(page: Any) -> np.ndarray:
    """(M, Q) as a reader sees it."""
    cells = page.locator("[data-part=cell]").all_inner_texts()
    return np.array([float(cell.removeprefix("✓ ")) for cell in cells]).reshape(-1, 4)


def matches(page: Any) -> list[int]:
    """The column of the sign in each row."""
    signs = ["✓" in cell for cell in page.locator("[data-part=cell]").all_inner_texts()]
    return [int(column) for column in np.reshape(signs, (-1, 4)).argmax(axis=1)]


def test_the_table_stands_in_the_page_before_any_script(explorer: MatchingExplorer) -> None:
    html = explorer._repr_html_()
    cells = re.findall(r'data-match="(\w*)">(?:✓ )?(-?[\d.]+)</td>', html)
    assert np.allclose(
        [float(cost) for _, cost in cells], explorer.pairs.costs().ravel(), atol=0.0051, rtol=0
    )
    signs = np.reshape([sign == "now" for sign, _ in cells], (-1, 4))
    assert signs.argmax(axis=1).tolist() == explorer.pairs.matched() and signs.sum() == 3
    assert "http" not in html and len(html) < 60_000


def test_the_page_computes_the_same(explorer: MatchingExplorer, open_page: Page) -> None:
    page = open_page(explorer._repr_html_())
    pairs, rng = explorer.pairs, np.random.default_rng(1)
    for weights, (dog, cat) in [
        (WEIGHTS, (0, 0)),
        *((rng.integers(1, 11, 3), rng.integers(-8, 9, 2)) for _ in range(4)),
    ]:
        for n, weight in enumerate(weights):
            move(page, "weight", int(weight), n)
        for n, shift in enumerate((dog, cat)):
            move(page, "shift", int(shift) + SIDE // 2, n)
        shifts = {DOG: int(dog), CAT: int(cat)}
        assert np.allclose(table(page), pairs.costs(weights, shifts), atol=0.0052, rtol=0)
        assert matches(page) == pairs.matched(weights, shifts)


def test_moving_masks_flips_the_assignment(explorer: MatchingExplorer, open_page: Page) -> None:
    page = open_page(explorer._repr_html_())
    said = page.locator("[data-part=say]")
    assert said.inner_text().startswith(
        "background goes to query 3; dog goes to query 12; cat goes to query 8. "
    )
    before = pixels(page, "target", 1)
    sliders = page.locator("input[data-part=shift]")
    for n, key in enumerate(("ArrowRight", "ArrowLeft")):
        sliders.nth(n).focus()
        for _ in range(8):
            page.keyboard.press(key)
    assert matches(page) == [1, 0, 3] and pixels(page, "target", 1) != before
    assert "dog goes to query 8, no longer to query 12" in said.inner_text()
    assert page.locator("[data-match=was]").count() == 2
    assert page.locator("[data-part=shift-says]").all_inner_texts() == ["+8", "-8"]


def test_cells_show_the_parts_of_the_cost(explorer: MatchingExplorer, open_page: Page) -> None:
    page = open_page(explorer._repr_html_())
    whole, parts = table(page), []
    for name, weights in (("class", (2, 0, 0)), ("mask", (0, 5, 0)), ("Dice", (0, 0, 5))):
        page.get_by_text(f"its {name} part").click()
        parts.append(table(page))
        assert np.allclose(parts[-1], explorer.pairs.costs(weights), atol=0.0052, rtol=0)
        assert matches(page) == explorer.pairs.matched()
    assert np.allclose(sum(parts), whole, atol=0.021, rtol=0)


def test_each_class_has_a_name(pairs: Pairs, picture: np.ndarray) -> None:
    with pytest.raises(UserError, match="2 names for 3"):
        MatchingExplorer(
            picture=picture, pairs=pairs, names=("background", "dog"), caption="Move.", alt="A table."
        )
