"""The CIM explorer, in a browser and with a kernel."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from figure_pages import move, pixels

from avslib.errors import UserError
from avslib.figures import CIMExplorer, Looked
from avslib.figures.explorers.cim.explorer import THRESHOLDS
from avslib.methods.pcmanet.confidence_mask import ConfidenceInducedMask

SIDES = ((2, 3), (4, 6), (8, 12))
COSTS = [(1e6, 2e6), (1e6, 4e6), (2e6, 16e6)]


def looked(seed: int, gain: float) -> Looked:
    rng = np.random.default_rng(seed)
    logits = [gain * rng.normal(size=(3, h, w)) for h, w in SIDES]
    return Looked(logits=logits, attention=[rng.random((3, 2, h, w)) for h, w in SIDES])


@pytest.fixture
def truth(masks: np.ndarray) -> np.ndarray:
    return np.stack([~masks[0] & masks[0], masks[0], masks[1]])


@pytest.fixture
def shown(picture: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    return {"picture": picture, "truth": truth, "stages": (4, 3, 2), "costs": COSTS}


@pytest.fixture
def explorer(shown: dict[str, Any]) -> CIMExplorer:
    return CIMExplorer(moments={"step 0": looked(0, 1.0), "step 9": looked(1, 5.0)}, **shown)


def test_every_control_changes_what_is_seen(explorer: CIMExplorer, open_page: Callable[[str], Any]) -> None:
    page = open_page(explorer._repr_html_())
    seen = [(pixels(page, "map"), pixels(page, "trend"))]

    def changed(*, map: bool, trend: bool) -> None:
        now = (pixels(page, "map"), pixels(page, "trend"))
        assert ((now[0] != seen[-1][0]), (now[1] != seen[-1][1])) == (map, trend)
        seen.append(now)

    move(page, "moment", 0)
    changed(map=True, trend=True)
    move(page, "c", 0)
    changed(map=True, trend=True)
    move(page, "second", 2)
    changed(map=True, trend=False)
    page.get_by_text("each stage alone").click()
    changed(map=True, trend=True)
    page.get_by_text("2", exact=True).click()
    changed(map=True, trend=False)
    for view in ("AVGA, all groups", "group 1", "group 2"):
        page.get_by_text(view).click()
        changed(map=True, trend=False)
    move(page, "c", 3)
    changed(map=False, trend=True)


@pytest.mark.parametrize("progression", [True, False])
@pytest.mark.parametrize("c", [0.7, 0.99])
def test_its_masks_are_the_librarys(
    explorer: CIMExplorer, open_page: Callable[[str], Any], progression: bool, c: float
) -> None:
    page = open_page(explorer._repr_html_())
    move(page, "c", THRESHOLDS.index(c))
    if not progression:
        page.get_by_text("each stage alone").click()
    cim, coarser, kept = ConfidenceInducedMask(threshold=c, progression=progression), None, [1.0]
    for stage, logits in zip((4, 3, 2), explorer.moments["step 9"].logits):
        coarser = cim(torch.tensor(logits)[:, None], coarser)
        kept.append(float(coarser.float().mean()))
        page.get_by_text(str(stage), exact=True).click()
        told = page.locator("[data-part=say]").inner_text()
        found = re.search(r"unsure about ([\d.]+) %.*?([\d.]+) M multiply-adds", told)
        assert found and f"c = {c}" in told and f"stage {stage}" in told, told
        assert float(found[1]) == pytest.approx(100 * kept[-1], abs=1.5), told
    total = sum(fixed + share * asking for (fixed, asking), share in zip(COSTS, kept))
    assert float(found[2]) == pytest.approx(total / 1e6, abs=0.4)


def test_it_starts_where_something_sounds(explorer: CIMExplorer, open_page: Callable[[str], Any]) -> None:
    page = open_page(explorer._repr_html_())
    assert page.locator("input[data-part=second]").input_value() == "1"
    assert "step 9, c = 0.99" in page.locator("[data-part=say]").inner_text()


def test_weight_and_words() -> None:
    still = np.zeros((5, 128, 128), bool)
    moment = Looked(
        logits=[np.zeros((5, n, n)) for n in (4, 8, 16)],
        attention=[np.zeros((5, 8, n, n)) for n in (4, 8, 16)],
    )
    page = CIMExplorer(
        picture=np.zeros((3, 128, 128), np.uint8), truth=still, moments=dict.fromkeys("abcdef", moment),
        stages=(4, 3, 2), costs=COSTS,
    )._repr_html_()  # fmt: skip
    assert len(page) < 400_000 and "http" not in page and "<figcaption" in page


def test_arrays_that_disagree_are_refused(shown: dict[str, Any], truth: np.ndarray) -> None:
    good, bad = looked(0, 1.0), looked(0, 1.0)
    bad.logits[1] = bad.logits[1][:1]  # type: ignore[index]
    for changes, message in (
        ({"moments": {}}, "0 moments"),
        ({"moments": {"a": bad}}, "a: logits"),
        ({"moments": {"a": Looked(good.logits[:2], good.attention[:2])}}, "each of the stages"),
        ({"moments": {"a": good}, "truth": truth[:, ::2]}, "resize"),
        ({"moments": {"a": good}, "start": 0.123}, "choose one of 0.6"),
    ):
        with pytest.raises(UserError, match=message):
            CIMExplorer(**{**shown, **changes})


def test_live_it_shows_what_the_model_does_with_the_chosen_sound(shown: dict[str, Any]) -> None:
    answers = {sound: {sound: looked(seed, 1.0)} for seed, sound in enumerate(("right", "silence"))}
    live = CIMExplorer.live(answers.__getitem__, sounds=list(answers), **shown)
    assert live.shown.moments == answers["right"]
    live.sound.value = "silence"
    assert live.shown.moments == answers["silence"] and live.shown.costs == COSTS
