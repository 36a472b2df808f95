"""A method that needs all of the contract at once, on the toy's scenes.

It keeps a bank of sounds in a buffer, gathered over processes and updated every third step; looks at each batch a
second time with other clips' sounds; learns a temperature; starts one term after a warm-up; supervises three
layers; reads `Clip.extras`; mirrors its training clips; and decays its rate polynomially, norms not at all.
"""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from functools import partial
from typing import Any

import torch
import torch.distributed as distributed
import toy
from torch import Tensor, nn
from torch.nn import functional as F

from avslib.data.loading.augment import random_mirror
from avslib.data.registry import DataSpec, Wanted
from avslib.methods.learner import Clock, Learner, gathered
from avslib.methods.method import Method, Optimiser, Recipe, Schedule
from avslib.methods.segmenter import Segmenter
from avslib.types import Batch, Clip, Criterion, Prediction

WARMUP, EVERY, LAYERS, DIM = 4, 3, 3, 4


class Scenes(toy.ToyScenes):
    """Who sounds, red or blue, travels with the clip. own_sizes: the pictures' widths differ."""

    def __init__(self, length: int, seed: int, *, own_sizes: bool) -> None:
        super().__init__(length, seed)
        self.own_sizes = own_sizes

    def __getitem__(self, index: int) -> Clip:
        clip, width = super().__getitem__(index), toy.SIDE - index % 3 * self.own_sizes
        return replace(
            clip, extras={"red": self.scene(index).red}, frames=clip.frames[..., :width], labels=clip.labels[..., :width]
        )  # fmt: skip


class Model(Segmenter):
    """Colour times sound, three times over; every time is supervised."""

    def __init__(
        self, *, dropout: float = 0.0, classes: int = 1, pretrained: bool = True, **encoders: Any
    ) -> None:
        super().__init__()
        self.dropout, self.audio, self.visual = dropout, toy.Hearing(), nn.Conv2d(3, DIM, 1)
        self.norm = nn.LayerNorm(DIM)
        self.heads = nn.ModuleList(nn.Conv2d(DIM, classes, 1) for _ in range(LAYERS))

    def segment(self, frames: Tensor, tokens: Tensor, valid: Tensor) -> Prediction:
        sound = self.norm(tokens.mean(dim=2))  # B T D
        pixels = self.visual(frames.flatten(0, 1).float() / 255)  # N D H W
        mixed = pixels * sound.flatten(0, 1)[:, :, None, None]
        mixed = F.dropout(mixed, self.dropout, self.training)
        *inner, last = (head(mixed).unflatten(0, valid.shape) for head in self.heads)  # B T K H W
        return Prediction(last, {"sound": sound}, tuple({"logits": logits} for logits in inner))


def criterion(prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
    target = batch.labels.float()[:, :, None]
    every = [*(layer["logits"] for layer in prediction.layers), prediction.logits]
    return {"bce": torch.stack([F.binary_cross_entropy_with_logits(x, target) for x in every]).mean()}


class BankLearner(Learner):
    """The method's state and its second look."""

    bank: Tensor

    def __init__(self, *, model: nn.Module, criterion: Criterion) -> None:
        super().__init__(model=model, criterion=criterion)
        self.temperature = nn.Parameter(torch.tensor(1.0))
        self.register_buffer("bank", torch.zeros(2, DIM))

    def forward(self, batch: Batch, clock: Clock) -> dict[str, Tensor]:
        if clock.step == int(os.environ.get("TOY_KILL_AT", -1)):
            os.kill(os.getpid(), signal.SIGKILL)
        prediction: Prediction = self.model(batch)
        terms = self.loss(prediction, batch)
        shuffled = replace(batch, sound=neighbours(batch.sound))
        terms["apart"] = self.model(shuffled).logits.sigmoid().mean() * 0.1
        sound, label = prediction.extras["sound"].flatten(0, 1), batch.extras["red"].flatten().long()
        if clock.step >= WARMUP:
            likeness = (
                sound @ self.bank.clone().T * self.temperature
            )  # N 2; cloned, because it is updated below
            terms["contrast"] = F.cross_entropy(likeness, label)
        if clock.step % EVERY == EVERY - 1:
            sounds, labels = gathered(sound), gathered(label)
            means = [sounds[labels == k].mean(0) if (labels == k).any() else self.bank[k] for k in (0, 1)]
            self.bank.lerp_(torch.stack(means), 0.5)
        return terms


def neighbours(sound: Tensor) -> Tensor:
    """Every clip with the sound of the next one, over all processes: (B, ...) -> (B, ...)."""
    everyone = gathered(sound).roll(1, dims=0)
    rank = distributed.get_rank() if distributed.is_initialized() else 0
    return everyone[rank * len(sound) : (rank + 1) * len(sound)]


def recipe(data: DataSpec, changes: object) -> Recipe:
    plan = Schedule(
        model=partial(Model, dropout=0.1 if data.name == "stateful" else 0.0),
        optimiser=Optimiser(
            "adamw",
            lr=0.05,
            weight_decay=0.1,
            lr_scale={"audio.": 0.5, "temperature": 2.0},
            decay_norms=False,
        ),
        epochs=3,
        steps_per_epoch=4,
        batch_size=4,
        size=toy.SIDE,
        clips={"train": 24, "val": 6, "test": 7},
        augment=random_mirror,
        decay="polynomial",
        warmup_steps=2,
        test_batch_size=3,
    )
    longer = replace(plan, epochs=4, steps_per_epoch=50, clips={"train": 200, "val": 6, "test": 7})
    return Recipe(
        front_end=lambda: toy.tone,
        criterion=lambda: criterion,
        loss_weights={"bce": 1.0, "apart": 1.0, "contrast": 0.1},
        schedules={"smoke": plan, "reduced": longer},
        learner=BankLearner,
    )


def read(wanted: Wanted) -> Scenes:
    which = ("train", "val", "test").index(wanted.split)
    return Scenes(wanted.length, wanted.seed + 100 * which, own_sizes=wanted.size is None)


DATASETS = {
    name: DataSpec(name, "toy", 1, read, partial(toy.protocols, "toy/plain"), composed=True)
    for name in ("stateful", "stateful/plain")
}
METHOD = Method(name="stateful", title="Stateful", paper="none", build=Model, recipe=recipe)
