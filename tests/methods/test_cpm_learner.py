"""CPM's step: what prompts are asked for, what noise does, what is remembered; and it is resumed bit for bit."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from model_tester import wake
from test_cpm import batch, tiny
from torch import Tensor

from avslib.losses.info_nce import info_nce_between
from avslib.losses.set_criterion import SetCriterion
from avslib.methods.cpm.learner import Pace, PromptingLearner, recovery
from avslib.methods.cpm.prompt_contrast import heard_by, prompt_contrast
from avslib.methods.cpm.recipe import VARIANTS
from avslib.methods.cpm.spectrogram import CAVP, LITTLE, VGGISH, off_screen, with_noise
from avslib.methods.learner import Clock
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.training.checkpoint import load_checkpoint
from avslib.training.loop import train
from avslib.types import IGNORE, Batch

CLASSES = 5
NOW = Clock(step=5, epoch=0, steps=10)


def learner(*, fitted: bool = True, **options: Any) -> PromptingLearner:
    torch.manual_seed(0)
    own = {name: options.pop(name) for name in ("passes", "components") if name in options}
    model = wake(tiny(classes=CLASSES, **own)).train()
    made = PromptingLearner(
        model=model, criterion=SetCriterion(points=None), scale=VGGISH, **{"pace": Pace(), **options},
        **({"passes": own["passes"]} if "passes" in own else {}),
    )  # fmt: skip
    if fitted and model.mixtures is not None:  # type: ignore[union-attr]
        made.memory.put(torch.randn(600, 32), torch.arange(600) % (CLASSES + 1))  # type: ignore[union-attr]
        model.mixtures.update(made.memory.embeddings, made.memory.held)  # type: ignore[union-attr,operator]
    return made


def scenes(**sizes: Any) -> Batch:
    one = batch(**sizes)
    labels = torch.zeros_like(one.labels)
    labels[0, :, :20, :20], labels[0, :, 30:, 30:], labels[-1, :, 10:40] = 1, 2, 3
    return Batch(one.frames, one.sound, labels, one.annotated, one.valid)


def test_every_trained_weight_gets_a_gradient_and_the_mixtures_none() -> None:
    made = learner()
    terms = made(scenes(), NOW)
    assert set(terms) == {
        "class", "mask", "dice", "prompted class", "prompted mask", "prompted dice", "recovery", "contrast",
    }  # fmt: skip
    torch.stack(list(terms.values())).sum().backward()
    dead = [n for n, p in made.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert not dead
    assert all(b.grad is None and not b.requires_grad for b in made.model.mixtures.buffers())  # type: ignore[union-attr,operator]


def test_learned_points_in_the_place_of_mixtures() -> None:
    made = learner(components=None)
    torch.stack(list(made(scenes(), NOW).values())).sum().backward()
    assert made.points is not None and made.points.grad is not None
    assert made.points.grad.any(dim=1).tolist() == [False, True, True, True, False], "of the classes present"
    assert made.memory is None


@pytest.mark.parametrize("variant", ["", *VARIANTS])
def test_terms_are_those_that_the_recipe_weighs(variant: str) -> None:
    run = find_run("cpm" + (f"-{variant}" if variant else ""), "mini/avss", "smoke")
    torch.manual_seed(0)
    made = run.learner().train()
    one = batch(clips=2, seconds=1)
    labels = torch.zeros_like(one.labels)
    labels[0, :, :30], labels[1, :, 30:] = 1, 2
    every = Batch(one.frames, one.sound, labels, one.annotated, one.valid)
    if made.memory is not None:
        made.memory.put(torch.randn(200, 64), torch.arange(200) % len(made.memory.written))
    assert made(every, Clock(0, 0, 10)).keys() <= {"class", "mask", "dice"}, "the warm-up has no prompts"
    assert made(every, Clock(5, 0, 10)).keys() == run.loss_weights.keys()


def test_prompts_start_after_the_warm_up_and_take_turns() -> None:
    made, one = learner(pace=Pace(warm_up=0.5, prompts=2)), scenes()
    prompted = [step for step in range(10) if "recovery" in made(one, Clock(step, 0, 10))]
    assert prompted == [5, 7, 9]


def test_prompts_are_asked_for_classes_that_are_there_and_known() -> None:
    made = learner()
    labels = torch.zeros(3, 4, 4, dtype=torch.long)
    labels[0, 0, 0], labels[0, 0, 1], labels[1, 0, 0] = 4, 2, 1
    targets = made.asked(labels)
    assert targets.classes.tolist() == [[2, 4], [1, -1], [-1, -1]], "no prompt for the background"
    made.model.mixtures.fitted[4] = False  # type: ignore[union-attr,operator,index]
    assert made.asked(labels).classes.tolist() == [[2, -1], [1, -1], [-1, -1]]
    assert made.asked(labels[2:]).classes.tolist() == [[-1]]
    assert torch.equal(targets.masks[0], torch.stack([labels[0] == 2, labels[0] == 4]))


def test_without_any_prompt_the_terms_are_zero_and_finite() -> None:
    made = learner(fitted=False)
    terms = made(scenes(), NOW)
    told = {name: float(term.detach()) for name, term in terms.items()}
    assert {name: value for name, value in told.items() if "prompted" in name or name in ("recovery", "contrast")} == {
        "prompted class": 0, "prompted mask": 0, "prompted dice": 0, "recovery": 0, "contrast": 0,
    }  # fmt: skip
    torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in made.parameters())


def test_permuted_prompts_give_permuted_answers() -> None:
    """No place tells one prompt from another; and what fills up a batch is asked by nobody."""
    made = learner()
    model, one = made.model.eval(), scenes(clips=1, seconds=1)
    with torch.no_grad():
        seen = model.see(one.frames.flatten(0, 1))  # type: ignore[operator]
        sound = model.hear(model.audio(one.sound.flatten(0, 1)))  # type: ignore[operator]
        prompts, order = torch.randn(1, 4, 32), torch.tensor([2, 0, 3, 1])

        def answers(given: Tensor, absent: Tensor | None = None) -> Tensor:
            heard = model.listen(given, torch.zeros(()), model.heard(sound), absent)  # type: ignore[operator]
            found = model.regard(heard, seen, torch.zeros(()), absent)[-1]["mask_logits"]  # type: ignore[operator]
            assert isinstance(found, Tensor)
            return found

        straight = answers(prompts)
        torch.testing.assert_close(answers(prompts[:, order]), straight[:, order], rtol=1e-3, atol=1e-4)
        absent = torch.tensor([[False, False, True, True]])
        few = answers(prompts[:, :2])
        torch.testing.assert_close(answers(prompts, absent)[:, :2], few, rtol=1e-3, atol=1e-4)
        assert not torch.allclose(straight[:, :2], few, atol=1e-3), "else prompts never ask one another"


@pytest.mark.parametrize("scale", [VGGISH, CAVP])
def test_noise_adds_as_magnitudes_and_leaves_a_ratio(scale: Any) -> None:
    torch.manual_seed(0)
    own, other = torch.rand(3, 2, 5, 4), torch.rand(3, 2, 5, 4)
    own[0, :, 0], other[0, :, 0] = 0, 0
    off = torch.tensor([True, True, False])
    mixture, ratio = with_noise(scale.picture(own), scale.picture(other), off, scale)
    there = scale.of(mixture)
    floor = 1e-2 if scale is CAVP else 1e-5
    torch.testing.assert_close(there[:2], (own + other)[:2], atol=2 * floor, rtol=1e-3)
    assert torch.equal(mixture[2], scale.picture(own)[2]) and (ratio[2] == 1).all(), (
        "no noise: all of it is wanted"
    )
    assert ((ratio >= 0) & (ratio <= 1)).all() and ratio[0, 0].min() > 0.3, "silence is not 0/0"
    due = (own.sum(1) + LITTLE) / ((own + other).sum(1) + LITTLE)
    torch.testing.assert_close(ratio[1], due[1], atol=3 * floor, rtol=1e-2)
    torch.testing.assert_close(scale.of(scale.picture(own[1])), own[1], atol=floor, rtol=1e-4)


def test_noise_is_of_another_clip_and_of_nothing_in_the_picture() -> None:
    sound = torch.arange(12.0).view(4, 3, 1, 1, 1)
    present = torch.zeros(4, 3, 6, dtype=torch.bool)
    for clip in range(4):
        present[clip, :, clip % 3] = True
    for seed in range(20):
        torch.manual_seed(seed)
        noise, off = off_screen(sound, present)
        theirs = noise.flatten(2)[..., 0].long() // 3
        assert (theirs != torch.arange(4)[:, None]).all()
        assert torch.equal(off, theirs % 3 != torch.arange(4)[:, None] % 3)
    assert not off_screen(sound[:1], present[:1])[1].any(), "a clip alone has nobody to disturb it"
    assert off_screen(sound, torch.ones(4, 3, 1, dtype=torch.bool))[1].all(), "of one class nothing is known"


def test_recovery_by_hand() -> None:
    torch.manual_seed(0)
    masks, ratio = torch.randn(2, 3, 6, 4), torch.rand(2, 6, 4)
    absent = torch.tensor([[False, True, False], [True, True, True]])
    due = ((masks[0, 0] + masks[0, 2]).sigmoid() - ratio[0]).square().mean()
    torch.testing.assert_close(recovery(masks, absent, ratio), due)
    assert recovery(torch.full((1, 1, 6, 4), 30.0), absent[:1, :1], torch.ones(1, 6, 4)) < 1e-9


def test_heard_by_is_the_mean_above_the_mean() -> None:
    masks, sound = torch.tensor([[[2.0, -1.0, 3.0, 0.0], [1.0, 1.0, 1.0, 1.0]]]), torch.randn(1, 4, 5)
    found = heard_by(masks, sound)
    torch.testing.assert_close(found[0, 0], sound[0, [0, 2]].mean(dim=0))
    torch.testing.assert_close(found[0, 1], sound[0].mean(dim=0), msg="the same everywhere: all of it")


def test_prompt_contrast_is_a_loop_over_anchors_and_pixels() -> None:
    torch.manual_seed(0)
    heard, classes = torch.randn(2, 2, 8), torch.tensor([[1, 3], [2, -1]])
    pixels, labels = torch.randn(2, 8, 3, 4), torch.randint(0, 4, (2, 6, 8))
    labels[0, 0, 0] = IGNORE
    found = prompt_contrast(heard, classes, pixels, labels, views=1000)
    small = F.interpolate(labels[:, None].float(), (3, 4))[:, 0].long()
    flat = [
        (F.normalize(pixels[n, :, y, x], dim=0), int(small[n, y, x]))
        for n in range(2)
        for y in range(3)
        for x in range(4)
    ]
    flat = [(z, k) for z, k in flat if k != IGNORE]
    losses = []
    for n, m in ((0, 0), (0, 1), (1, 0)):
        f, own = F.normalize(heard[n, m], dim=0), int(classes[n, m])
        apart = sum((f @ z / 0.1).exp() for z, k in flat if k != own)
        near = [(f @ z / 0.1).exp() for z, k in flat if k == own]
        losses.append(torch.stack([-(p / (p + apart)).log() for p in near]).mean())
    torch.testing.assert_close(found, torch.stack(losses).mean())
    none = prompt_contrast(heard, torch.full((2, 2), -1), pixels, labels)
    assert float(none) == 0
    assert float(info_nce_between(heard[0], classes[0], heard[1], torch.tensor([7, 8]))) == 0, "no positives"


def test_what_is_remembered_is_what_was_matched() -> None:
    made, one = learner(fitted=False), scenes()
    made(one, Clock(0, 0, 10))
    assert made.memory is not None
    written = made.memory.written.tolist()
    assert written == [6, 3, 3, 3, 0, 36 - 15], "background in every frame, and all the others are no object"
    assert made.assigned.sum(dim=1).tolist() == written[:-1]
    made(one, Clock(1, 0, 10))
    assert made.assigned.sum(dim=1).tolist() == [2 * n for n in written[:-1]]
    made(one, Clock(2, 1, 10))
    assert made.assigned.sum(dim=1).tolist() == written[:-1], "a new epoch starts anew"
    assert 0 <= made.diagnostics()["STS"] <= torch.tensor(6.0).log()


def test_only_what_is_classified_correctly_is_remembered_if_so_asked() -> None:
    every, correct = learner(), learner(correct_only=True)
    for made in (every, correct):
        made.memory.written.zero_()  # type: ignore[union-attr]
        made(scenes(), Clock(1, 0, 10))
    assert correct.memory.written.sum() < every.memory.written.sum()  # type: ignore[union-attr]
    assert (correct.memory.written <= every.memory.written).all()  # type: ignore[union-attr]


def test_frames_that_are_not_annotated_are_neither_remembered_nor_asked_for() -> None:
    made, one = learner(fitted=False), scenes()
    known = torch.tensor([[True, False, False], [True, True, False]])
    made(Batch(one.frames, one.sound, one.labels, known, one.valid), Clock(0, 0, 10))
    assert made.memory.written.tolist() == [3, 1, 1, 2, 0, 18 - 7]  # type: ignore[union-attr]


def test_mixtures_are_fitted_at_every_fifth_step_to_what_is_remembered() -> None:
    made, one = learner(fitted=False), scenes()
    mixtures = made.model.mixtures
    means = []
    for step in range(7):
        made(one, Clock(step, 0, 100))
        means.append(mixtures.means.clone())  # type: ignore[union-attr]
    assert all(torch.equal(means[0], means[step]) for step in range(5)) and not torch.equal(
        means[4], means[5]
    )
    assert mixtures.fitted.tolist() == [True, True, True, True, False, True]  # type: ignore[union-attr]
    assert torch.equal(means[5], means[6])


def short() -> Run:
    """Six steps have to show all: a warm-up of three, and mixtures that are fitted at 0, 2 and 4."""
    run = find_run("cpm", "mini/avss", "smoke")
    paced = partial(run.recipe.learner, pace=Pace(fits=2, warm_up=0.5))
    plans = {"smoke": replace(run.plan, steps_per_epoch=3)}
    return replace(run, recipe=replace(run.recipe, learner=paced, schedules=plans))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    train(short(), out=out)
    return out


@pytest.mark.parametrize("stop_at", [1, 5])  # in the warm-up; with prompts, between two fits
def test_interrupted_and_resumed_equals_unbroken(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    step = PromptingLearner.forward

    def stopping(self: PromptingLearner, batch: Batch, clock: Clock) -> dict[str, Tensor]:
        if clock.step == stop_at:
            raise KeyboardInterrupt
        return step(self, batch, clock)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(PromptingLearner, "forward", stopping)
        train(short(), out=tmp_path, checkpoint_every=1)
    torch.manual_seed(5)
    train(short(), out=tmp_path, resume=True)
    logs = [(folder / "log.jsonl").read_text(encoding="utf-8") for folder in (whole, tmp_path)]
    assert logs[0] == logs[1] and "STS" in logs[0] and "prompted mask" in logs[0] and "coverage" in logs[0]
    one, two = (
        load_checkpoint(folder / "checkpoint.pt", short().config())["learner"] for folder in (whole, tmp_path)
    )
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    assert one["model.mixtures.fitted"].any() and one["memory.written"].sum() > 0
    told = json.loads((whole / "record.json").read_text(encoding="utf-8"))
    assert told["metrics"] == json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))["metrics"]
    assert "coverage" in told["metrics"]["test"] and "STS" in told["metrics"]["train"]["matching"]
