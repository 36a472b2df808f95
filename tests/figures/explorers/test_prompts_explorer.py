"""The prompts explorer: a prompt among its mixture, and what it asks for, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from figure_pages import move, pixels
from prompting import COW, DOG, NAMES, TRAIN

from avslib.errors import UserError
from avslib.figures import PromptsExplorer, PromptShot
from avslib.figures.explorers.prompts.plane import Plane

WORDS = {"caption": "What to see.", "alt": "What it shows."}
Page = Callable[[str], Any]


def shot(number: int, *, side: int = 8, dim: int = 6) -> PromptShot:
    """Moment `number`: with it masks grow from the left; component 3 always asks for nothing."""
    rng = np.random.default_rng(number)
    classes = np.repeat([0, COW, TRAIN, DOG, len(NAMES)], 8)
    masks = np.full((2, 3, 3, side, side), -4.0)
    masks[:, :2, :, :, : 2 * (number + 1)] = 4.0
    sounds = np.full((2, 3, 3, 6, 4), -9.0)
    sounds[0, :, :, :3] = 9.0
    return PromptShot(
        name=f"after {number + 1} steps", shown=(COW, TRAIN), embeddings=rng.normal(size=(40, dim)) + classes[:, None],
        classes=classes, means=rng.normal(size=(2, 3, dim)) + np.array([COW, TRAIN])[:, None, None],
        spread=rng.uniform(0.5, 2, (2, 3, dim)), weights=np.full((2, 3), 1 / 3), fitted=np.array([True, number > 0]),
        prompts=rng.normal(size=(2, 3, 3, dim)), masks=masks, sound_masks=sounds, own=rng.uniform(size=(2, 3, 3)),
    )  # fmt: skip


@pytest.fixture
def given(picture: np.ndarray) -> dict[str, Any]:
    """The cow is the left quarter."""
    labels = np.zeros((32, 48), int)
    labels[:, :12] = COW
    log_mel = np.random.default_rng(0).normal(size=(96, 64))
    shots = [shot(number) for number in range(3)]
    return {"shots": shots, "picture": picture, "labels": labels, "log_mel": log_mel, "names": NAMES, **WORDS}


def said(page: Any) -> str:
    return str(page.locator("[data-part=say]").inner_text())


def test_what_a_prompt_asks_for_is_shown_and_said(given: dict[str, Any], open_page: Page) -> None:
    html = PromptsExplorer(**given)._repr_html_()
    assert "http" not in html and WORDS["alt"] in html
    page = open_page(html)
    own = given["shots"][2].own[0, 0, 0]
    assert said(page) == (
        "Draw 1 from component 1 of cow, with the weight 0.33, asks for 75 % of the picture (IoU with the cow 0.33) and for "
        f"50 % of the spectrogram. The decoder takes it for cow with probability {own:.2f}."
    )
    move(page, "shot", 0)
    assert "25 % of the picture (IoU with the cow 1.00)" in said(page)
    assert page.locator("[data-part=shot-says]").inner_text() == "after 1 steps"


def test_every_control_moves_its_pictures(given: dict[str, Any], open_page: Page) -> None:
    page = open_page(PromptsExplorer(**given)._repr_html_())
    names = ("plane", "map", "sound")

    def shown() -> list[str]:
        return [pixels(page, name) for name in names]

    start = shown()
    page.locator("input[data-part=draw]").nth(0).focus()
    page.keyboard.press("ArrowRight")
    draw = shown()
    assert draw[0] != start[0] and "Draw 2" in said(page)
    page.locator("input[data-part=component]").nth(2).check(force=True)
    component = shown()
    assert component[:2] != draw[:2] and "0 % of the picture (IoU with the cow 0.00)" in said(page)
    page.locator("input[data-part=class]").nth(1).check(force=True)
    kind = shown()
    assert all(now != before for now, before in zip(kind, component))
    assert "where no train is to be found" in said(page) and "0 % of the spectrogram" in said(page)
    move(page, "shot", 0)
    assert pixels(page, "plane") != kind[0] and "to which nothing has been fitted yet" in said(page)


def test_embeddings_are_marked_by_class(given: dict[str, Any]) -> None:
    explorer = PromptsExplorer(**given)
    told = explorer.data()["shots"][0]
    assert told["kinds"] == [-1] * 8 + [0] * 8 + [1] * 8 + [-1] * 8 + [-2] * 8
    every = np.concatenate([np.reshape(told[name], (-1, 2)) for name in ("embeddings", "means", "prompts")])
    assert every.min() >= 0 and every.max() <= 1
    assert "●</b> cow" in explorer.body() and "no object" in explorer.body()


def test_one_plane_serves_all_moments(given: dict[str, Any]) -> None:
    still = [given["shots"][0], replace(given["shots"][0], name="later"), given["shots"][1]]
    one, two, _ = PromptsExplorer(**given | {"shots": still}).data()["shots"]
    assert one["embeddings"] == two["embeddings"] and one["means"] == two["means"]


def test_a_plane_has_the_largest_spread_and_sees_gaussians_from_above() -> None:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    points = rng.normal(size=(4000, 5)) * [3, 2, 0.1, 0.1, 0.1] @ turn + 7
    plane = Plane.through(points)
    assert plane.share > 0.99 and np.allclose(plane.places(points).std(axis=0), [3, 2], atol=0.15)
    covariance = turn.T @ np.diag(np.square([3, 2, 0.1, 0.1, 0.1])) @ turn
    halves, angle = plane.ellipses(points.mean(axis=0)[None], covariance[None])
    assert np.allclose(halves, [[3, 2]], atol=0.05) and min(angle[0] % np.pi, np.pi - angle[0] % np.pi) < 0.1
    variances = rng.uniform(1, 2, (2, 3, 5))
    full = variances[..., None] * np.eye(5)
    for diagonal, whole in zip(plane.ellipses(variances, variances), plane.ellipses(variances, full)):
        assert np.allclose(diagonal, whole)


def test_the_page_stays_small(given: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    shots = [
        replace(
            shot(n, side=32, dim=64), masks=rng.normal(size=(2, 3, 3, 32, 32)), sound_masks=rng.normal(size=(2, 3, 3, 24, 16)),
            embeddings=rng.normal(size=(240, 64)), classes=np.arange(240) % 10,
        )
        for n in range(3)
    ]  # fmt: skip
    photo = rng.integers(0, 256, (3, 128, 128), dtype=np.uint8)
    many = given | {"shots": [*shots, *shots[:2]], "picture": photo, "labels": np.full((128, 128), COW)}
    assert len(PromptsExplorer(**many)._repr_html_()) < 600_000, "even of noise"
    large = [replace(each, masks=rng.normal(size=(2, 3, 3, 128, 128))) for each in shots]
    assert PromptsExplorer(**many | {"shots": large}).data()["sizes"] == [[43, 43], [16, 24]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"shots": []}, {"shots": [shot(0), replace(shot(1), shown=(DOG, TRAIN))]}, {"names": NAMES[:5]}, {"alt": " "},
        {"labels": np.zeros((8, 8), int)}, {"log_mel": np.zeros((1, 96, 64))},
        {"shots": [replace(shot(0), embeddings=np.zeros((0, 6)), classes=np.zeros(0, int))]},
    ],
)  # fmt: skip
def test_prompts_refuse(wrong: dict[str, Any], given: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        PromptsExplorer(**given | wrong)
