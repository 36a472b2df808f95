"""What all explorers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from avslib.figures import ScenePlayer, Track

INSERT = """html => {
    const home = document.querySelector(".widget-output");
    home.replaceChildren(document.createRange().createContextualFragment(html));
}"""


@pytest.fixture
def player(picture: np.ndarray, masks: np.ndarray) -> ScenePlayer:
    tone = 0.3 * np.sin(np.arange(48_000) / 9, dtype=np.float32)
    return ScenePlayer(picture=picture, tracks=[Track("hen", tone[None], np.array([True] * 3), masks[0])])


def test_an_explorer_drawn_anew_by_a_widget_keeps_its_sliders(
    player: ScenePlayer, open_page: Callable[[str], Any]
) -> None:
    page = open_page("<div class=widget-output></div>" + player._repr_html_())
    second = page.locator(".widget-output input[data-part=second]")
    for expected, then in (("0", 2), ("2", 1), ("1", 1)):
        page.evaluate(INSERT, player._repr_html_())
        page.wait_for_selector(".widget-output [data-ready=drawn]")
        assert second.input_value() == expected
        assert page.locator(".widget-output [data-part=heard]").is_checked(), "the scene's own ticks"
        second.evaluate("(slider, value) => { slider.value = value; }", then)
        page.locator(".widget-output [data-part=heard]").uncheck()
    assert page.locator("body > figure input[data-part=second]").input_value() == "0"
