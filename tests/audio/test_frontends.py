from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from avslib.audio.files import resample
from avslib.audio.frontends import CavpLogMel, VGGishLogMel
from avslib.errors import UserError
from avslib.types import FrontEnd

GOLDEN = Path(__file__).parents[1] / "golden" / "frontends.npz"
FRONT_ENDS = [VGGishLogMel(), CavpLogMel(), CavpLogMel(seconds=3, channels=2)]


@pytest.fixture(scope="module")
def golden() -> dict[str, torch.Tensor]:
    with np.load(GOLDEN) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def tone(rate: int, seconds: float = 3.0) -> torch.Tensor:
    """Two sines below 3 kHz, (1, S)."""
    time = torch.arange(round(rate * seconds), dtype=torch.float64) / rate
    wave = 0.3 * torch.sin(2 * torch.pi * 440 * time) + 0.2 * torch.sin(2 * torch.pi * 2500 * time)
    return wave.float()[None]


def test_vggish_equals_the_reference(golden: dict[str, torch.Tensor]) -> None:
    ours = VGGishLogMel()(golden["waveform"][None], 16000, frames=5)
    torch.testing.assert_close(ours[:, 0], golden["vggish_log_mel"], atol=1e-4, rtol=0)


def test_cavp_equals_the_reference(golden: dict[str, torch.Tensor]) -> None:
    ours = CavpLogMel()(golden["waveform"][None], 16000, frames=5)
    torch.testing.assert_close(ours[0, 0], golden["cavp_log_mel_1s"], atol=1e-4, rtol=0)
    alone = CavpLogMel()(golden["waveform"][None, :16000], 16000, frames=1)
    torch.testing.assert_close(alone[0, 0], golden["cavp_log_mel_1s"], atol=1e-4, rtol=0)


@pytest.mark.parametrize("front", FRONT_ENDS)
def test_a_batch_is_its_clips(front: FrontEnd) -> None:
    waveforms = 0.1 * torch.randn(5, 2, 4 * 16000)
    together = front.batch(waveforms, 16000, frames=4)
    for waveform, pictures in zip(waveforms, together):
        torch.testing.assert_close(front(waveform, 16000, frames=4), pictures, atol=1e-5, rtol=0)


def test_shapes_and_channels() -> None:
    stereo = 0.1 * torch.randn(2, 5 * 16000)
    assert VGGishLogMel()(stereo, 16000, frames=5).shape == (5, 1, 96, 64)
    assert CavpLogMel()(stereo, 16000, frames=5).shape == (5, 2, 96, 64)
    assert CavpLogMel(channels=1)(stereo, 16000, frames=5).shape == (5, 1, 96, 64)
    assert CavpLogMel(seconds=3)(stereo, 16000, frames=1).shape == (1, 2, 300, 64)
    assert CavpLogMel(seconds=3, channels=2)(stereo[:1], 16000, frames=2).shape == (2, 2, 300, 64)


def test_mono_front_ends_hear_the_mean_of_stereo() -> None:
    stereo = 0.1 * torch.randn(2, 2 * 16000)
    mean = stereo.mean(dim=0, keepdim=True)
    for front in (VGGishLogMel(), CavpLogMel(channels=1)):
        torch.testing.assert_close(front(stereo, 16000, frames=2), front(mean, 16000, frames=2))


def test_stereo_keeps_left_and_right() -> None:
    left = torch.cat([tone(16000), torch.zeros(1, 3 * 16000)])
    pictures = CavpLogMel(seconds=3)(left, 16000, frames=1)
    assert bool((pictures[0, 1] == -1).all()) and float(pictures[0, 0].max()) > -0.5


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 44099])
def test_any_rate_gives_the_same_picture(rate: int) -> None:
    """Away from the ends, where a resampling filter sees the silence outside."""
    for front in (VGGishLogMel(), CavpLogMel()):
        at_rate = front(tone(rate), rate, frames=3)[1]
        at_16k = front(tone(16000), 16000, frames=3)[1]
        loud = at_16k > at_16k.max() - 2 * at_16k.std()
        error = float((at_rate - at_16k)[loud].abs().mean()) / float(at_16k.std())
        assert error < 0.02, f"{type(front).__name__} at {rate} hertz is {error:.3f} standard deviations off"


def test_vggish_repeats_the_last_example_and_cuts_the_rest() -> None:
    sound = 0.1 * torch.randn(1, 5 * 16000)
    front = VGGishLogMel()
    long = front(sound, 16000, frames=7)
    assert torch.equal(long[5], long[4]) and torch.equal(long[6], long[4])
    assert not torch.equal(long[3], long[4])
    assert torch.equal(front(sound, 16000, frames=2), long[:2])


def test_short_sound() -> None:
    """Filled up with silence for VGGish; repeated for CAVP."""
    sound = tone(16000, seconds=0.5)
    vggish = VGGishLogMel()(sound, 16000, frames=2)
    assert bool((vggish[0, 0, 60:] < -4).all()) and float(vggish[0, 0, :40].max()) > 1
    whole = torch.cat([sound, sound], dim=1)
    assert torch.equal(CavpLogMel()(sound, 16000, frames=1), CavpLogMel()(whole, 16000, frames=1))


def test_cavp_hears_each_second_at_its_frame() -> None:
    """A beep in second 2 of 5 is in frame 2 alone; with three seconds in all, moved inside at the ends."""
    sound = torch.zeros(1, 5 * 16000)
    sound[:, 2 * 16000 + 4000 : 2 * 16000 + 12000] = tone(16000, seconds=0.5)
    for seconds, heard in ((1, {2}), (3, {0, 1, 2, 3, 4})):
        pictures = CavpLogMel(seconds=seconds)(sound, 16000, frames=5)
        assert {t for t in range(5) if float(pictures[t].max()) > -0.9} == heard
    assert float(CavpLogMel()(sound, 16000, frames=1).max()) > -0.9, "a single frame hears the middle"


@pytest.mark.parametrize(
    ("waveform", "says"),
    [
        (torch.full((1, 16000), float("nan")), "NaN"),
        (torch.zeros(1, 0), "no samples"),
        (torch.zeros(3, 16000), "3 channels"),
    ],
)
@pytest.mark.parametrize("front", FRONT_ENDS[:2])
def test_bad_sound(front: FrontEnd, waveform: torch.Tensor, says: str) -> None:
    with pytest.raises(UserError, match=says):
        front(waveform, 16000, frames=1)


def test_bad_numbers() -> None:
    with pytest.raises(UserError, match="frames=0"):
        VGGishLogMel()(torch.zeros(1, 16000), 16000, frames=0)
    with pytest.raises(UserError, match="seconds=0"):
        CavpLogMel(seconds=0)
    with pytest.raises(UserError, match="hertz"):
        resample(torch.zeros(1, 16000), 0, 16000)
