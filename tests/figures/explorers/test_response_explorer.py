"""The response explorer, in a browser and with a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from figure_pages import move, pixels

from avslib.errors import UserError
from avslib.figures import ResponseExplorer

STATES = ("before training", "trained")


@pytest.fixture
def truth(masks: np.ndarray) -> np.ndarray:
    return np.stack([masks[0], masks[0], masks[1]])


def answers(
    truth: np.ndarray, gain: float = 1.0
) -> tuple[dict[str, list[np.ndarray]], dict[str, np.ndarray]]:
    """Responses of two states and four stages, and predictions."""
    rng = np.random.default_rng(1)
    responses = {s: [gain * rng.normal(size=(3, n, n)) for n in (16, 8, 4, 2)] for s in STATES}
    return responses, {STATES[0]: ~truth, STATES[1]: truth}


@pytest.fixture
def explorer(picture: np.ndarray, truth: np.ndarray) -> ResponseExplorer:
    responses, predictions = answers(truth)
    return ResponseExplorer(picture=picture, responses=responses, truth=truth, predictions=predictions)


def test_every_control_changes_what_is_seen(
    explorer: ResponseExplorer, open_page: Callable[[str], Any]
) -> None:
    page = open_page(explorer._repr_html_())
    seen = [(pixels(page, "map"), pixels(page, "bars"))]

    def changed(*, map: bool, bars: bool) -> None:
        now = (pixels(page, "map"), pixels(page, "bars"))
        assert ((now[0] != seen[-1][0]), (now[1] != seen[-1][1])) == (map, bars)
        seen.append(now)

    truth, prediction = pixels(page, "truth"), pixels(page, "prediction")
    page.get_by_text("before training", exact=True).click()
    changed(map=True, bars=True)
    assert pixels(page, "truth") == truth and pixels(page, "prediction") != prediction
    page.get_by_text("3 (4×4)").click()
    changed(map=True, bars=True)
    move(page, "second", 2)
    changed(map=True, bars=True)
    assert pixels(page, "truth") != truth
    move(page, "across", 40)
    changed(map=True, bars=True)
    move(page, "down", 2)
    changed(map=True, bars=True)


def test_the_number_shown_is_the_response(
    explorer: ResponseExplorer, open_page: Callable[[str], Any]
) -> None:
    page = open_page(explorer._repr_html_())
    page.get_by_text("2 (8×8)").click()
    move(page, "second", 1)
    move(page, "across", 31)  # of 48: column 5 of 8
    move(page, "down", 10)  # of 32: row 2 of 8
    told = page.locator("[data-part=say]").inner_text().replace("−", "-")
    value = float(told.split("answers with ")[1].split(";")[0])
    stage = explorer.responses["trained"][1]
    assert value == pytest.approx(stage[1, 2, 5], abs=np.abs(stage).max() / 127 + 0.05)
    assert "trained, stage 2, second 2" in told and "does not belong" in told


def test_mouse_and_arrow_keys_move_the_query(
    explorer: ResponseExplorer, open_page: Callable[[str], Any]
) -> None:
    page = open_page(explorer._repr_html_())
    canvas = page.locator("canvas[data-part=map]")
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * 0.76, "y": box["height"] * 0.27})
    across, down = (page.locator(f"input[data-part={name}]") for name in ("across", "down"))
    assert (across.input_value(), down.input_value()) == ("36", "8")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    assert (across.input_value(), down.input_value()) == ("39", "6"), "one cell of a 16 x 16 stage"


def test_it_starts_inside_the_first_mask(explorer: ResponseExplorer, truth: np.ndarray) -> None:
    second, row, column = explorer._start()
    assert second == 0 and truth[second, row, column]


def test_weight_and_words(truth: np.ndarray) -> None:
    big = np.zeros((3, 224, 224), np.uint8)
    still = np.zeros((5, 224, 224), bool)
    responses = {
        s: [np.random.default_rng(0).normal(size=(5, n, n)) for n in (56, 28, 14, 7)] for s in STATES
    }
    page = ResponseExplorer(
        picture=big, responses=responses, truth=still, predictions={s: still for s in STATES}
    )._repr_html_()
    assert len(page) < 800_000 and "http" not in page and "<figcaption" in page


def test_arrays_that_disagree_are_refused(picture: np.ndarray, truth: np.ndarray) -> None:
    responses, predictions = answers(truth)
    with pytest.raises(UserError, match="same states"):
        ResponseExplorer(picture=picture, responses=responses, truth=truth, predictions={"trained": truth})
    with pytest.raises(UserError, match="resize"):
        ResponseExplorer(picture=picture, responses=responses, truth=truth[:, ::2], predictions=predictions)
    responses["trained"][2] = responses["trained"][2][:1]
    with pytest.raises(UserError, match="trained, stage 3"):
        ResponseExplorer(picture=picture, responses=responses, truth=truth, predictions=predictions)


def test_live_it_shows_what_the_model_does_with_the_chosen_sound(
    picture: np.ndarray, truth: np.ndarray
) -> None:
    gains = {"right": 1.0, "silence": -1.0}
    live = ResponseExplorer.live(
        lambda sound: answers(truth, gains[sound]), picture=picture, truth=truth, sounds=list(gains)
    )
    before = live.shown.responses["trained"][0]
    live.sound.value = "silence"
    assert np.array_equal(live.shown.responses["trained"][0], -before)
    assert np.array_equal(live.shown.predictions["trained"], truth)
