"""The stability explorer: which query got which class, of two runs, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from figure_pages import pixels

from avslib.errors import UserError
from avslib.figures import StabilityExplorer
from avslib.metrics.stability import stability

WORDS = {"caption": "What to see.", "alt": "What it shows."}
NAMES = ("background", "dog", "<cat>", "hen")
Page = Callable[[str], Any]


@pytest.fixture
def runs() -> dict[str, np.ndarray]:
    """Three epochs, five queries; in the first run every class finds its query, in the second none does. No hen."""
    rng = np.random.default_rng(0)
    still, restless = rng.integers(1, 6, (2, 3, 4, 5))
    still[2] = 20 * np.eye(4, 5, dtype=int)
    still[:, 3] = restless[:, 3] = 0
    return {"CPM": still, "queries & no more": restless}


def test_the_epochs_are_gone_through(runs: dict[str, np.ndarray], open_page: Page) -> None:
    html = StabilityExplorer(runs, names=NAMES, **WORDS)._repr_html_()
    assert "http" not in html and "queries &amp; no more" in html and len(html) < 40_000
    page = open_page(html)
    scores = page.locator("[data-part=score]")
    due = [[f"{stability(torch.from_numpy(c)):.2f}" for c in counts] for counts in runs.values()]
    assert scores.all_inner_texts() == [due[0][2], due[1][2]] and due[0][2] == "0.00"
    seen = [(pixels(page, "table"), pixels(page, "table", 1), pixels(page, "curve"))]
    page.locator("input[data-part=epoch]").focus()
    for epoch in (1, 0):
        page.keyboard.press("ArrowLeft")
        assert scores.all_inner_texts() == [due[0][epoch], due[1][epoch]]
        now = (pixels(page, "table"), pixels(page, "table", 1), pixels(page, "curve"))
        assert all(new not in [before[k] for before in seen] for k, new in enumerate(now))
        seen.append(now)
    said = page.locator("[data-part=say]").inner_text()
    assert said.startswith(
        f"Epoch 1: STS CPM {due[0][0]} of at most 1.61; queries & no more {due[1][0]} of at most 1.61."
    )


def test_rows_are_the_distributions_that_the_score_is_of(runs: dict[str, np.ndarray]) -> None:
    explorer = StabilityExplorer(runs, names=NAMES, **WORDS)
    assert explorer.occurring.tolist() == [True, True, True, False]
    assert explorer.data()["names"] == ["background", "dog", "<cat>"]
    for title, counts in runs.items():
        shares = explorer.shares(title)
        assert np.allclose(shares.sum(axis=2), 1) and np.allclose(
            shares[0, 1], counts[0, 1] / counts[0, 1].sum()
        )
        entropy = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=2).mean(axis=1)
        assert np.allclose(explorer.scores(title), entropy)


def test_runs_may_differ_in_queries(runs: dict[str, np.ndarray], open_page: Page) -> None:
    many = runs | {"queries & no more": np.random.default_rng(0).integers(0, 3, (3, 4, 100))}
    page = open_page(StabilityExplorer(many, names=NAMES, **WORDS)._repr_html_())
    assert "of at most 4.61" in page.locator("[data-part=say]").inner_text()


def test_a_single_epoch(runs: dict[str, np.ndarray], open_page: Page) -> None:
    one = {title: counts[2:] for title, counts in runs.items()}
    page = open_page(StabilityExplorer(one, names=NAMES, **WORDS)._repr_html_())
    assert page.locator("input[data-part=epoch]").is_disabled()


@pytest.mark.parametrize(
    "wrong",
    [
        {"runs": {}}, {"runs": {"a": np.zeros((3, 4, 5), int)}}, {"runs": {"a": np.ones((4, 5), int)}}, {"caption": ""},
        {"runs": {"a": -np.ones((3, 4, 5), int)}}, {"names": NAMES[:3]},
        {"runs": {"a": np.ones((3, 4, 5), int), "b": np.ones((2, 4, 5), int)}},
        {"runs": {str(n): np.ones((3, 4, 5), int) for n in range(5)}},
    ],
)  # fmt: skip
def test_stability_refuses(wrong: dict[str, Any], runs: dict[str, np.ndarray]) -> None:
    with pytest.raises(UserError):
        StabilityExplorer(**{"runs": runs, "names": NAMES, **WORDS} | wrong)
