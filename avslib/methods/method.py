"""What a recipe is: everything that decides a run, as plain frozen values and a few builders.

A paper gets one small Python file of literal numbers, each with its source. The loop in
`avslib.training` reads a `Recipe` and one of its `Schedule`s and knows nothing else about the paper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial
from typing import Any, Literal, Protocol, runtime_checkable

from torch import Tensor, nn

from avslib.errors import UserError
from avslib.types import Clip

FrontEnd = Callable[..., Tensor]
"""`front(waveform (A, S), sample_rate, frames=T) -> (T, A', F, M)`."""


class Clips(Sized, Protocol):
    """A data set: `len(clips)` and `clips[i] -> Clip`, a pure function of i."""

    def __getitem__(self, index: int, /) -> Clip: ...


@runtime_checkable
class ScoringProtocol(Protocol):
    """A named way to score: logits (B, T, K, H, W), labels (B, T, H, W), valid (B, T)."""

    @property
    def name(self) -> str: ...

    def update(self, logits: Tensor, labels: Tensor, valid: Tensor | None = None) -> None: ...

    def merge(self, other: Any, /) -> None: ...

    def compute(self) -> dict[str, float]: ...


@dataclass(frozen=True)
class Optimiser:
    """Which optimiser with which numbers.

    lr_scale: factor on `lr` for the parameters whose name starts with a key, e.g. {"visual": 0.1}
    """

    name: Literal["adam", "adamw", "sgd"]
    lr: float
    weight_decay: float = 0.0
    momentum: float = 0.9  # read by SGD only
    lr_scale: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Schedule:
    """How long, how large, how fast. Budgets are steps, never seconds: seconds do not repeat.

    batch_size:      clips per optimiser step, over all processes together
    size:            side of the square pictures, pixels
    steps_per_epoch: None for one pass over the training set
    train_seconds:   T of the training clips, for data sets composed on demand; None for the data's own
    turns:           training scenes, composed on demand, in which the objects take turns to sound: one
                     picture is met with several sounds and as many truths
    clips:           how many clips each split holds, for data sets composed on demand
    precision:       "bf16" is used on a GPU; a CPU always computes in float32
    frozen_epochs:   epochs at the start in which no gradient reaches the visual encoder
    keep:            which weights the run reports: of the "last" epoch, or the "best" on validation
    criterion, weights: in place of the recipe's, where a short schedule needs another loss
    eye_steps:       steps of `avslib.training.eye` before the first step, `eye_batch` scenes each; 0 for none
    ear_steps:       the same of `avslib.training.ear`, which goes over `ear_scenes` scenes again and again
    expected:        one line: memory, time and score, or "not run"
    """

    model: Callable[[], nn.Module]
    optimiser: Optimiser
    epochs: int
    batch_size: int
    size: int
    steps_per_epoch: int | None = None
    train_seconds: int | None = None
    turns: bool = False
    clips: Mapping[str, int] = field(default_factory=dict)
    decay: Literal["constant", "cosine"] = "constant"
    warmup_steps: int = 0
    clip_norm: float | None = None
    precision: Literal["no", "bf16"] = "no"
    channels_last: bool = False
    frozen_epochs: int = 0
    keep: Literal["last", "best"] = "last"
    criterion: Callable[[], Callable[..., dict[str, Tensor]]] | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    eye_steps: int = 0
    eye_batch: int = 16
    ear_steps: int = 0
    ear_batch: int = 32
    ear_scenes: int = 2400
    expected: str = "not run"


@dataclass(frozen=True)
class Published:
    """One row of a paper's table, kept apart from anything this repository measured."""

    data: str
    backbone: str
    metrics: Mapping[str, float]
    source: str


@dataclass(frozen=True)
class Recipe:
    """One method on one data set.

    name:       what `avslib train` calls it
    paper:      title, venue, year
    data:       what `--data` calls it
    datasets:   (split, schedule, fold, seed) -> clips; the splits are "train", "val" and those in `tests`
    front_end:  () -> the sound's front end
    criterion:  () -> criterion(prediction, batch) -> {term: scalar}
    weights:    {term: factor}, one for every term the criterion returns
    summed:     the terms that add up over a batch, where the others are means: with several processes,
                whose gradients are averaged, each counts that many times
    protocols:  () -> fresh scoring protocols; the first one's first number chooses the best epoch
    schedules:  by name; "smoke" (seconds), "reduced" (CPU minutes), "full" (the paper's)
    published:  the paper's numbers
    tests:      the splits that are scored at the end
    file:       the Python file it was read from; empty for the library's own
    data_dir:   the folder of a real benchmark; None for AVS-Mini
    """

    name: str
    paper: str
    data: str
    datasets: Callable[[str, Schedule, int, int], Clips]
    front_end: Callable[[], FrontEnd]
    criterion: Callable[[], Callable[..., dict[str, Tensor]]]
    weights: Mapping[str, float]
    protocols: Callable[[], list[ScoringProtocol]]
    schedules: Mapping[str, Schedule]
    published: tuple[Published, ...] = ()
    summed: tuple[str, ...] = ()
    tests: tuple[str, ...] = ("test",)
    file: str = ""
    data_dir: str | None = None

    def schedule(self, name: str) -> Schedule:
        """The schedule called `name`. Raises UserError listing the known names."""
        if name not in self.schedules:
            known = ", ".join(self.schedules)
            raise UserError(f"unknown schedule {name!r} of recipe {self.name}; choose one of: {known}")
        return self.schedules[name]


def plain(value: Any) -> Any:
    """`value` as JSON data: mappings and sequences all the way down, builders by name and arguments."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, partial):
        return {"build": plain(value.func), **plain(value.keywords)}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    return value
