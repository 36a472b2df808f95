"""The scene player, in a browser and with a kernel."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from figure_pages import move, pixels, telling_scene

from avslib.data import MiniScenes
from avslib.errors import UserError
from avslib.figures import ScenePlayer, Track


@pytest.fixture
def player(picture: np.ndarray, masks: np.ndarray) -> ScenePlayer:
    tone = 0.3 * np.sin(np.arange(32_000) / 9, dtype=np.float32)
    return ScenePlayer(
        picture=picture,
        tracks=[
            Track("hen", np.stack([tone, 0 * tone]), np.array([True, False]), masks[0]),
            Track("horse", tone[None], np.array([False, True]), masks[1]),
            Track("rain", tone[None], np.array([True, True]), None, heard=False),
            Track("bush", None, np.array([False, False]), masks[0], heard=False),
        ],
    )


@pytest.fixture(scope="module")
def scenes() -> MiniScenes:
    return MiniScenes("ms3", split="test", fold=2, size=256, family="CC-BY-SA")


def test_the_page_needs_nothing_from_outside(player: ScenePlayer) -> None:
    page = player._repr_html_()
    assert page.count("<audio") == page.count("data:audio/mpeg;base64,") == 3
    assert "http" not in page and "<figcaption" in page and 'aria-live="polite"' in page
    assert "A picture with hen, horse, bush; heard in it: hen, horse." in page


def test_two_renderings_have_two_ids(player: ScenePlayer) -> None:
    once, twice = (re.findall(r' id="([^"]+)"', player._repr_html_()) for _ in range(2))
    assert len(once) == 1 and once != twice


def test_a_script_cannot_leave_the_data(picture: np.ndarray) -> None:
    track = Track("</script><b>", np.zeros((1, 9)), np.array([True]), None)
    page = ScenePlayer(picture=picture, tracks=[track])._repr_html_()
    assert page.count("</script>") == 1 and "<b>" not in page


def test_ticks_and_seconds_change_the_mask(player: ScenePlayer, open_page: Callable[[str], Any]) -> None:
    page = open_page(player._repr_html_())
    say = page.locator("[data-part=say]")
    first = pixels(page, "scene")
    assert "the mask is the hen, 13 % of the picture" in say.inner_text()
    move(page, "second", 1)
    assert pixels(page, "scene") != first and "the mask is the horse" in say.inner_text()
    page.get_by_role("checkbox", name="horse").click()
    assert "nobody sounds, and the mask is empty" in say.inner_text()
    empty = pixels(page, "scene")
    page.get_by_role("checkbox", name="rain").click()
    assert pixels(page, "scene") == empty, "what is heard off screen has no mask"
    assert "The rain is heard but not seen" in say.inner_text()
    assert page.locator("input[data-part=heard]").nth(3).is_disabled()


def test_ticks_change_what_is_heard(player: ScenePlayer, open_page: Callable[[str], Any]) -> None:
    page = open_page(player._repr_html_())
    muted = "() => [...document.querySelectorAll('audio')].map(a => a.muted)"
    assert page.evaluate(muted) == [False, False, True]
    page.get_by_role("checkbox", name="hen").click()
    assert page.evaluate(muted) == [True, False, True]
    page.wait_for_function(
        "[...document.querySelectorAll('audio')].every(a => Math.abs(a.duration - 2) < 0.3)"
    )
    page.get_by_role("button").click()
    page.wait_for_function(
        "[...document.querySelectorAll('audio')].every(a => !a.paused && a.currentTime > 0)"
    )
    page.get_by_role("button").click()
    page.wait_for_function("[...document.querySelectorAll('audio')].every(a => a.paused)")


def test_the_keyboard_suffices(player: ScenePlayer, open_page: Callable[[str], Any]) -> None:
    page = open_page(player._repr_html_())
    before = pixels(page, "scene")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert pixels(page, "scene") != before, "the first tick box"
    page.locator("input[data-part=second]").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("[data-part=second-says]").inner_text() == "2 of 2"


def test_the_same_output_twice_in_a_page(player: ScenePlayer, open_page: Callable[[str], Any]) -> None:
    html = player._repr_html_()
    page = open_page(html.split("<script")[0] + html)
    assert page.locator("[data-ready=drawn]").count() == 2


def test_a_composed_scene(scenes: MiniScenes, open_page: Callable[[str], Any]) -> None:
    scene = scenes.scene(telling_scene(scenes))
    shown = ScenePlayer.of(scene)
    html = shown._repr_html_()
    assert len(html) < 600_000 and f'data-licence="{scene.licence}"' in html
    mix = sum(t.waveform for t in shown.tracks if t.heard and t.waveform is not None)
    assert np.allclose(mix, scene.waveform().numpy(), atol=1e-5), "the ticked tracks are the scene's sound"
    seen = [t for t in shown.tracks if t.heard and t.mask is not None]
    assert len(seen) == len(scene.sources) > 0
    truth = np.stack([np.any([t.mask & t.sounding[s] for t in seen], axis=0) for s in range(scene.seconds)])
    assert np.array_equal(truth, scene.labels > 0), "and their masks its labels"
    assert any(not t.heard and t.waveform is not None for t in shown.tracks), (
        "a silent object can be made to sound"
    )
    open_page(html)


def test_wrong_arrays_are_refused(picture: np.ndarray, masks: np.ndarray) -> None:
    track = Track("hen", np.zeros((1, 9)), np.array([True]), masks[0, ::2])
    with pytest.raises(UserError, match="resize"):
        ScenePlayer(picture=picture, tracks=[track])
    with pytest.raises(UserError, match="1 to 8"):
        ScenePlayer(picture=picture, tracks=[])


def test_live_it_composes_other_scenes(scenes: MiniScenes) -> None:
    live = ScenePlayer.live(scenes.scene, scenes=50)
    live.scene.value = chosen = telling_scene(scenes) or 1
    assert np.array_equal(live.shown.picture, scenes.scene(chosen).picture) and live.scene.max == 49
