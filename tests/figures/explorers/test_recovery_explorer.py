"""The recovery explorer: what prompts get back from under another sound, to look at and to listen to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
import torch
from figure_pages import pixels
from prompting import COW, DOG, learner, scene

from avslib.audio.frontends import RATE, VGGishLogMel
from avslib.audio.resynthesis import LogMelSettings
from avslib.errors import UserError
from avslib.figures import Recovered, RecoveryExplorer, recover
from avslib.figures.explorers.recovery.masked import masked
from avslib.methods.cpm.learner import recovery
from avslib.methods.cpm.model import CPM
from avslib.types import Clip

WORDS = {"caption": "What to see.", "alt": "What it shows."}
Page = Callable[[str], Any]


def tone(hertz: float, seconds: float = 2.0, rate: int = RATE) -> torch.Tensor:
    """(2, S)."""
    return 0.4 * torch.sin(2 * torch.pi * hertz * torch.arange(round(seconds * rate)) / rate).expand(2, -1)


def clip(labels: torch.Tensor, hertz: float = 500, **sound: Any) -> Clip:
    every = torch.ones(len(labels), dtype=torch.bool)
    wave = tone(hertz, **sound)
    return Clip(scene().frames[0], wave, sound.get("rate", RATE), labels, every, every, "a clip")


@pytest.fixture(scope="module")
def clips() -> tuple[Clip, Clip]:
    """A cow for two seconds, from the second one on with a train; and, shorter and at another rate, a dog."""
    other = torch.zeros(2, 64, 64, dtype=torch.long)
    other[0, :9] = DOG
    return clip(scene().labels[0]), clip(other, 3000, seconds=1.5, rate=8000)


@pytest.fixture(scope="module")
def found(clips: tuple[Clip, Clip]) -> Recovered:
    return recover(learner(), *clips, name="cow & train")


def test_the_mixture_and_its_mask_are_those_of_the_training(
    found: Recovered, clips: tuple[Clip, Clip]
) -> None:
    clean = VGGishLogMel()(clips[0].waveform, RATE, frames=2)[:, 0].numpy()
    assert np.allclose(found.clean, clean, atol=1e-4)
    own, both = np.exp(found.clean) - 0.01, np.exp(found.corrupted) - 0.01
    assert np.allclose((own + 0.01) / (both + 0.01), found.due, atol=1e-3) and found.due.min() < 0.1
    assert np.allclose(np.exp(found.recovered) - 0.01, both * found.asked, atol=1e-3)
    assert found.prompted.all()


def test_the_mask_is_what_equation_5_looks_at(found: Recovered, clips: tuple[Clip, Clip]) -> None:
    made = learner().eval()
    model = cast(CPM, made.model)
    targets = made.asked(clips[0].labels)
    absent = targets.classes < 0
    with torch.no_grad():
        sound = model.hear(model.audio(torch.from_numpy(found.corrupted)[:, None]))
        torch.manual_seed(0)
        heard = model.listen(made.drawn(targets.classes), torch.zeros(()), model.heard(sound), absent)
        masks = model.sound_masks(heard, sound)  # type: ignore[misc]
    error, idle = found.errors
    assert abs(float(recovery(masks, absent, torch.from_numpy(found.due))) - error) < 1e-4
    assert idle == pytest.approx(np.square(1 - found.due).mean())


def test_a_second_without_a_class_asks_for_nothing(clips: tuple[Clip, Clip]) -> None:
    half = clips[0].labels.clone()
    half[0] = 0
    found = recover(learner(), clip(half), clips[1], name="late")
    assert found.prompted.tolist() == [False, True] and not found.asked[0].any() and found.asked[1].any()
    never = recover(learner(), clip(0 * half), clips[1], name="never")
    assert np.isnan(never.errors).all() and not never.waveforms[2].any()


def test_recovering_leaves_the_learner_as_it_is(clips: tuple[Clip, Clip]) -> None:
    made = learner()
    state, modes = torch.get_rng_state(), [part.training for part in made.modules()]
    one, two = (recover(made, *clips, name="cow", seed=seed) for seed in (0, 1))
    assert torch.equal(state, torch.get_rng_state()) and modes == [part.training for part in made.modules()]
    assert not np.array_equal(one.asked, two.asked), "other prompts"


def test_a_mask_is_put_on_the_sound_itself() -> None:
    low, high, settings = tone(400)[0], tone(3000)[0], LogMelSettings()
    mask = (settings.log_mel(low).exp() - 0.01) / (settings.log_mel(low + high).exp() - 0.01 + 1e-6)
    back = masked(low + high, mask.clamp(0, 1), settings)
    inner = slice(800, -800)
    assert float((back - low)[inner].square().mean() / low.square().mean()) < 0.01
    assert torch.allclose(masked(low, torch.ones(96, 64), settings)[inner], low[inner], atol=1e-2)
    assert not masked(low, torch.zeros(96, 64), settings).any()
    late = torch.zeros(198, 64)
    late[99:] = 1
    heard = masked(low, late, settings)
    assert float(heard[: RATE - 800].abs().max()) < 1e-2 < 0.3 < float(heard[RATE + 800 :].abs().max())


def test_sounds_and_pictures_follow_the_scene(
    found: Recovered, clips: tuple[Clip, Clip], open_page: Page
) -> None:
    other = recover(learner(), clip(0 * clips[0].labels, 900), clips[1], name="nobody")
    html = RecoveryExplorer([found, other], **WORDS)._repr_html_()
    assert "http" not in html and html.count("data:audio/mpeg") == 6 and len(html) < 600_000
    page = open_page(html)
    sounds = page.locator("audio[data-part=sound]")
    first = [sounds.nth(n).get_attribute("src") for n in range(3)]
    pictures = [pixels(page, "picture", n) for n in range(5)]
    assert len({*first}) == 3 and len({*pictures}) == 5
    said = page.locator("[data-part=say]")
    told = [f"{error:.3f}" for error in found.errors]
    assert said.inner_text().startswith("cow & train. In the 2 seconds with a prompt") and all(
        x in said.inner_text() for x in told
    )
    page.locator("input[data-part=scene]").nth(0).focus()
    page.keyboard.press("ArrowRight")
    assert said.inner_text() == "nobody. No class is seen and heard, so nothing is asked for."
    assert all(sounds.nth(n).get_attribute("src") != first[n] for n in range(3))
    assert all(pixels(page, "picture", n) != pictures[n] for n in (0, 1, 2, 3, 4))


def test_one_sound_plays_at_a_time_and_is_followed(found: Recovered, open_page: Page) -> None:
    page = open_page(RecoveryExplorer([found], **WORDS)._repr_html_())
    start = pixels(page, "picture")
    page.evaluate("document.querySelectorAll('audio').forEach(a => a.muted = true)")
    for number, other in ((0, 1), (1, 0)):
        page.evaluate(f"document.querySelectorAll('audio')[{number}].play()")
        page.wait_for_function(f"document.querySelectorAll('audio')[{number}].currentTime > 0.05")
        assert page.evaluate(f"document.querySelectorAll('audio')[{other}].paused")
    assert pixels(page, "picture") != start


def test_what_cannot_be_recovered(clips: tuple[Clip, Clip]) -> None:
    with pytest.raises(UserError, match=f"class {COW}"):
        recover(learner(), clips[0], clips[0], name="itself")
    with pytest.raises(UserError, match="masks"):
        recover(learner("cpm-vcp"), *clips, name="deaf")
    with pytest.raises(UserError, match="no scene"):
        RecoveryExplorer([], **WORDS)
