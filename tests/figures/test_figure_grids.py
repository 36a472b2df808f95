"""Galleries and grids of scores: everything shown, everything named."""

from __future__ import annotations

import numpy as np
import pytest

from avslib.errors import UserError
from avslib.figures import gallery, score_grid


def test_a_gallery_shows_each_picture_under_its_title(picture: np.ndarray) -> None:
    figure = gallery([picture] * 3, ["a", "b", "c"], columns=2)
    filled = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in filled] == ["a", "b", "c"]
    assert len(figure.axes) == 4 and not any(axes.axison for axes in figure.axes), "no empty frame"
    assert np.array_equal(filled[0].images[0].get_array(), picture.transpose(1, 2, 0))


def test_a_grid_writes_every_score_where_it_belongs() -> None:
    axes = score_grid(np.array([[0.1, 0.9, 0.5]]), rows=["audio"], columns=["x", "y", "z"]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.10", "0.90", "0.50"]
    assert [text.get_color() for text in axes.texts] == ["white", "black", "white"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["x", "y", "z"]


def test_names_must_match(picture: np.ndarray) -> None:
    with pytest.raises(UserError, match="one title"):
        gallery([picture], [])
    with pytest.raises(UserError, match="name them all"):
        score_grid(np.zeros((2, 2)), rows=["a"], columns=["x", "y"])
