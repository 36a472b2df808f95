"""A recipe that trains in a second: coloured squares, one of which beeps. Used by many tests.

Frame t shows a red square on the left and a blue one on the right; a low tone means red sounds, a
high tone blue. So the picture alone says nothing, and a linear model over (colour x tone) can learn it.
"""

from __future__ import annotations

import math
import os
import signal
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from avslib.audio.files import read_audio
from avslib.data.mini import Item
from avslib.data.registry import DataSpec, Wanted
from avslib.methods.method import Method, Optimiser, Pretraining, Published, Recipe, Schedule
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.metrics.protocols import AVSBenchBinary
from avslib.types import Batch, Clip, Prediction, ScoringProtocol

SIDE, SECONDS, RATE = 16, 2, 800


@dataclass(frozen=True)
class ToyScene:
    red: Tensor  # (T,) bool, who sounds in each second
    index: int

    @property
    def class_sounding(self) -> Tensor:
        return torch.stack([self.red, ~self.red], dim=1)

    def clip(self, sound: str = "right") -> Clip:
        frames = torch.zeros(SECONDS, 3, SIDE, SIDE, dtype=torch.uint8)
        frames[:, 0, 4:12, 1:7] = 255
        frames[:, 2, 4:12, 9:15] = 255
        labels = torch.zeros(SECONDS, SIDE, SIDE, dtype=torch.long)
        for t in range(SECONDS):
            labels[t, 4:12, slice(1, 7) if self.red[t] else slice(9, 15)] = 1
        hertz = torch.where(self.red ^ (sound == "visible"), 40.0, 200.0).repeat_interleave(RATE)
        wave = torch.sin(2 * math.pi * hertz * torch.arange(SECONDS * RATE) / RATE)[None]
        every = torch.ones(SECONDS, dtype=torch.bool)
        wave = wave * (sound != "silence")
        return Clip(frames, wave.float(), RATE, labels, every, every, f"toy{self.index}")


class ToyScenes:
    """Pure functions of the index; `file` is read for each clip, to see what a bad one does."""

    def __init__(self, length: int, seed: int, file: Path | None = None) -> None:
        self.length, self.seed, self.file = length, seed, file

    def __len__(self) -> int:
        return self.length

    def scene(self, index: int) -> ToyScene:
        generator = torch.Generator().manual_seed(self.seed * 10_000 + index)
        return ToyScene(torch.rand(SECONDS, generator=generator) < 0.5, index)

    def __getitem__(self, index: int) -> Clip:
        clip = self.scene(index).clip()
        if self.file and self.file.suffix == ".png":
            read_picture(self.file)
        elif self.file:
            clip = replace(clip, waveform=read_audio(self.file)[0])
        return clip


def read_picture(path: Path) -> None:
    words = dict.fromkeys(
        ("name", "instance", "medium", "source", "origin", "licence", "author", "sha256", "group"), ""
    )
    _ = Item(path=path, kind="background", families=frozenset(), edition=1, **words).picture


def tone(waveform: Tensor, sample_rate: int, frames: int) -> Tensor:
    """(A, S) -> (T, 1, 2, 1): energy below and above 100 Hz."""
    seconds = waveform.mean(0)[: frames * sample_rate].view(frames, sample_rate)
    spectrum = torch.fft.rfft(seconds).abs() / sample_rate  # 1 Hz a bin
    energy = torch.stack([spectrum[:, :100].sum(1), spectrum[:, 100:].sum(1)], dim=1)
    return energy.view(frames, 1, 2, 1)


class Hearing(nn.Module):
    dim = 4
    weights_origin = "random"

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, self.dim)

    def forward(self, sound: Tensor) -> Tensor:
        return torch.tanh(self.layer(sound.flatten(1))).unsqueeze(1)  # N L D


class ToyModel(nn.Module):
    """Colour times sound at every pixel, with dropout, so that the random streams matter."""

    def __init__(self, dropout: float = 0.1, classes: int = 1, pretrained: bool = True) -> None:
        super().__init__()
        self.dropout = dropout
        self.audio = Hearing()
        self.visual = nn.Conv2d(3, 4, 1)
        self.head = nn.Conv2d(4, classes, 1)

    def forward(self, batch: Batch) -> Prediction:
        B, T = batch.frames.shape[:2]
        pixels = self.visual(batch.frames.flatten(0, 1).float() / 255)  # N 4 H W
        heard = self.audio(batch.sound.flatten(0, 1)).mean(dim=1)  # N 4
        mixed = F.dropout(pixels * heard[:, :, None, None], self.dropout, self.training)
        return Prediction(self.head(mixed).unflatten(0, (B, T)))


def criterion(prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
    logits = prediction.logits[:, :, 0]
    target = batch.labels.float()
    return {
        "bce": F.binary_cross_entropy_with_logits(logits, target),
        "area": (logits.sigmoid() - target).mean(dim=(1, 2, 3)).abs().sum(),  # a sum over clips, on purpose
    }


def exploding(prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
    terms = criterion(prediction, batch)
    return {**terms, "area": terms["area"] / 0}


class KillAt:
    """A criterion that kills its process, as the kernel would, at its `call`-th call."""

    def __init__(self, call: int) -> None:
        self.call = call

    def __call__(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        self.call -= 1
        if self.call == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return criterion(prediction, batch)


class Foreground:
    """A toy protocol: foreground IoU over everything, and how many clips were counted."""

    name = "toy"

    def __init__(self) -> None:
        self.counts, self.clips = torch.zeros(2), 0

    def update(self, logits: Tensor, labels: Tensor, valid: Tensor | None = None) -> None:
        marked, true = logits[:, :, 0] > 0, labels != 0
        self.counts += torch.stack([(marked & true).sum(), (marked | true).sum()])
        self.clips += len(labels)

    def merge(self, other: Foreground) -> None:
        self.counts, self.clips = self.counts + other.counts, self.clips + other.clips

    def compute(self) -> dict[str, float]:
        return {"IoU": float(self.counts[0] / self.counts[1].clamp(min=1)), "clips": float(self.clips)}


def read(data: str, wanted: Wanted) -> ToyScenes:
    which = ("train", "val", "test").index(wanted.split)
    file = Path(os.environ["TOY_FILE"]) if data == "toy/file" else None
    return ToyScenes(wanted.length, wanted.seed + 100 * which, file)


def criterion_or_accident(data: str) -> object:
    if data == "toy/killed" and os.environ.get("TOY_KILL_AT"):
        return KillAt(int(os.environ["TOY_KILL_AT"]))
    return exploding if data == "toy/exploding" else criterion


def protocols(data: str) -> list[ScoringProtocol]:
    batched = [AVSBenchBinary(frames_per_batch=8)] if data == "toy/plain" else []  # 7 clips of 2 frames
    return [Foreground(), *batched]


def recipe(data: DataSpec, changes: object) -> Recipe:
    plan = Schedule(
        model=partial(ToyModel, dropout=0.0 if data.name == "toy/plain" else 0.1),
        optimiser=Optimiser("adamw", lr=0.05, weight_decay=0.01, lr_scale={"audio.": 0.5}),
        epochs=3,
        steps_per_epoch=4,
        batch_size=4,
        size=SIDE,
        clips={"train": 24, "val": 6, "test": 7},
        decay="cosine",
        warmup_steps=2,
        clip_norm=1.0,
        frozen_epochs=1,
        pretraining=Pretraining(audio_steps=3, audio_batch=4, audio_scenes=24),
    )
    longer = replace(plan, epochs=4, steps_per_epoch=50, clips={"train": 200, "val": 6, "test": 7})
    if data.name == "toy/endless":
        longer = replace(longer, epochs=10_000)
    return Recipe(
        front_end=lambda: tone,
        criterion=partial(criterion_or_accident, data.name),
        loss_weights={"bce": 1.0, "area": 0.05},
        schedules={"smoke": plan, "reduced": longer},
        summed=("area",),
    )


DATASETS = {
    name: DataSpec(name, "toy", 1, partial(read, name), partial(protocols, name), composed=True)
    for name in ("toy", "toy/file", "toy/killed", "toy/plain", "toy/exploding", "toy/endless")
}
METHOD = Method(
    name="toy", title="Toy", paper="none", build=ToyModel, recipe=recipe,
    published=(Published("toy", "none", {"IoU": 1.0}, "invented"),),
)  # fmt: skip


def toy_run(data: str = "toy", schedule: str = "smoke", **options: Any) -> Run:
    return find_run(METHOD, DATASETS[data], schedule, **options)


def with_plan(run: Run, **changes: Any) -> Run:
    """`run` with another schedule under the same name."""
    plan = replace(run.plan, **changes)
    return replace(run, recipe=replace(run.recipe, schedules={run.schedule: plan}))
