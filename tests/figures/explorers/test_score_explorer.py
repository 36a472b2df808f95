"""The score explorer: its numbers are the library's, in Python and in the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from figure_pages import move, pixels
from scipy import ndimage

from avslib.errors import UserError
from avslib.figures import ScoreExplorer
from avslib.figures.explorers.score.explorer import RULES, SHOWN
from avslib.metrics.protocols import AVSBenchBinary, DatasetLevel, JAndF, JAndFOfPapers


def arrays() -> dict[str, np.ndarray]:
    """Four clips of three frames; two frames of the first and all of the third are silent."""
    rng = np.random.default_rng(0)
    truth = np.stack([ndimage.gaussian_filter(each, 3) for each in rng.normal(size=(12, 20, 24))]) > 0.03
    truth = truth.reshape(4, 3, 20, 24)
    truth[0, 1:] = truth[2] = False
    noisy = ndimage.gaussian_filter(truth + 0.35 * rng.normal(size=truth.shape), (0, 0, 1, 1))
    pictures = rng.integers(0, 256, (4, 3, 20, 24), dtype=np.uint8)
    return {"pictures": pictures, "probabilities": np.clip(noisy, 0, 1), "truth": truth}


@pytest.fixture(scope="module")
def explorer() -> ScoreExplorer:
    return ScoreExplorer(**arrays(), licence="CC-BY-SA-4.0 (CC-BY-SA)")


@pytest.fixture(scope="module")
def html(explorer: ScoreExplorer) -> str:
    return explorer._repr_html_()


@pytest.mark.parametrize("frames", [1, 3, 5, 12])
def test_the_numbers_are_those_of_the_protocols(explorer: ScoreExplorer, frames: int) -> None:
    logits = torch.logit(torch.from_numpy(explorer.bytes).double() / 255).clamp(-30, 30).float().flatten(0, 1)
    truth = torch.from_numpy(explorer.truth).long().flatten(0, 1)
    found = explorer.scores(frames_per_batch=frames)
    binary = AVSBenchBinary(frames_per_batch=frames)
    papers = JAndFOfPapers(of=AVSBenchBinary(frames_per_batch=frames))
    for protocol in (binary, papers, DatasetLevel(), JAndF()):
        protocol.update(logits, truth)
        name = protocol.name.split(" (")[0]
        for number, value in found[name].items():
            assert value == pytest.approx(protocol.compute()[number], abs=1e-6), (name, number)


def test_the_rule_is_about_silent_frames_alone(explorer: ScoreExplorer) -> None:
    share, strict, out = (explorer.scores(frames_per_batch=12, threshold=0.3, rule=rule) for rule in RULES)
    miou = [found["avsbench-binary"]["mIoU"] for found in (share, strict, out)]
    assert len(set(miou)) == 3 and miou[0] > miou[1]
    assert share["dataset-level"] == strict["dataset-level"] == out["dataset-level"]
    assert share["J&F"] == strict["J&F"] != out["J&F"]
    with pytest.raises(UserError, match="unknown rule"):
        explorer.scores(frames_per_batch=12, rule="kindly")


def choose(page: Any, name: str, number: int) -> None:
    page.locator(f"input[data-part={name}]").nth(number).check(force=True)


@pytest.mark.parametrize(
    ("step", "batch", "rule"), [(127, 12, 0), (127, 3, 2), (60, 5, 1), (200, 7, 0), (254, 1, 1)]
)
def test_the_page_computes_the_same(
    explorer: ScoreExplorer, html: str, open_page: Callable[[str], Any], step: int, batch: int, rule: int
) -> None:
    page = open_page(html)
    move(page, "threshold", step)
    move(page, "batch", batch - 1)
    choose(page, "rule", rule)
    expected = explorer.scores(threshold=step / 254, frames_per_batch=batch, rule=RULES[rule])
    for number, protocol in enumerate(SHOWN):
        choose(page, "protocol", number)
        said = page.locator("[data-part=say]").inner_text()
        assert said.startswith(f"{protocol}: ")
        found = {name: float(value) for name, value in re.findall(r"([A-Za-z&]+) (\d\.\d{3})", said)}
        assert found == pytest.approx(expected[protocol], abs=6e-4), protocol


def test_everything_moves_what_it_should(html: str, open_page: Callable[[str], Any]) -> None:
    page = open_page(html)
    assert "http" not in html and page.locator("[data-licence]").count() == 1
    seen = [(pixels(page, "frames"), pixels(page, "bars"))]
    for change in (
        lambda: move(page, "threshold", 60), lambda: move(page, "batch", 4),
        lambda: choose(page, "rule", 2), lambda: choose(page, "protocol", 2),
    ):  # fmt: skip
        change()
        now = pixels(page, "frames"), pixels(page, "bars")
        assert now[0] != seen[-1][0] and now[1] != seen[-1][1]
        seen.append(now)
    assert page.locator("[data-part=threshold-says]").inner_text() == "0.236"
    assert page.locator("[data-part=batch-says]").inner_text() == "5 frames"


def test_bad_arrays_are_named() -> None:
    good = arrays()
    for name, wrong, told in (
        ("probabilities", good["probabilities"][:2], "give both"),
        ("probabilities", 3 * good["probabilities"], "sigmoid"),
        ("pictures", good["pictures"].astype(float), "uint8"),
        ("truth", np.zeros_like(good["truth"]), "nothing sounds"),
    ):
        with pytest.raises(UserError, match=told):
            ScoreExplorer(**{**good, name: wrong})
