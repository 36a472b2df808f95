"""The set criterion against Hugging Face's, and what does not count in it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from avslib.errors import UserError
from avslib.losses.hungarian import HungarianMatcher
from avslib.losses.mask_targets import MaskTargets, mask_targets
from avslib.losses.set_criterion import SetCriterion
from avslib.types import IGNORE, Batch, Prediction

CLIPS, FRAMES, QUERIES, CLASSES, SIDE = 2, 3, 6, 5, 16
WITH_POINTS = SetCriterion(background=False, points=200)
TERMS = {"class", "mask", "dice"}


@pytest.fixture(autouse=True)
def fixed() -> None:
    torch.manual_seed(0)


def labels() -> Tensor:
    """(B, T, H, W): blocks of chance classes; nothing in the last frame."""
    blocks = torch.randint(0, CLASSES, (CLIPS, FRAMES, 4, 4))
    blocks[-1, -1] = 0
    return blocks.repeat_interleave(SIDE // 4, 2).repeat_interleave(SIDE // 4, 3)


def batch(truth: Tensor, annotated: Tensor | None = None) -> Batch:
    every = torch.ones(truth.shape[:2], dtype=torch.bool)
    nothing = torch.empty(0)
    return Batch(nothing, nothing, truth, every if annotated is None else annotated, every)


def layer(side: int = 8) -> dict[str, Tensor]:
    shape = (CLIPS, FRAMES, QUERIES)
    return {
        "class_logits": (2 * torch.randn(*shape, CLASSES + 1)).requires_grad_(),
        "mask_logits": (3 * torch.randn(*shape, side, side)).requires_grad_(),
    }


def prediction(*layers: dict[str, Tensor]) -> Prediction:
    return Prediction(torch.empty(0), layers[0], layers[1:])


def some_frames(given: dict[str, Tensor], clip: int, frame: int) -> dict[str, Tensor]:
    return {name: value[clip : clip + 1, frame : frame + 1] for name, value in given.items()}


def gradients(terms: dict[str, Tensor], *layers: dict[str, Tensor]) -> list[Tensor]:
    torch.stack([*terms.values()]).sum().backward()
    found = [value.grad for each in layers for value in each.values()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in found)
    return [gradient for gradient in found if gradient is not None]


def hugging_face(truth: Tensor, *layers: dict[str, Tensor], points: int) -> dict[str, Tensor]:
    """Our terms by their code: background is no target."""
    theirs = pytest.importorskip("transformers.models.mask2former.modeling_mask2former")
    config = SimpleNamespace(
        num_labels=CLASSES, no_object_weight=0.1, train_num_points=points, oversample_ratio=3.0,
        importance_sample_ratio=0.75, class_weight=2.0, mask_weight=5.0, dice_weight=5.0,
    )  # fmt: skip
    numbers = [each[each > 0].unique() for each in truth.flatten(0, 1)]
    given = [
        {"masks_queries_logits": x["mask_logits"].flatten(0, 1), "class_queries_logits": x["class_logits"].flatten(0, 1)}
        for x in layers
    ]  # fmt: skip
    found = theirs.Mask2FormerLoss(config, {})(
        **given[0],
        mask_labels=[(x == n[:, None, None]).float() for x, n in zip(truth.flatten(0, 1), numbers)],
        class_labels=numbers,
        auxiliary_predictions=given[1:],
    )
    names = {"class": "loss_cross_entropy", "mask": "loss_mask", "dice": "loss_dice"}
    return {name: sum(v for k, v in found.items() if k.startswith(their)) for name, their in names.items()}


@pytest.mark.parametrize("points", [300, None])
def test_equals_hugging_face(points: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same places: every mask gets the same "chance" points, or all pixels of the labels."""
    own, copy = ([layer(8 if points else SIDE) for _ in range(3)] for _ in range(2))
    for mine, other in zip(own, copy):
        for name, value in mine.items():
            other[name].data.copy_(value.data)
    line = (torch.arange(SIDE) + 0.5) / SIDE
    centres = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1).view(-1, 2)
    table = torch.rand(3 * points, 2) if points else centres.repeat(3, 1)

    def same(rows: int, count: int, _: int, **__: Any) -> Tensor:
        return table[:count].repeat(rows, 1, 1)

    truth = labels()
    monkeypatch.setattr(torch, "rand", same)
    if points is None:
        expected = hugging_face_in_all_pixels(truth, *copy, monkeypatch=monkeypatch)
    else:
        expected = hugging_face(truth, *copy, points=points)
    terms = SetCriterion(background=False, points=points)(prediction(*own), batch(truth))
    assert terms.keys() == TERMS
    for name, value in terms.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6)
    for mine, theirs in zip(gradients(terms, *own), gradients(expected, *copy)):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def hugging_face_in_all_pixels(
    truth: Tensor, *layers: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Tensor]:
    """Theirs without choosing by uncertainty: every pixel once."""
    theirs = pytest.importorskip("transformers.models.mask2former.modeling_mask2former")

    def every(_: Any, logits: Tensor, *__: Any) -> Tensor:
        return torch.rand(len(logits), SIDE**2, 2)

    monkeypatch.setattr(theirs.Mask2FormerLoss, "sample_points_using_uncertainty", every)
    return hugging_face(truth, *layers, points=SIDE**2)


def test_the_background_may_be_a_target() -> None:
    """A query that says "background, everywhere" is right about a silent frame, and else wrong."""
    given = {"class_logits": torch.zeros(1, 1, 2, 3), "mask_logits": torch.full((1, 1, 2, 8, 8), -20.0)}
    given["class_logits"][..., 2] = 20.0
    given["class_logits"][0, 0, 1] = torch.tensor([20.0, 0, 0])
    given["mask_logits"][0, 0, 1] = 20.0
    silent = batch(torch.zeros(1, 1, SIDE, SIDE, dtype=torch.long))
    right = SetCriterion(points=None)(prediction(given), silent)
    assert all(value < 1e-4 for value in right.values())
    wrong = SetCriterion(background=False, points=None)(prediction(given), silent)
    assert wrong["class"] > 5 and wrong["mask"] == 0 and wrong["dice"] == 0


def test_a_batch_weighs_its_masks_alike() -> None:
    """Masks of all frames together count one each, whichever frame they are in."""
    given, truth = layer(), labels()
    criterion = SetCriterion(background=False, points=None)
    together = criterion(prediction(given), batch(truth))
    counts, sums = 0, {"mask": 0.0, "dice": 0.0}
    for clip in range(CLIPS):
        for frame in range(FRAMES):
            one = truth[clip : clip + 1, frame : frame + 1]
            number = len(one[one > 0].unique())
            terms = criterion(prediction(some_frames(given, clip, frame)), batch(one))
            counts += number
            sums = {name: value + terms[name].item() * number for name, value in sums.items()}
    for name, value in sums.items():
        assert together[name].item() == pytest.approx(value / counts, rel=1e-5)


def test_layers_are_summed() -> None:
    first, second, truth = layer(), layer(), batch(labels())
    criterion = SetCriterion(points=None)
    alone = [criterion(prediction(each), truth) for each in (first, second)]
    for name, value in criterion(prediction(first, second), truth).items():
        torch.testing.assert_close(value, alone[0][name] + alone[1][name])


def test_the_order_of_queries_does_not_matter() -> None:
    given, truth, order = layer(), batch(labels()), torch.randperm(QUERIES)
    mixed = {name: value[:, :, order] for name, value in given.items()}
    criterion = SetCriterion(points=None)
    expected = criterion(prediction(given), truth)
    for name, value in criterion(prediction(mixed), truth).items():
        torch.testing.assert_close(value, expected[name])


def test_only_annotated_frames_count() -> None:
    given, truth = layer(), labels()
    first = torch.zeros(CLIPS, FRAMES, dtype=torch.bool)
    first[:, 0] = True
    criterion = SetCriterion(points=None)
    terms = criterion(prediction(given), batch(truth, first))
    alone = {name: value[:, :1] for name, value in given.items()}
    for name, value in criterion(prediction(alone), batch(truth[:, :1])).items():
        torch.testing.assert_close(terms[name], value)
    assert all(not gradient[:, 1:].any() for gradient in gradients(terms, given))


@pytest.mark.parametrize("why", ["unannotated", "unknown"])
@pytest.mark.parametrize("points", [None, 50])
def test_nothing_to_learn_is_zero_and_goes_backwards(why: str, points: int | None) -> None:
    given, other, truth = layer(), layer(), labels()
    annotated = torch.full((CLIPS, FRAMES), why != "unannotated")
    truth = torch.full_like(truth, IGNORE) if why == "unknown" else truth
    terms = SetCriterion(points=points)(prediction(given, other), batch(truth, annotated))
    assert all(value == 0 for value in terms.values())
    assert all(not gradient.any() for gradient in gradients(terms, given, other))


@pytest.mark.parametrize("points", [None, 200])
def test_nothing_is_learned_in_ignored_pixels(points: int | None) -> None:
    given, truth = layer(), labels()
    truth[..., : SIDE // 2] = IGNORE
    terms = SetCriterion(points=points)(prediction(given), batch(truth))
    _, gradient = gradients(terms, given)
    assert gradient[..., 4:].any() and not gradient[..., :3].any()


def test_bfloat16_costs_what_its_numbers_cost_in_float32() -> None:
    low = {name: value.detach().bfloat16().requires_grad_() for name, value in layer().items()}
    high = {name: value.float() for name, value in low.items()}
    results = []
    for given in (low, high):
        torch.manual_seed(1)
        results.append(WITH_POINTS(prediction(given), batch(labels_of(3))))
    for name, value in results[0].items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, results[1][name])
    gradients(results[0], low)


def labels_of(seed: int) -> Tensor:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return labels()


def test_gradients_are_finite_where_masks_are_certain() -> None:
    given, truth = layer(), labels()
    with torch.no_grad():
        given["mask_logits"] *= 1e4
        given["class_logits"] *= 1e3
    gradients(WITH_POINTS(prediction(given), batch(truth)), given)


def test_steps_go_downhill() -> None:
    given, truth = layer(), batch(labels())
    criterion, steps = SetCriterion(points=200), []
    optimiser = torch.optim.Adam(given.values(), lr=0.3)
    for _ in range(60):
        terms = criterion(prediction(given), truth)
        loss = 2 * terms["class"] + 5 * terms["mask"] + 5 * terms["dice"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        steps.append(loss.item())
    assert steps[-1] < steps[0] / 5


def test_what_a_user_gets_wrong_is_told() -> None:
    given, truth = layer(), labels()
    with pytest.raises(UserError, match="label 9, but the model knows 5 classes"):
        WITH_POINTS(prediction(given), batch(truth.masked_fill(truth == 1, 9)))
    with torch.no_grad():
        given["mask_logits"][0, 1, 2] = float("nan")
    with pytest.raises(UserError, match="picture 1 of the batch cannot be matched"):
        WITH_POINTS(prediction(given), batch(truth))


def test_a_matcher_of_one_s_own_is_asked() -> None:
    given, truth = layer(), batch(labels())
    by_class = HungarianMatcher(mask=0, dice=0, points=None)
    expected = SetCriterion(points=None)(prediction(given), truth)
    found = SetCriterion(points=None, matcher=by_class)(prediction(given), truth)
    assert found["class"] < expected["class"] and found["mask"] > expected["mask"]


PROCESS = """
import sys, torch, torch.distributed as distributed
sys.path.insert(0, sys.argv[3])
import test_set_criterion as t
rank = int(sys.argv[1])
distributed.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
given, truth = t.clips()
own = {name: value[rank : rank + 1] for name, value in given.items()}
terms = t.SetCriterion(background=False, points=None)(t.prediction(own), t.batch(truth[rank : rank + 1]))
print([terms["mask"].item(), terms["dice"].item()])
"""


def clips() -> tuple[dict[str, Tensor], Tensor]:
    """One clip a process; the second has fewer masks, but some: without any, halves would add up by chance."""
    torch.manual_seed(6)
    given, truth = layer(), labels()
    truth[1, 0] = 0
    return given, truth


def test_two_processes_share_the_number_of_masks(tmp_path: Path) -> None:
    """The mean of their terms, as gradients are averaged, is the term of both batches in one."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(rank), str(tmp_path / "meeting"), str(Path(__file__).parent)],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for rank in range(2)
    ]
    told = [process.communicate(timeout=120)[0] for process in running]
    shares = torch.tensor([[float(x) for x in text.strip(" []\n").split(",")] for text in told])
    given, truth = clips()
    terms = SetCriterion(background=False, points=None)(prediction(given), batch(truth))
    expected = torch.stack([terms["mask"], terms["dice"]])
    torch.testing.assert_close(shares.mean(dim=0), expected.detach())
    assert (shares[0] - shares[1]).abs().min() > 0.1


class Straight:
    """A matcher that gives mask m to query m."""

    def __call__(self, class_logits: Tensor, mask_logits: Tensor, targets: MaskTargets) -> Tensor:
        numbers = torch.arange(targets.classes.shape[1]).expand_as(targets.classes)
        return numbers.where(targets.classes >= 0, -1)


def test_told_is_matched_where_the_matching_is_given() -> None:
    """But for "no object": nobody who was not asked answers."""
    truth = labels()
    criterion = SetCriterion(background=False, points=None, matcher=Straight())  # type: ignore[arg-type]
    targets = mask_targets(truth.flatten(0, 1), CLASSES, background=False)
    given = [layer(), layer()]
    own = [{n: x.flatten(0, 1)[:, : targets.classes.shape[1]] for n, x in each.items()} for each in given]
    told, matched = criterion.told(own, targets), criterion(prediction(*given), batch(truth))
    for name in ("mask", "dice"):
        torch.testing.assert_close(told[name], matched[name])
    asked = targets.classes >= 0
    due = [F.cross_entropy(each["class_logits"][asked], targets.classes[asked]) for each in own]
    torch.testing.assert_close(told["class"], torch.stack(due).sum())
    nobody = replace(targets, classes=torch.full_like(targets.classes, -1))
    terms = criterion.told(own, nobody)
    assert all(float(term.detach()) == 0 for term in terms.values())
    torch.stack(list(terms.values())).sum().backward()


def test_matched_tells_who_answers_for_what() -> None:
    truth, given = labels(), layer()
    annotated = torch.ones(truth.shape[:2], dtype=torch.bool)
    annotated[0, 1] = False
    criterion = SetCriterion(points=None)
    terms, named = criterion.matched(prediction(given), batch(truth, annotated))
    assert named.shape == (CLIPS, FRAMES, QUERIES) and (named[0, 1] == -1).all()
    for clip, frame in ((0, 0), (1, 1), (1, 2)):
        found = named[clip, frame][named[clip, frame] < CLASSES]
        assert sorted(found.tolist()) == sorted(truth[clip, frame].unique().tolist())
    assert {n: float(x.detach()) for n, x in terms.items()} == {
        n: float(x.detach()) for n, x in criterion(prediction(given), batch(truth, annotated)).items()
    }


def test_focal_weighs_what_is_already_known_less() -> None:
    """Against the formula of Lin et al., without their alpha; 0 is cross-entropy."""
    truth = torch.ones(1, 1, 4, 4, dtype=torch.long)
    given = {"class_logits": torch.zeros(1, 1, 1, 3), "mask_logits": torch.randn(1, 1, 1, 4, 4)}
    share = given["mask_logits"].sigmoid()
    for gamma in (0.0, 2.0):
        found = SetCriterion(points=None, focal=gamma)(prediction(given), batch(truth))["mask"]
        torch.testing.assert_close(found, (-((1 - share) ** gamma) * share.log()).mean())
    truth = torch.zeros(1, 1, 4, 4, dtype=torch.long)
    truth[..., 0] = 1
    two = {"class_logits": torch.zeros(1, 1, 2, 3), "mask_logits": torch.randn(1, 1, 2, 4, 4)}
    plain, focal = (
        SetCriterion(points=None, focal=g)(prediction(two), batch(truth))["mask"] for g in (0.0, 2.0)
    )
    assert 0 < focal < plain
