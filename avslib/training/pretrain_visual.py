"""Pretraining of the visual encoder: which class is where, without any sound.

The published models start from encoders that know hundreds of thousands of pictures. The small encoder of
the reduced schedule knows ImageNet at another size and has never cut anything out; before it meets sound it
learns what the objects of AVS-Mini look like, silent ones included.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from avslib.data.loading.order import BatchOrder
from avslib.methods.method import Optimiser
from avslib.training.optimiser import build_optimiser, pretraining_rate, set_learning_rate


class SeenScene(Protocol):
    """A scene with its `picture` (3, H, W) uint8 and `class_map` (H, W): the class of every pixel."""

    @property
    def picture(self) -> Any: ...

    @property
    def class_map(self) -> Any: ...


class SeenScenes(Protocol):
    """`len(scenes)`, `scenes.scene(i)` and the class names."""

    classes: tuple[str, ...]

    def __len__(self) -> int: ...

    def scene(self, index: int) -> SeenScene: ...


OPTIMISER = Optimiser("adamw", lr=3e-3, weight_decay=0.02, lr_scale={"0.": 0.1})
BACKGROUND_WEIGHT = 0.3
STRIDE = 8


def pretrain_visual(
    encoder: nn.Module, scenes: SeenScenes, *, steps: int, batch: int, seed: int, bar: bool = False
) -> list[float]:
    """Train the maps of `encoder` from stride 8 on for `steps` of `batch` scenes; the loss of each step.

    One 1x1 convolution a map, thrown away afterwards, and their sum names the class of each pixel at stride
    8: background, a sounding class, or any other object (cross-entropy). A pure function of the encoder's
    weights and `seed`. `bar` shows progress.
    """
    device = next(encoder.parameters()).device
    classes = len(scenes.classes) + 2  # background, ..., any other object
    channels = cast("list[int]", encoder.channels)[1:]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = nn.ModuleList(nn.Conv2d(c, classes, 1) for c in channels).to(device)
    optimiser = build_optimiser(nn.ModuleList([encoder, heads]), OPTIMISER)
    weight = torch.ones(classes, device=device)
    weight[0] = BACKGROUND_WEIGHT
    order = BatchOrder(
        clips=len(scenes), batch_size=min(batch, len(scenes)), epochs=steps, steps_per_epoch=1, seed=seed + 2
    )
    history: list[float] = []
    encoder.train()
    for step, indices in enumerate(tqdm(order, desc="pretraining, visual", disable=not bar)):
        set_learning_rate(optimiser, pretraining_rate(OPTIMISER, step, steps))
        pictures, target = pictures_and_classes([scenes.scene(index) for index in indices])
        maps = encoder(pictures.to(device))[1:]
        loss = F.cross_entropy(_names(heads, maps), target.to(device), weight=weight)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        history.append(loss.item())
    encoder.zero_grad()  # else the last step's gradient goes into the first step of what comes next
    return history


def _names(heads: nn.ModuleList, maps: list[Tensor]) -> Tensor:
    """The heads' answers, summed at the finest map: (N, K, h, w)."""
    size = maps[0].shape[-2:]
    answers = [F.interpolate(head(x), size, mode="bilinear") for head, x in zip(heads, maps)]
    return torch.stack(answers).sum(dim=0)


def pictures_and_classes(scenes: list[SeenScene]) -> tuple[Tensor, Tensor]:
    """Pictures (N, 3, H, W) uint8 and the class in the middle of every 8x8 block, (N, ceil(H/8), ceil(W/8))."""
    pictures = torch.stack([torch.as_tensor(scene.picture) for scene in scenes])
    target = torch.stack([torch.as_tensor(scene.class_map) for scene in scenes])
    middle = STRIDE // 2
    padded = F.pad(target, (0, -target.shape[-1] % STRIDE, 0, -target.shape[-2] % STRIDE))
    return pictures, padded[:, middle::STRIDE, middle::STRIDE].long()
