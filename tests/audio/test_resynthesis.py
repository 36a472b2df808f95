"""A picture at any setting, and the sound that is made from it."""

from __future__ import annotations

import pytest
import torch

from avslib.audio.frontends import RATE, VGGishLogMel
from avslib.audio.resynthesis import FLOOR, LogMelSettings, resynthesise
from avslib.errors import UserError


def tone(hertz: float, seconds: float = 1.0) -> torch.Tensor:
    time = torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE
    return (0.2 * torch.sin(2 * torch.pi * hertz * time)).float()


def loudest(sound: torch.Tensor) -> float:
    """Hertz of the strongest part of the spectrum, of one second."""
    return float(torch.fft.rfft(sound[:RATE]).abs().argmax())


def test_the_usual_setting_is_vggish() -> None:
    sound = 0.1 * torch.randn(3 * RATE, generator=torch.Generator().manual_seed(0))
    ours = LogMelSettings().log_mel(sound)
    theirs = VGGishLogMel()(sound[None], RATE, frames=3)[:, 0].flatten(0, 1)  # F M
    torch.testing.assert_close(ours[: len(theirs)], theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("setting", [(0.025, 0.010, 64), (0.100, 0.005, 128), (0.025, 0.040, 64)])
@pytest.mark.parametrize("hertz", [400, 1000, 3000])
def test_a_tone_keeps_its_pitch(setting: tuple[float, float, int], hertz: int) -> None:
    window, hop, bins = setting
    chosen = LogMelSettings(window=window, hop=hop, bins=bins)
    back = resynthesise(chosen.log_mel(tone(hertz)), chosen, samples=RATE)
    width = 2 / window + hertz / 20  # of a tone under this window, and of a mel bin
    assert back.shape == (RATE,) and abs(loudest(back) - hertz) < width


def test_the_sound_has_the_picture_that_it_was_made_from() -> None:
    chosen = LogMelSettings()
    sound = torch.cat([tone(500, 0.5), torch.zeros(RATE // 2), tone(2000, 0.5)])
    picture = chosen.log_mel(sound)
    again = chosen.log_mel(resynthesise(picture, chosen, samples=len(sound)))
    assert float((again - picture).abs().mean()) < 0.25, "of a range of about seven"
    assert 0.5 < float(chosen.log_mel(sound).exp().sum() / again.exp().sum()) < 2, "about as loud"


def test_what_lies_above_the_range_is_lost() -> None:
    chosen = LogMelSettings(high=2000.0)
    sound = tone(500) + tone(3000)
    back = torch.fft.rfft(resynthesise(chosen.log_mel(sound), chosen, samples=RATE)).abs()
    assert float(back[2300:].max()) < 0.02 * float(back.max())


def test_silence_stays_silent() -> None:
    chosen = LogMelSettings()
    picture = chosen.log_mel(torch.zeros(RATE))
    assert torch.allclose(picture, torch.tensor(FLOOR).log().expand_as(picture))
    assert float(resynthesise(picture, chosen, samples=RATE).abs().max()) < 1e-6


def test_the_same_picture_gives_the_same_sound_and_leaves_chance_alone() -> None:
    chosen = LogMelSettings()
    picture = chosen.log_mel(tone(700))
    torch.manual_seed(3)
    once = resynthesise(picture, chosen, samples=RATE)
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(after, torch.rand(1))
    assert torch.equal(once, resynthesise(picture, chosen, samples=RATE))


def test_empty_bins_are_counted() -> None:
    assert LogMelSettings().empty_bins == 0
    narrow = LogMelSettings(window=0.005, bins=64)
    assert narrow.fft == 128 and narrow.empty_bins > 0
    picture = narrow.log_mel(0.1 * torch.randn(RATE))
    assert int((picture == picture.min()).all(dim=0).sum()) == narrow.empty_bins


@pytest.mark.parametrize("bad", [{"window": 0.0}, {"hop": 2.0}, {"bins": 0}, {"high": 9000.0}])
def test_settings_that_see_nothing(bad: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(bad))):
        LogMelSettings(**bad)  # type: ignore[arg-type]


def test_stereo_is_refused() -> None:
    with pytest.raises(UserError, match="mono"):
        LogMelSettings().log_mel(torch.zeros(2, RATE))
