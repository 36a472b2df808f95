"""Every row of a paper's table names the schedule that would reproduce it, and that schedule takes a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from avslib.data import DATASETS
from avslib.encoders.vggish import VGGish
from avslib.encoders.visual import STRIDES, VisualEncoder
from avslib.ledger.table import ledger_rows
from avslib.methods import METHODS
from avslib.methods.learner import Clock
from avslib.methods.method import Published
from avslib.methods.networks import Encoders
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.training.launch import start_accelerator
from avslib.training.optimiser import build_optimiser
from avslib.types import Batch

ROWS = [(name, row) for name, method in METHODS.items() for row in method.published]
BACKBONES = {"ResNet-50": "resnet50", "PVTv2-B5": "pvt_v2_b5", "Swin-B": "swin_b"}
AUTHORS = {"tpavi", "pcmanet"}
FIRST = {(name, row.schedule): row for name, row in reversed(ROWS)}
"""The row of each schedule that is tried with the backbone itself; the others differ in data, which no backbone meets."""
STEPS = {(name, row.schedule, DATASETS[row.data].classes): row for name, row in reversed(ROWS)}
"""The row that takes a step; others with as many classes would take the same."""


class StandIn(nn.Module):
    """Maps as wide as a backbone's, and nothing else of it."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.channels = channels
        self.maps = nn.ModuleList(nn.Conv2d(3, c, 1, stride=s) for c, s in zip(channels, STRIDES))

    def forward(self, frames: Tensor) -> list[Tensor]:
        return [to_map(frames) for to_map in self.maps]


@cache
def encoders(backbone: str) -> tuple[nn.Module, nn.Module]:
    """Both, built once: what a row needs is looked at, not how long 80 million random numbers take."""
    return VisualEncoder(name=backbone, pretrained=False), VGGish(pretrained=False).requires_grad_(False)


@cache
def ears(make: Callable[..., nn.Module]) -> nn.Module:
    return make(pretrained=False)


def shared(run: Run, whole: bool) -> tuple[Run, list[str]]:
    """The run with its model over shared random encoders, and the backbones that its models will have asked for.

    whole: with the backbone itself, else with a stand-in
    """
    asked: list[str] = []

    def visual(*, name: str, pretrained: bool) -> nn.Module:
        asked.append(name)
        backbone = encoders(name)[0]
        return backbone if whole else StandIn(backbone.channels)  # type: ignore[arg-type]

    def audio(*, pretrained: bool) -> nn.Module:
        own = plan.model.keywords.get("encoders")  # type: ignore[attr-defined]
        return ears(own.audio) if own else encoders(asked[0])[1]

    plan = run.plan
    model = partial(plan.model, encoders=Encoders(visual, audio))
    plans = {run.schedule: replace(plan, model=model)}
    return replace(run, recipe=replace(run.recipe, schedules=plans)), asked


def stereo(run: Run) -> bool:
    return getattr(run.front_end(), "channels", 1) == 2


def batch(run: Run) -> Batch:
    torch.manual_seed(0)
    seconds, size = 2, 64
    wave = torch.randn(2, 3 * 16_000)
    sound = (
        run.front_end()(wave, 16_000, frames=seconds)[None]
        if stereo(run)
        else torch.randn(1, seconds, 1, 96, 64)
    )
    kinds = torch.tensor([0, 1, max(2, run.data.classes) - 1])  # few: in every layer each mask is matched
    labels = kinds[torch.randint(len(kinds), (1, seconds, size, size))]
    every = torch.ones(1, seconds, dtype=torch.bool)
    return Batch(torch.rand(1, seconds, 3, size, size), sound, labels, every, every, ("a",))


@pytest.fixture(scope="module", autouse=True)
def give_back() -> Iterator[None]:
    yield
    encoders.cache_clear()  # a gigabyte
    ears.cache_clear()


@pytest.mark.parametrize(("method", "row"), ROWS)
def test_a_published_row_names_a_schedule_and_its_backbone(
    method: str, row: Published, tmp_path: Path
) -> None:
    run = find_run(method, row.data, row.schedule, data_dir=tmp_path)
    assert row.schedule.startswith("authors") or method not in AUTHORS
    assert run.plan.model.keywords.get("backbone", "resnet50") == BACKBONES[row.backbone]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "row"),
    [(name, row) for (name, *_), row in STEPS.items()],
    ids=lambda x: getattr(x, "schedule", x),
)
def test_the_schedule_of_a_published_row_takes_a_step(method: str, row: Published, tmp_path: Path) -> None:
    whole = FIRST[method, row.schedule] is row
    run, asked = shared(find_run(method, row.data, row.schedule, data_dir=tmp_path), whole)
    learner = run.learner().train()
    assert asked == [BACKBONES[row.backbone]]
    optimiser = build_optimiser(learner, run.plan.optimiser)
    trained = next(p for n, p in learner.named_parameters() if p.requires_grad and ".visual." not in n)
    before = trained.detach().clone()
    terms = learner(batch(run), Clock(0, 0, 1))
    loss = torch.stack([run.loss_weights[name] * term for name, term in terms.items()]).sum()
    start_accelerator("no").backward(loss)
    optimiser.step()
    assert torch.isfinite(loss) and not torch.equal(before, trained)


def test_the_ledger_names_the_schedule_of_every_published_row() -> None:
    rows = [row for row in ledger_rows([]) if row.paper]
    assert [row.schedule for row in rows] == [row.schedule for _, row in ROWS]
    plans = {"full", "full-pvt", "full-original", "full-swin", "full-swin-384"}
    assert {row.schedule for row in rows} == plans | {"authors", "authors-pvt", "authors-swin-384"}
