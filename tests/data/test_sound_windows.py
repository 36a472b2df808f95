"""What each frame hears, under the papers' three names, and that the front ends do hear just that."""

from __future__ import annotations

import pytest
import torch

from avslib.data.sound_windows import SOUND_WINDOWS, sound_window
from avslib.errors import UserError

RATE = 16000


def test_the_spans_are_the_papers() -> None:
    spans = {name: window.spans(5, 5.0) for name, window in SOUND_WINDOWS.items()}
    assert spans["vggish-0.96"][4] == pytest.approx((3.84, 4.80))
    assert spans["1s"] == [(t, t + 1.0) for t in range(5)]
    assert spans["3s"] == [(0.0, 3.0), (0.0, 3.0), (1.0, 4.0), (2.0, 5.0), (2.0, 5.0)]
    assert SOUND_WINDOWS["3s"].spans(1, 10.0) == [(3.5, 6.5)]
    assert SOUND_WINDOWS["vggish-0.96"].spans(10, 10.0)[9][0] == pytest.approx(8.64)


@pytest.mark.parametrize("name", SOUND_WINDOWS)
@pytest.mark.parametrize("click", [0.4, 1.5, 2.5, 3.87, 4.4])
def test_a_click_is_heard_by_the_frames_whose_span_holds_it(name: str, click: float) -> None:
    window = sound_window(name)
    silent = torch.zeros(1, 5 * RATE)
    clicked = silent.clone()
    clicked[0, round(click * RATE)] = 1.0
    front_end = window.front_end()
    change = (front_end(clicked, RATE, frames=5) - front_end(silent, RATE, frames=5)).abs()
    hears = change.flatten(1).amax(1) > 1e-3
    cut = window.cut(clicked, RATE, frames=5).abs().flatten(1).amax(1) > 0
    inside = [start <= click < stop for start, stop in window.spans(5, 5.0)]
    assert cut.tolist() == hears.tolist() == inside


@pytest.mark.parametrize("name", SOUND_WINDOWS)
def test_every_frame_of_short_sound_gets_a_piece_of_full_length(name: str) -> None:
    window = sound_window(name)
    cut = window.cut(torch.ones(2, RATE // 2), RATE, frames=3)
    assert cut.shape == (3, 2, round(window.seconds * RATE))
    assert (cut[..., : RATE // 2] == 1).all() and (cut[..., RATE // 2 :] == 0).all()


def test_unknown_names_are_told() -> None:
    with pytest.raises(UserError, match=r"choose one of vggish-0\.96, 1s, 3s"):
        sound_window("2s")
