"""Controls over a figure that is drawn when it is asked for."""

from __future__ import annotations

import pytest

from avslib.errors import UserError
from avslib.figures import Live


@pytest.fixture
def drawn() -> list[str]:
    """What was drawn, in this order."""
    return []


@pytest.fixture
def live(drawn: list[str]) -> Live:
    def draw(sound: str, mel_bins: int) -> str:
        drawn.append(f"{sound} {mel_bins}")
        return drawn[-1]

    return Live(draw, sound=("right", "silence"), mel_bins=range(4, 65, 4), start={"mel_bins": 64})


def test_every_control_draws_anew_and_nothing_twice(live: Live, drawn: list[str]) -> None:
    assert live.shown == "right 64" and live.chosen == {"sound": "right", "mel_bins": 64}
    live.sound.value = "silence"
    live.mel_bins.value = 8
    live.sound.value = "right"
    live.mel_bins.value = 64
    assert live.shown == "right 64"
    assert drawn == ["right 64", "silence 64", "silence 8", "right 8"]


def test_what_is_drawn_is_displayed(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    live.sound.value = "silence"
    assert "silence 64" in capsys.readouterr().out, "without a notebook, `display` prints"


def test_a_range_is_a_slider_and_names_are_labels(live: Live) -> None:
    slider = live.mel_bins
    assert (slider.min, slider.max, slider.step, slider.description) == (4, 64, 4, "mel bins")
    assert live.sound.options == ("right", "silence")
    assert live.box.children == (live.sound, live.mel_bins, live.output)
    assert "application/vnd.jupyter.widget-view+json" in live._repr_mimebundle_()


def test_mistakes_are_told() -> None:
    with pytest.raises(UserError, match="sound: nothing to choose"):
        Live(str, sound=())
    with pytest.raises(ZeroDivisionError):
        Live(lambda n: 1 // n, n=range(3))
    with pytest.raises(AttributeError, match="there are: n"):
        _ = Live(lambda n: n, n=range(3)).sounds
