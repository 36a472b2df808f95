"""Pretraining of the encoders, as a schedule asks for it, before the first step."""

from __future__ import annotations

from typing import cast

from torch import nn

from avslib.methods.run import Run
from avslib.training.pretrain_audio import SoundingScenes, pretrain_audio
from avslib.training.pretrain_visual import SeenScenes, pretrain_visual


def pretrain_encoders(run: Run, model: nn.Module, *, fresh: bool) -> None:
    """Pretrain `model.visual` and `model.audio`. A resumed run (not `fresh`) has the result in its checkpoint."""
    asked = run.plan.pretraining
    if asked.visual_steps:
        visual = cast(nn.Module, model.visual)
        _tell(visual, f"{asked.visual_steps} steps on the training pictures' classes")
        if fresh:
            scenes = cast(SeenScenes, run.clips("train"))
            pretrain_visual(visual, scenes, steps=asked.visual_steps, batch=asked.visual_batch, seed=run.seed)
    if asked.audio_steps and not run.sound_blind:
        audio = cast(nn.Module, model.audio)
        _tell(audio, f"{asked.audio_steps} steps on the training recordings' classes")
        if fresh:
            # Nobody looks: the smallest picture is composed fastest.
            heard = cast(SoundingScenes, run.clips("train", size=32, length=asked.audio_scenes))
            pretrain_audio(
                audio, heard, run.front_end(), steps=asked.audio_steps, batch=asked.audio_batch, seed=run.seed
            )


def _tell(encoder: nn.Module, pretraining: str) -> None:
    encoder.weights_origin = f"{encoder.weights_origin}, then {pretraining}"  # type: ignore[assignment]
