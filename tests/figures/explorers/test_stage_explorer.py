"""The stage, in a browser and with a kernel: what is seen, what is heard, and that the two agree."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile
from figure_pages import move, pixels

from avslib.data import MiniScenes, SceneObject
from avslib.errors import UserError
from avslib.figures import Actor, StageExplorer

TONE = 0.5 * np.sin(np.arange(16_000) / 5, dtype=np.float32)
PAUSED = "() => [...document.querySelectorAll('audio')].map(a => a.paused)"


@pytest.fixture
def actor() -> Actor:
    """A wedge: heavier on the right, so that its centre of mass is not its middle."""
    cutout = np.full((12, 16, 4), 90, np.uint8)
    cutout[..., 3] = 255 * (np.arange(16) >= 12 - np.arange(12)[:, None])
    return Actor("hen", cutout, TONE)


@pytest.fixture
def stage(picture: np.ndarray, actor: Actor) -> StageExplorer:
    return StageExplorer(picture=picture, actor=actor, top=10, places=5, start=1)


def test_positions_are_those_of_a_composed_object(stage: StageExplorer) -> None:
    cutout = MiniScenes(size=32, length=1).scene(0).background
    for left, position in zip(stage.lefts, stage.positions, strict=True):
        mask = np.zeros((32, 48), bool)
        mask[10:22, left : left + 16] = stage.actor.cutout[..., 3] > 127
        assert abs(SceneObject("hen", mask, np.ones(1, bool), cutout).position - position) < 1e-9
    assert stage.lefts[0] == 0 and stage.lefts[-1] == 48 - 16


def test_each_place_has_its_sound_and_the_swapped_one(stage: StageExplorer) -> None:
    files = re.findall(r"data:audio/mpeg;base64,([^\"]+)", stage._repr_html_())
    assert len(files) == 2 * 5
    expected = [*stage.positions, *(1 - position for position in stage.positions)]
    for file, position in zip(files, expected, strict=True):
        samples, _ = soundfile.read(io.BytesIO(base64.b64decode(file)))
        left, right = np.sqrt((samples[2000:-2000] ** 2).mean(axis=0))
        assert abs(right / (left + right) - position) < 0.02


def test_the_page_needs_nothing_from_outside(stage: StageExplorer) -> None:
    page = stage._repr_html_()
    assert "http" not in page and "<figcaption" in page and 'aria-live="polite"' in page
    assert "A hen on a picture" in page


def test_the_slider_moves_picture_and_ears(stage: StageExplorer, open_page: Callable[[str], Any]) -> None:
    page = open_page(stage._repr_html_())
    say = page.locator("[data-part=say]")
    seen, heard = pixels(page, "stage"), pixels(page, "ears")
    assert f"seen at {stage.positions[1]:.2f} and heard at {stage.positions[1]:.2f}" in say.inner_text()
    move(page, "place", 4)
    assert pixels(page, "stage") != seen and pixels(page, "ears") != heard
    assert f"seen at {stage.positions[4]:.2f}" in say.inner_text()


def test_dragging_and_arrow_keys_move_it(stage: StageExplorer, open_page: Callable[[str], Any]) -> None:
    page = open_page(stage._repr_html_())
    place = page.locator("input[data-part=place]")
    box = page.locator("canvas[data-part=stage]").bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.95 * box["width"], box["y"] + 20)
    page.mouse.up()
    assert place.input_value() == "4"
    page.mouse.move(box["x"], box["y"] + 20)
    assert place.input_value() == "4", "without a button pressed nothing is dragged"
    page.locator("canvas[data-part=stage]").focus()
    page.keyboard.press("ArrowLeft")
    assert place.input_value() == "3"


def test_what_plays_is_the_sound_of_the_place(stage: StageExplorer, open_page: Callable[[str], Any]) -> None:
    page = open_page(stage._repr_html_())

    def only(number: int) -> str:
        return f"({PAUSED})().every((paused, k) => paused === (k !== {number}))"

    assert all(page.evaluate(PAUSED))
    page.get_by_role("button").click()
    page.wait_for_function(only(1))
    move(page, "place", 3)
    page.wait_for_function(only(3))
    page.get_by_text("mirrored, the sound too").click()
    page.wait_for_function(only(5 + 3))
    page.get_by_text("mirrored, the sound forgotten").click()
    page.wait_for_function(only(3))
    page.get_by_role("button").click()
    page.wait_for_function(f"({PAUSED})().every(Boolean)")


def test_a_mirror_moves_the_source_to_the_other_side(
    stage: StageExplorer, open_page: Callable[[str], Any]
) -> None:
    page = open_page(stage._repr_html_())
    say, position = page.locator("[data-part=say]"), stage.positions[1]
    straight = pixels(page, "stage")
    page.get_by_text("mirrored, the sound too").click()
    mirrored = pixels(page, "stage")
    assert mirrored != straight
    assert f"seen at {1 - position:.2f} and heard at {1 - position:.2f}" in say.inner_text()
    page.get_by_text("mirrored, the sound forgotten").click()
    assert pixels(page, "stage") == mirrored, "the picture is the same, only the sound is wrong"
    assert f"seen at {1 - position:.2f} and heard at {position:.2f}" in say.inner_text()
    assert "taught the wrong side" in say.inner_text()
    page.get_by_text("as composed").click()
    assert pixels(page, "stage") == straight


def test_what_does_not_fit_is_refused(picture: np.ndarray, actor: Actor) -> None:
    with pytest.raises(UserError, match="do not fit"):
        StageExplorer(picture=picture, actor=actor, top=21)
    with pytest.raises(UserError, match="two places"):
        StageExplorer(picture=picture, actor=actor, top=0, places=1)
    with pytest.raises(UserError, match="opaque"):
        Actor("ghost", np.zeros((4, 4, 4), np.uint8), TONE)
    with pytest.raises(UserError, match="published"):
        StageExplorer(picture=picture, actor=actor, top=0, licence="mixed: not for publication")._repr_html_()


def test_live_it_takes_any_actor_in_any_size_and_place(picture: np.ndarray, actor: Actor) -> None:
    truck = Actor("truck", np.full((20, 90, 4), 255, np.uint8), TONE)
    tree = Actor("tree", np.full((64, 8, 4), 255, np.uint8), TONE)
    live = StageExplorer.live(picture, [actor, truck, tree])
    assert np.array_equal(live.shown.actor.cutout, actor.cutout), "it fits as it is"
    live.who.value, live.size.value, live.down.value = "truck", 100, 100
    height, width = live.shown.actor.cutout.shape[:2]
    assert (live.shown.actor.name, width, live.shown.top) == ("truck", 47, 32 - height)
    live.size.value = 50
    assert live.shown.actor.cutout.shape[1] == 23
    live.who.value = "tree"
    assert live.shown.actor.cutout.shape[0] == 16
