"""A training of CPM that is watched: shots of its prompts, and which query got which class."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from avslib.errors import UserError
from avslib.figures.explorers.prompts.shots import PromptShot, shoot
from avslib.methods.cpm.learner import PromptingLearner
from avslib.methods.learner import Clock
from avslib.methods.run import Run
from avslib.types import Batch


class Watch:
    """Looks at every step of a training, and keeps what the explorers show.

    batch:   its first clip is shown; None: there are no shots, as of a learner without prompts
    classes: of the shots; at: the steps, from 0, after which one is taken; more: other arguments of `shoot`

    shots:   those taken so far
    learner: who is watched; after the training, the trained one, for `shoot` and `recover`
    """

    learner: PromptingLearner

    def __init__(
        self, batch: Batch | None = None, *, classes: Sequence[int] = (), at: Collection[int] = (), **more: Any
    ) -> None:  # fmt: skip
        if bool(at) and (batch is None or not classes):
            raise UserError(f"shots at {sorted(at)}: give the batch and the classes that are to be shown")
        self.batch, self.classes, self.at, self.more = batch, classes, at, more
        self.shots: list[PromptShot] = []
        self._assigned: dict[int, npt.NDArray[np.int64]] = {}

    def __call__(self, learner: PromptingLearner, clock: Clock) -> None:
        """Look, after the step's losses."""
        self.learner = learner
        self._assigned[clock.epoch] = learner.assigned.cpu().numpy().copy()
        if self.batch is not None and clock.step in self.at:
            name = f"after {clock.step + 1} steps"
            self.shots.append(shoot(learner, self.batch, classes=self.classes, name=name, **self.more))

    @property
    def assigned(self) -> npt.NDArray[np.int64]:
        """(E, C, Q): in each epoch, how often each query got each class."""
        return np.stack([self._assigned[epoch] for epoch in sorted(self._assigned)])


class WatchedLearner(PromptingLearner):
    """The same learner bit for bit, with somebody who looks on. A run that is resumed is watched from there on.

    watch: called with the learner and the clock after the losses of each step; options: of `PromptingLearner`
    """

    def __init__(self, *, watch: Callable[[PromptingLearner, Clock], None], **options: Any) -> None:
        super().__init__(**options)
        self.watch = watch

    def forward(self, batch: Batch, clock: Clock) -> dict[str, Tensor]:
        terms = super().forward(batch, clock)
        self.watch(self, clock)
        return terms


def watched(run: Run, watch: Watch) -> Run:
    """A run of CPM, or of a variant, with `watch` looking on. Raises UserError for another method."""
    learner = run.recipe.learner
    if not isinstance(learner, partial) or learner.func is not PromptingLearner:
        raise UserError(f"{run.title} does not train a PromptingLearner; give a run of cpm")
    looking = partial(WatchedLearner, watch=watch, **learner.keywords)
    return replace(run, recipe=replace(run.recipe, learner=looking))
