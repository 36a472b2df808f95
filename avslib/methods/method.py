"""The vocabulary of a method: what a paper's room says of it, as plain frozen values and a few builders.

`METHOD` of a room is a `Method`. Its `recipe` gives, for a data set, a `Recipe` with named `Schedule`s; where the
three meet (`avslib.methods.resolve`) they make a `Run`. The loop and the ledger know nothing else of a paper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial
from typing import Any, Literal

from torch import nn

from avslib.data.loading.augment import Transform
from avslib.data.registry import DataSpec
from avslib.errors import UserError
from avslib.methods.authors_code import AuthorsCode
from avslib.methods.cost import Costs
from avslib.methods.learner import Learner
from avslib.methods.networks import PUBLIC, Encoders
from avslib.types import Criterion, FrontEnd, PredictionScorer


@dataclass(frozen=True)
class Optimiser:
    """Which optimiser with which numbers.

    lr_scale: factor on `lr` for the parameters whose name starts with a key, e.g. {"visual.": 0.1}
    decay_norms: False keeps weight decay from norms and embeddings
    """

    name: Literal["adam", "adamw", "sgd"]
    lr: float
    weight_decay: float = 0.0
    momentum: float = 0.9  # read by SGD only
    lr_scale: Mapping[str, float] = field(default_factory=dict)
    decay_norms: bool = True


@dataclass(frozen=True)
class Pretraining:
    """Steps that the encoders are trained before the first step, on the training scenes; 0 for none.

    visual_steps: of `pretrain_visual`, with `visual_batch` scenes of `visual_size` pixels each
    audio_steps:  of `pretrain_audio`, which goes over `audio_scenes` scenes again and again
    """

    visual_steps: int = 0
    visual_batch: int = 16
    visual_size: int = 192
    audio_steps: int = 0
    audio_batch: int = 32
    audio_scenes: int = 2400


@dataclass(frozen=True)
class Schedule:
    """How long, how large, how fast. Budgets are steps, never seconds: seconds do not repeat.

    model:           the method's model, but for the classes, which the data decides
    batch_size:      clips per optimiser step, over all processes together
    size:            side of the square pictures, pixels
    steps_per_epoch: None for one pass over the training set
    train_seconds:   T of the training clips, for data sets composed on demand; None for the data's own
    turns:           training scenes, composed on demand, in which the objects take turns to sound: one
                     picture is met with several sounds and as many truths
    clips:           how many clips each split holds, for data sets composed on demand
    augment:         a random change of each training clip
    decay:           of the rate after the warm-up; "polynomial" is (1 - part of the steps) ** `power`
    precision:       "bf16" is used on a GPU; a CPU always computes in float32
    frozen_epochs:   epochs at the start in which no gradient reaches the visual encoder
    keep:            which weights the run reports: of the "last" epoch, or the "best" on validation
    test_batch_size: clips that are scored together; None: as many as are trained together
    test_size:       side of the pictures that are scored, pixels; "own": each picture's, one clip at a time;
                     None: as they are trained
    criterion, loss_weights: in place of the recipe's, where a schedule of minutes needs another loss
    pretraining:     of the encoders
    expected:        {name of the data: time, memory and score, in one line}; what is not there was not run
    """

    model: Callable[..., nn.Module]
    optimiser: Optimiser
    epochs: int
    batch_size: int
    size: int
    steps_per_epoch: int | None = None
    train_seconds: int | None = None
    turns: bool = False
    clips: Mapping[str, int] = field(default_factory=dict)
    augment: Transform | None = None
    decay: Literal["constant", "cosine", "polynomial"] = "constant"
    power: float = 0.9
    warmup_steps: int = 0
    clip_norm: float | None = None
    precision: Literal["no", "bf16"] = "no"
    channels_last: bool = False
    frozen_epochs: int = 0
    keep: Literal["last", "best"] = "last"
    test_batch_size: int | None = None
    test_size: int | Literal["own"] | None = None
    criterion: Callable[[], Criterion] | None = None
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    pretraining: Pretraining = Pretraining()
    expected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """A method on one data set.

    front_end:    () -> the sound's front end
    criterion:    () -> criterion(prediction, batch) -> {term: scalar}
    loss_weights: {term: factor}, one for every term that may occur
    schedules:    by name; "smoke" (seconds), "reduced" (CPU minutes), "full" (the paper's)
    summed:       the terms that add up over a batch, where the others are means: with several processes,
                  whose gradients are averaged, each counts that many times
    learner:      (model=, criterion=) -> what the loop trains
    scorers:      what is counted of whole predictions, beside the data's protocols: each () -> a fresh one
    """

    front_end: Callable[[], FrontEnd]
    criterion: Callable[[], Criterion]
    loss_weights: Mapping[str, float]
    schedules: Mapping[str, Schedule]
    summed: tuple[str, ...] = ()
    learner: Callable[..., Learner] = Learner
    scorers: tuple[Callable[[], PredictionScorer], ...] = ()


@dataclass(frozen=True)
class Published:
    """One row of a paper's table, kept apart from anything this repository measured.

    schedule: of the method's recipe on `data`: what would reproduce the row
    """

    data: str
    backbone: str
    metrics: Mapping[str, float]
    source: str
    schedule: str = "full"


@dataclass(frozen=True)
class Method:
    """Everything that the course says of one paper.

    name:      what `avslib train` and `create_model` call it;  title: as the paper writes it
    paper:     authors, title, venue, year
    build:     (visual=, audio=, classes=, **changes) -> the model over these encoders, else as in the paper
    recipe:    (data, changes) -> the recipe for a data set; `changes` are those of a variant, or empty
    variants:  {suffix: changes}: rows of the paper's ablation tables and deviations of its code
    recipe_variants: {suffix: changes}: the same, where the model stays and its loss, pairs or sounds are others
    published: the paper's numbers
    backbones: of the paper
    encoders:  of the paper
    authors:   how checkpoints of the authors' code are read; None where there are none
    costs:     its part of the table of costs
    """

    name: str
    title: str
    paper: str
    build: Callable[..., nn.Module]
    recipe: Callable[[DataSpec, Mapping[str, Any]], Recipe]
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    recipe_variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    published: tuple[Published, ...] = ()
    backbones: tuple[str, ...] = ("resnet50", "pvt_v2_b5")
    encoders: Encoders = PUBLIC
    authors: AuthorsCode | None = None
    costs: Costs = field(default_factory=Costs)

    def changes(self, variant: str) -> Mapping[str, Any]:
        """What `variant` changes in the model; nothing for "". Raises UserError listing the known ones."""
        known = {"": {}, **self.variants, **{name: {} for name in self.recipe_variants}}
        if variant not in known:
            names = ", ".join(f"{self.name}-{name}" for name in known if name) or "none"
            raise UserError(f"unknown variant {self.name}-{variant}; there are: {names}")
        return known[variant]


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
