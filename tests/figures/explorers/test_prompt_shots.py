"""Shots of a learner of CPM: what is in them, and that taking them leaves no trace in a training."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from prompting import COW, DOG, NAMES, TRAIN, learner, scene

from avslib.errors import UserError
from avslib.figures import PromptShot, Watch, shoot, watched
from avslib.methods.cpm.learner import Pace
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.training.loop import train

C, M, P, D = 2, 3, 2, 64


@pytest.fixture(scope="module")
def shot() -> PromptShot:
    return shoot(learner(), scene(), classes=(COW, TRAIN), draws=P, remembered=5, name="now")


def test_a_shot_has_what_the_explorer_shows(shot: PromptShot) -> None:
    assert shot.shown == (COW, TRAIN) and shot.name == "now"
    kinds, counts = np.unique(shot.classes, return_counts=True)
    assert kinds.tolist() == [k for k in range(len(NAMES) + 1) if k != DOG] and set(counts) == {5}
    assert shot.embeddings.shape == (len(shot.classes), D)
    assert shot.means.shape == shot.spread.shape == (C, M, D) and shot.weights.shape == (C, M)
    assert shot.prompts.shape == (C, M, P, D) and shot.own.shape == (C, M, P)
    assert shot.masks.shape == (C, M, P, 16, 16) and shot.sound_masks.shape == (C, M, P, 24, 16)
    assert shot.fitted.all() and np.isfinite(shot.masks).all() and ((shot.own > 0) & (shot.own < 1)).all()


def test_prompts_are_draws_of_their_component(shot: PromptShot) -> None:
    many = shoot(learner(), scene(), classes=(COW,), draws=200)
    apart = (many.prompts - many.means[:, :, None]) / np.sqrt(many.spread)[:, :, None]
    assert abs(apart.mean()) < 0.05 and abs(apart.std() - 1) < 0.05
    again = shoot(learner(), scene(), classes=(COW, TRAIN), draws=P)
    assert np.array_equal(again.prompts, shot.prompts), "equal seeds, equal draws"
    assert not np.array_equal(
        shoot(learner(), scene(), classes=(COW, TRAIN), draws=P, seed=1).prompts, shot.prompts
    )


def test_a_prompt_is_asked_alone(shot: PromptShot) -> None:
    made, batch = learner().eval(), scene()
    with torch.no_grad():
        asking, none = torch.from_numpy(shot.prompts[1, 2, 1])[None, None], torch.zeros(())
        sound = made.model.hear(made.model.audio(batch.sound[0, :1]))  # type: ignore[operator]
        heard = made.model.listen(asking, none, made.model.heard(sound))  # type: ignore[operator]
        last = made.model.regard(heard, made.model.see(batch.frames[0]), none)[-1]  # type: ignore[operator]
        due = made.model.sound_masks(heard, sound)[0, 0]  # type: ignore[operator]
    assert np.allclose(last["mask_logits"][0, 0], shot.masks[1, 2, 1], atol=1e-3)
    assert np.allclose(due, shot.sound_masks[1, 2, 1], atol=1e-3)
    assert np.isclose(last["class_logits"][0, 0].softmax(0)[TRAIN], shot.own[1, 2, 1], atol=1e-4)


def test_the_second_decides_the_sound() -> None:
    one, two = (shoot(learner(), scene(), classes=(COW,), second=second) for second in (0, 1))
    assert np.array_equal(one.prompts, two.prompts) and not np.allclose(one.sound_masks, two.sound_masks)


def test_a_class_of_which_nothing_is_remembered() -> None:
    shot = shoot(learner(), scene(), classes=(DOG, COW))
    assert shot.fitted.tolist() == [False, True]


def test_taking_a_shot_leaves_no_trace() -> None:
    made = learner()
    before, state = {name: x.clone() for name, x in made.state_dict().items()}, torch.get_rng_state()
    made.model.listen.eval()  # type: ignore[union-attr,operator]
    modes = [part.training for part in made.modules()]
    shoot(made, scene(), classes=(COW,))
    assert torch.equal(state, torch.get_rng_state())
    assert modes == [part.training for part in made.modules()]
    assert all(torch.equal(before[name], x) for name, x in made.state_dict().items())
    assert all(p.grad is None for p in made.parameters())
    with pytest.raises(RuntimeError):
        shoot(made, replace(scene(), sound=torch.zeros(1, 2, 2, 96, 64)), classes=(COW,))
    assert modes == [part.training for part in made.modules()], "nor does one that fails"


@pytest.mark.parametrize(
    "wrong",
    [{"classes": ()}, {"classes": (99,)}, {"classes": (-1,)}, {"second": 2}, {"second": -1}, {"draws": 0}],
)
def test_what_there_is_not_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        shoot(learner(), scene(), **{"classes": (COW,)} | wrong)


@pytest.mark.parametrize("name", ["cpm-points", "cpm-vcp", "cpm-baseline"])
def test_learners_without_these_prompts_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="no mixtures"):
        shoot(learner(name), scene(), classes=(COW,))


def short(name: str = "cpm") -> Run:
    run = find_run(name, "mini/avss", "smoke")
    paced = partial(run.recipe.learner, pace=Pace(fits=2, warm_up=0.3))
    plans = {"smoke": replace(run.plan, epochs=2, steps_per_epoch=3)}
    return replace(run, recipe=replace(run.recipe, learner=paced, schedules=plans))


def test_a_training_that_is_watched_is_the_same_bit_for_bit(tmp_path: Path) -> None:
    watch = Watch(scene(), classes=(COW, TRAIN), at=(0, 2, 5), draws=1)
    for name, run in {"alone": short(), "watched": watched(short(), watch)}.items():
        train(run, out=tmp_path / name)
    alone, seen = (
        (tmp_path / name / "log.jsonl").read_text(encoding="utf-8") for name in ("alone", "watched")
    )
    assert alone == seen and "prompted mask" in alone
    assert [shot.name for shot in watch.shots] == ["after 1 steps", "after 3 steps", "after 6 steps"]
    assert not np.array_equal(watch.shots[1].masks, watch.shots[2].masks)
    assert watch.assigned.shape == (2, len(NAMES), 12)
    assert (watch.assigned[:, 0].sum(axis=1) > 0).all(), "in every epoch anew"
    later = shoot(watch.learner, scene(), classes=(COW, TRAIN), draws=1)
    assert not np.array_equal(later.masks, watch.shots[2].masks), "one step later"


def test_a_run_without_prompts_is_watched_too(tmp_path: Path) -> None:
    watch = Watch()
    train(watched(short("cpm-baseline"), watch), out=tmp_path / "run")
    assert watch.assigned.shape == (2, len(NAMES), 12) and not watch.shots


def test_what_cannot_be_watched() -> None:
    with pytest.raises(UserError, match="batch"):
        Watch(at=(3,))
    with pytest.raises(UserError, match="vct"):
        watched(find_run("vct", "mini/avss", "smoke"), Watch())
