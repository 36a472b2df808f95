"""CPM put together from its parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from avslib.methods.cpm.decoder import MixtureClassifier
from avslib.methods.cpm.mixtures import ClassMixtures
from avslib.methods.cpm.model import CPM
from avslib.methods.cpm.sound_map import VGGishSoundMap
from avslib.methods.networks import Encoders

ENCODERS = Encoders(audio=VGGishSoundMap)
"""Ours: the paper names the ResNet-50 and no audio network."""


def build(
    *,
    visual: nn.Module,
    audio: nn.Module,
    classes: int = 1,
    passes: Sequence[str] = ("vcp", "acp", "pcl"),
    components: int | None = 3,
    gain: float | None = None,
    mixture: dict[str, Any] | None = None,
    queries: int = 100,
    dim: int = 256,
    **sizes: Any,
) -> CPM:
    """The model, put together. `sizes` are explained at the model.

    passes:     of `PromptingLearner`: "acp" and "pcl" need masks of the spectrogram
    components: Gaussians a class; None: a linear classifier
    gain:       see `MixtureClassifier`
    mixture:    of `ClassMixtures`, what is to be other than its defaults
    """
    classify = None
    if components is not None:
        mixtures = ClassMixtures(
            classes=max(2, classes) + 1, components=components, dim=dim, **(mixture or {})
        )
        classify = MixtureClassifier(mixtures, gain=gain)
    sound = {"audio_dim": int(getattr(audio, "dim", 256)), "sound_grid": getattr(audio, "grid", (24, 16))}
    return CPM(
        visual=visual, audio=audio, classify=classify, sound_masks=bool({"acp", "pcl"} & set(passes)),
        classes=classes, queries=queries, dim=dim, **{**sound, **sizes},
    )  # fmt: skip
