"""Pretraining of the encoders, as a schedule asks for it, before the first step."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from avslib.methods.run import Run, described
from avslib.training.pretrain_audio import SoundingScenes, pretrain_audio
from avslib.training.pretrain_cache import Pretrained, pretrained_once
from avslib.training.pretrain_visual import SeenScenes, pretrain_visual


def pretrain_encoders(run: Run, model: nn.Module, *, fresh: bool, bar: bool = False) -> Pretrained:
    """Pretrain `model.visual` and `model.audio`, or take both from the cache; what that cost.

    fresh: False for a resumed run, which has the result in its checkpoint
    bar:   show progress

    The result is the same for all methods whose encoders begin alike: it depends neither on the model around them
    nor on what was drawn at random before.
    """
    asked, spent = run.plan.pretraining, Pretrained()
    if asked.visual_steps:
        visual = cast(nn.Module, model.visual)
        _tell(visual, f"{asked.visual_steps} steps on the training pictures' classes")
        if fresh:
            spent += _see(run, visual, bar)
    if asked.audio_steps and not run.sound_blind:
        audio = pooled_encoder(cast(nn.Module, model.audio))
        _tell(audio, f"{asked.audio_steps} steps on the training recordings' classes")
        if fresh:
            spent += _hear(run, audio, bar)
    return spent


def pooled_encoder(audio: nn.Module) -> nn.Module:
    """The encoder of one token a sound, which all methods pretrain alike: of a map (CPM's) the one it is built on."""
    return cast(nn.Module, getattr(audio, "pooled", audio))


def _see(run: Run, visual: nn.Module, bar: bool) -> Pretrained:
    asked = run.plan.pretraining
    scenes = cast(SeenScenes, run.clips("train", size=asked.visual_size))
    decided = {
        **_shared(run), "steps": asked.visual_steps, "batch": asked.visual_batch, "size": asked.visual_size,
        "scenes": _sampled(len(scenes), scenes.scene, lambda s: (s.picture, s.class_map)),
    }  # fmt: skip

    def pretrain() -> None:
        with _own_randomness(run.seed, visual):
            pretrain_visual(
                visual, scenes, steps=asked.visual_steps, batch=asked.visual_batch, seed=run.seed, bar=bar
            )

    return pretrained_once(visual, "visual", decided, pretrain)


def _hear(run: Run, audio: nn.Module, bar: bool) -> Pretrained:
    asked = run.plan.pretraining
    # Nobody looks: the smallest picture is composed fastest.
    scenes = cast(SoundingScenes, run.clips("train", size=32, length=asked.audio_scenes))
    decided = {
        **_shared(run), "steps": asked.audio_steps, "batch": asked.audio_batch,
        "front end": described(run.front_end()),
        "scenes": _sampled(len(scenes), scenes.scene, lambda s: (s.clip().waveform, s.class_sounding)),
    }  # fmt: skip

    def pretrain() -> None:
        with _own_randomness(run.seed, audio):
            pretrain_audio(
                audio, scenes, run.front_end(), steps=asked.audio_steps, batch=asked.audio_batch,
                seed=run.seed, bar=bar,
            )  # fmt: skip

    return pretrained_once(audio, "audio", decided, pretrain)


def _shared(run: Run) -> dict[str, Any]:
    return {
        "data": run.data.name, "fold": run.fold, "seed": run.seed, "channels last": run.plan.channels_last,
        "device": str(torch.accelerator.current_accelerator() or "cpu"),
    }  # fmt: skip


def _sampled(
    count: int, scene: Callable[[int], Any], read: Callable[[Any], tuple[Any, ...]]
) -> dict[str, Any]:
    """How many scenes there are, and a hash of three of them: other data under an old name is other data."""
    found = hashlib.sha256()
    for index in sorted({0, count // 2, count - 1}):
        for part in read(scene(index)):
            found.update(np.ascontiguousarray(part).tobytes())
    return {"count": count, "sample": found.hexdigest()}


@contextmanager
def _own_randomness(seed: int, encoder: nn.Module) -> Iterator[None]:
    device = next(encoder.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _tell(encoder: nn.Module, pretraining: str) -> None:
    encoder.weights_origin = f"{encoder.weights_origin}, then {pretraining}"  # type: ignore[assignment]
