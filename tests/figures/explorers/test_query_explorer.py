"""The query explorer, in a browser and with a kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from figure_pages import move, pixels

from avslib.errors import UserError
from avslib.figures import QueryExplorer, QueryLooks
from avslib.types import Prediction

STATES = ("before training", "trained")
SIZES = [(4, 6), (2, 3), (1, 2)]
PLACES, QUERIES, SECONDS = 32, 5, 3


@pytest.fixture
def truth(masks: np.ndarray) -> np.ndarray:
    return np.stack([masks[0], masks[0], masks[1]])


def looks(truth: np.ndarray, seed: int) -> QueryLooks:
    rng = np.random.default_rng(seed)
    attention = [rng.random((SECONDS, QUERIES, PLACES)) for _ in range(2)]
    return QueryLooks(
        attention=[a / a.sum(axis=2, keepdims=True) for a in attention],
        sizes=SIZES,
        intermediate=rng.random((SECONDS, 2, 8, 12)),
        unmixed=rng.random((16, 8, 12)),
        factors=rng.random((SECONDS, 16)) + 0.5,
        prediction=truth if seed else ~truth,
    )


@pytest.fixture
def explorer(picture: np.ndarray, truth: np.ndarray) -> QueryExplorer:
    both = {state: looks(truth, seed) for seed, state in enumerate(STATES)}
    return QueryExplorer(picture=picture, truth=truth, looks=both)


def test_every_control_changes_what_is_seen(explorer: QueryExplorer, open_page: Callable[[str], Any]) -> None:
    page = open_page(explorer._repr_html_())
    names = ("map", "bars", "mask1", "mask3", "channels")

    def seen() -> dict[str, str]:
        return {name: pixels(page, name) for name in names}

    def changes(act: Callable[[], None]) -> set[str]:
        before = seen()
        act()
        after = seen()
        return {name for name in names if before[name] != after[name]}

    assert changes(lambda: page.get_by_text("before training", exact=True).click()) == set(names)
    assert changes(lambda: page.get_by_text("16 (2×3)").click()) == {"map"}
    assert changes(lambda: move(page, "query", 3)) == {"map", "bars"}
    assert changes(lambda: page.locator("input[data-part=layer]").first.check(force=True)) == {"map", "bars"}
    assert changes(lambda: move(page, "second", 2)) == set(names)


def test_the_number_shown_is_the_share(
    explorer: QueryExplorer, truth: np.ndarray, open_page: Callable[[str], Any]
) -> None:
    page = open_page(explorer._repr_html_())
    move(page, "second", 2)
    move(page, "query", 4)
    told = page.locator("[data-part=say]").inner_text()
    share, even = explorer.looks["trained"].inside(1, truth)
    assert "trained, layer 2, second 3: query 5" in told
    assert f"{share[2, 4]:.2f} of its attention" in told and f"would have {even[2]:.2f}" in told


def test_attention_on_the_mask_by_hand(truth: np.ndarray) -> None:
    some = looks(truth, 1)
    everywhere = np.full((SECONDS, QUERIES, PLACES), 1 / PLACES)
    share, even = replace(some, attention=[everywhere]).inside(0, truth)
    np.testing.assert_allclose(share, np.repeat(even[:, None], QUERIES, axis=1))
    one = np.zeros((SECONDS, QUERIES, PLACES))
    one[:, :, 9] = 1  # map 4 x 6, row 1, column 3: rows 8 to 16, columns 24 to 32 of the picture
    share, _ = replace(some, attention=[one]).inside(0, truth)
    assert share[0, 0] == 0 and share[2, 0] == pytest.approx(truth[2, 8:16, 24:32].mean())


def test_looks_of_a_tape() -> None:
    sizes = (64 // 8) ** 2 + (64 // 16) ** 2 + (64 // 32) ** 2
    tape = {
        "avsegformer.attention": [torch.rand(3, 5, sizes)] * 2,
        "avsegformer.unmixed": [torch.rand(3, 8, 16, 16)],
        "avsegformer.channels": [torch.rand(3, 8)],
    }
    layers = tuple({"mask": torch.randn(1, 3, 16, 16)} for _ in range(2))
    some = QueryLooks.of(tape, Prediction(torch.randn(1, 3, 1, 64, 64), layers=layers))
    assert some.sizes == [(8, 8), (4, 4), (2, 2)]
    assert [level.shape for level in some.maps(1)] == [(3, 5, 8, 8), (3, 5, 4, 4), (3, 5, 2, 2)]
    assert some.intermediate.shape == (3, 2, 16, 16) and some.prediction.dtype == bool


def test_arrays_that_disagree_are_refused(picture: np.ndarray, truth: np.ndarray) -> None:
    with pytest.raises(UserError, match="no state"):
        QueryExplorer(picture=picture, truth=truth, looks={})
    some = looks(truth, 1)
    short = replace(some, attention=[some.attention[0], some.attention[1][:, :, :-1]])
    with pytest.raises(UserError, match="trained, layer 2"):
        QueryExplorer(picture=picture, truth=truth, looks={"trained": short})
    with pytest.raises(UserError, match="resize"):
        QueryExplorer(
            picture=picture, truth=truth, looks={"trained": replace(some, prediction=truth[:, ::2])}
        )


def test_weight(truth: np.ndarray) -> None:
    still, rng = np.zeros((5, 128, 128), bool), np.random.default_rng(0)
    one = QueryLooks(
        attention=[rng.random((5, 16, 336))] * 2, sizes=[(16, 16), (8, 8), (4, 4)],
        intermediate=rng.random((5, 2, 32, 32)), unmixed=rng.random((64, 32, 32)), factors=rng.random((5, 64)),
        prediction=still,
    )  # fmt: skip
    picture = np.zeros((3, 128, 128), np.uint8)
    page = QueryExplorer(picture=picture, truth=still, looks={s: one for s in STATES})._repr_html_()
    assert len(page) < 400_000 and "http" not in page and "<figcaption" in page


def test_live_it_shows_what_the_model_does_with_the_chosen_sound(
    picture: np.ndarray, truth: np.ndarray
) -> None:
    answers = {sound: {"trained": looks(truth, seed)} for seed, sound in enumerate(("right", "silence"))}
    live = QueryExplorer.live(answers.__getitem__, picture=picture, truth=truth, sounds=list(answers))
    assert live.shown.looks == answers["right"]
    live.sound.value = "silence"
    assert live.shown.looks == answers["silence"]
