"""Pretraining of the audio encoder: to name what sounds, before it helps to segment.

The published methods start from a VGGish that was trained on millions of labelled clips. Where no
such weights can be had, a few hundred steps on the training recordings stand in for it; the ledger
then says so under the weights' origin.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from avslib.data.loading.order import BatchOrder
from avslib.methods.method import Optimiser
from avslib.training.optimiser import build_optimiser, pretraining_rate, set_learning_rate
from avslib.types import Clip, FrontEnd


class SoundingScene(Protocol):
    """A scene that says which classes sound in each second: `class_sounding` (T, K), a bool array."""

    @property
    def class_sounding(self) -> Any: ...

    def clip(self) -> Clip: ...


class SoundingScenes(Protocol):
    """`len(scenes)` and `scenes.scene(i)`."""

    def __len__(self) -> int: ...

    def scene(self, index: int) -> SoundingScene: ...


OPTIMISER = Optimiser("adamw", lr=3e-3, weight_decay=0.02)
POSITIVE_WEIGHT = 2.0  # most classes are silent in most seconds


def pretrain_audio(
    encoder: nn.Module,
    scenes: SoundingScenes,
    front_end: FrontEnd,
    *,
    steps: int,
    batch: int,
    seed: int,
    bar: bool = False,
) -> list[float]:
    """Train `encoder` (N, A, F, M) -> (N, L, D) for `steps` of `batch` scenes; returns the loss of each step.

    A linear layer on top, thrown away afterwards, answers for each second and each class whether it
    sounds (binary cross-entropy). Composing a scene costs more than learning from it, so each is composed
    once, kept (25 kB a second) and heard many times. A pure function of the encoder's weights and `seed`:
    a resumed run takes the result from its checkpoint. `bar` shows progress.
    """
    device = next(encoder.parameters()).device
    order = BatchOrder(
        clips=len(scenes), batch_size=min(batch, len(scenes)), epochs=steps, steps_per_epoch=1, seed=seed + 1
    )
    classes = scenes.scene(0).class_sounding.shape[-1]
    head = nn.Linear(int(encoder.dim), classes).to(device)  # type: ignore[arg-type]
    optimiser = build_optimiser(nn.ModuleList([encoder, head]), OPTIMISER)
    weight = torch.full((classes,), POSITIVE_WEIGHT, device=device)
    history: list[float] = []
    heard = cache(lambda index: sounds_and_classes([scenes.scene(index)], front_end))
    encoder.train()
    for step, indices in enumerate(tqdm(order, desc="pretraining, audio", disable=not bar)):
        set_learning_rate(optimiser, pretraining_rate(OPTIMISER, step, steps))
        sound, target = map(torch.cat, zip(*map(heard, indices)))
        answer = head(encoder(sound.to(device)).mean(dim=1))  # N K
        loss = F.binary_cross_entropy_with_logits(answer, target.to(device), pos_weight=weight)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        history.append(loss.item())
    encoder.zero_grad()  # else the last step's gradient goes into the first step of what comes next
    return history


def sounds_and_classes(scenes: list[SoundingScene], front_end: FrontEnd) -> tuple[Tensor, Tensor]:
    """Every second of every scene: its sound (N, A, F, M), and which classes make it (N, K) float."""
    sounds, targets = [], []
    for scene in scenes:
        clip, sounding = scene.clip(), scene.class_sounding  # (T, K)
        sounds.append(front_end(clip.waveform, clip.sample_rate, frames=len(sounding)))  # (T, A, F, M)
        targets.append(torch.as_tensor(sounding, dtype=torch.float32))
    return torch.cat(sounds), torch.cat(targets)
