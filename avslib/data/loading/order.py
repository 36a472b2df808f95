"""Which clips each step sees: a pure function of (seed, step), whatever the processes and workers."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from avslib.data.loading.augment import Augmented
from avslib.errors import UserError, check_number, one_line
from avslib.types import Batch, Clip, Clips


class BatchOrder(Sampler[list[int]]):
    """The index batches of a whole run, from step `start` on, so that a resumed run decodes nothing twice.

    Each epoch is its own seeded permutation of the clips; the last partial batch is dropped. `batch_size`
    counts the clips of all processes together: process `rank` of `world` takes its equal, contiguous share,
    so that one process and eight take the same steps.

    with_epoch: yield (epoch, index) in place of the index, as `Augmented` is asked

    Raises UserError when an epoch asks for more clips than there are, or the shares are not whole.
    """

    def __init__(
        self,
        *,
        clips: int,
        batch_size: int,
        epochs: int,
        steps_per_epoch: int | None,
        seed: int,
        start: int = 0,
        rank: int = 0,
        world: int = 1,
        with_epoch: bool = False,
    ) -> None:
        self.steps_per_epoch = steps_per_epoch or clips // batch_size
        if self.steps_per_epoch < 1 or self.steps_per_epoch * batch_size > clips:
            raise UserError(
                f"{max(self.steps_per_epoch, 1)} steps of {batch_size} clips do not fit in {clips} training "
                "clips; lower the batch size or the steps per epoch"
            )
        if batch_size % world:
            raise UserError(
                f"a batch of {batch_size} clips does not divide over {world} processes; change one of them"
            )
        self.clips, self.batch_size, self.seed = clips, batch_size, seed
        self.start, self.total = start, epochs * self.steps_per_epoch
        self.rank, self.world, self.with_epoch = rank, world, with_epoch

    def __len__(self) -> int:
        return self.total - self.start

    def __iter__(self) -> Iterator[list[int]]:
        share = self.batch_size // self.world
        epoch, order = -1, torch.empty(0)
        for step in range(self.start, self.total):
            if step // self.steps_per_epoch != epoch:
                epoch = step // self.steps_per_epoch
                generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
                order = torch.randperm(self.clips, generator=generator)
            first = (step % self.steps_per_epoch) * self.batch_size + self.rank * share
            indices: list[int] = order[first : first + share].tolist()
            yield cast("list[int]", [(epoch, index) for index in indices]) if self.with_epoch else indices


def evaluation_order(
    clips: int, batch_size: int, rank: int = 0, world: int = 1, *, together: int = 1
) -> list[list[int]]:
    """Index batches in natural order; process `rank` gets the `rank`-th of `world` runs of neighbours.

    together: clips that must not be parted, counted from the first, because a protocol scores them as one
              batch. A process's run may be shorter than another's, or empty.
    """
    groups = -(-clips // together)
    first = groups * rank // world * together
    last = min(clips, groups * (rank + 1) // world * together)
    return [list(range(at, min(at + batch_size, last))) for at in range(first, last, batch_size)]


def load(
    clips: Clips | Augmented,
    order: Sampler[list[int]] | list[list[int]],
    collate: Callable[[list[Clip]], Batch],
    workers: int = 0,
) -> Iterator[Batch]:
    """The batches of `order`. A UserError raised in a worker arrives as the one line it was.

    Raises UserError for a number of workers below 0, and for what cannot be sent to one.
    """
    check_number("workers", workers, 0)
    loader = DataLoader(
        cast("Dataset[Clip]", clips),
        batch_sampler=order,
        collate_fn=collate,
        num_workers=workers,
        generator=torch.Generator(),  # else each new iterator draws from the global stream and shifts it
    )
    try:
        yield from loader
    except (pickle.PicklingError, AttributeError) as error:
        if "pickle" not in str(error):
            raise
        raise UserError(
            f"{one_line(str(error))}: workers are sent the data and the front end; define it at the top of a module, "
            "or use --workers 0"
        ) from None
    except UserError as error:
        last_line = str(error).strip().splitlines()[-1]  # a worker sends its traceback as the message
        raise UserError(last_line.removeprefix("avslib.errors.UserError: ")) from None
