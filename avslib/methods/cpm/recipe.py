"""CPM's numbers, most of them ours: the code is not public, and the training details are in a supplement that is not either.

    avslib train cpm --data mini/avss --schedule smoke       seconds, any machine: does it run?
    avslib train cpm --data mini/avss --schedule reduced     minutes on a CPU
    avslib train cpm --data mini/avss --schedule full        the paper's setting on AVS-Mini, one GPU; not run

and so every other data set. `avslib train cpm-baseline --data mini/avss` trains a row of Table 4 or 5, and so the others.

    full            224 pixels, ResNet-50 (Table 1)
    full-original   crops of 512 pixels, scored at each picture's own size, frame by frame (Tables 2 to 5)

The optimiser and the weights of the losses are Mask2Former's; how long and with what crops is CAVP's, by the same
authors. Chapter 10 has a table of all that the paper leaves open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from avslib.audio.frontends import CavpLogMel, VGGishLogMel
from avslib.data.loading.augment import random_mirror
from avslib.data.registry import DataSpec
from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.losses.set_criterion import SetCriterion
from avslib.methods.cpm.build import ENCODERS, build
from avslib.methods.cpm.learner import PromptingLearner
from avslib.methods.cpm.sound_map import ResNetSoundMap, SmallSoundMap
from avslib.methods.cpm.spectrogram import CAVP, VGGISH
from avslib.methods.method import Optimiser, Published, Recipe, Schedule
from avslib.methods.networks import Encoders, paper_model, small_model
from avslib.methods.schedules import compare, full, reduced, smoke
from avslib.metrics.coverage import Coverage

PASSES = ("vcp", "acp", "pcl")

TABLE_4: dict[str, dict[str, Any]] = {
    "baseline": {"components": None, "passes": ()},
    "ccdm": {"passes": ()},
    "vcp": {"passes": ("vcp",)},
    "acp": {"passes": ("acp",)},
    "vcp-acp": {"passes": ("vcp", "acp")},
}
"""Row -> what it changes in `build`. The first is the paper's AVSegFormer*: AVSegFormer's aim on Mask2Former's base."""

TABLE_5: dict[str, dict[str, Any]] = {
    "points": {"components": None},
    "components-1": {"components": 1},
    "components-5": {"components": 5},
    "components-7": {"components": 7},
}

VARIANTS = TABLE_4 | TABLE_5

PUBLISHED = tuple(
    Published(data, "ResNet-50", {"mIoU": miou, "F": f}, source, schedule)
    for data, miou, f, source, schedule in (
        ("avsbench/s4", 0.8764, 0.9353, "paper, Table 1: per dataset, 224 pixels", "full"),
        ("avsbench/ms3", 0.6522, 0.7522, "paper, Table 1: per dataset, 224 pixels", "full"),
        ("avss", 0.4839, 0.6401, "paper, Table 1: per dataset, 224 pixels", "full"),
        ("avss", 0.5725, 0.7054, "paper, Table 2: per dataset, original resolution", "full-original"),
        ("vpo-ss", 0.6709, 0.7988, "paper, Table 3: per dataset, original resolution", "full-original"),
        ("vpo-ms", 0.6591, 0.7990, "paper, Table 3: per dataset, original resolution", "full-original"),
        ("vpo-msmi", 0.6055, 0.7558, "paper, Table 3: per dataset, original resolution", "full-original"),
    )
)  # fmt: skip

MASK2FORMER = {"class": 2.0, "mask": 5.0, "dice": 5.0}
MIXTURE: dict[str, Any] = {"start": "random", "about": "mean", "covariance_momentum": 0.999}
CLASSIFIER: dict[str, Any] = {"gain": 1.0, "mixture": MIXTURE}
"""What equation 1 needed here to be learned (LOG). Gain and random means are of GMMSeg, the code that the paper cites; that all
parameters have momentum is the paper's sentence."""
LAMBDA = 1.0
"""The weight of all that prompts do. The paper has the letter."""


def weights(passes: tuple[str, ...], own: Mapping[str, float] = MASK2FORMER) -> dict[str, float]:
    """Of every term that occurs with these passes."""
    prompted = (
        {f"prompted {name}": LAMBDA * weight for name, weight in own.items()} if "vcp" in passes else {}
    )
    sounds = {"acp": "recovery", "pcl": "contrast"}
    return {**own, **prompted, **{term: LAMBDA for name, term in sounds.items() if name in passes}}


def recipe(data: DataSpec, changes: Mapping[str, Any]) -> Recipe:
    """CPM for `data`, or one of its variants."""
    passes, vpo = tuple(changes.get("passes", PASSES)), data.task.startswith("vpo")
    ears, seconds = data.sound_channels, int(data.sound_seconds)
    front_end = partial(CavpLogMel, seconds=seconds, channels=ears) if vpo else VGGishLogMel
    learner = partial(PromptingLearner, scale=CAVP if vpo else VGGISH, passes=passes)
    short: dict[str, Any] = {
        "model": partial(SMALL, audio=small_ear(ears, seconds) if vpo else small_ear()),
        "criterion": partial(SetCriterion, points=512), "loss_weights": weights(passes),
    }  # fmt: skip
    clips = LONG if data.task == "avss" else REDUCED.clips
    small = replace(REDUCED, **short, clips=clips)
    encoders = (
        Encoders(audio=partial(ResNetSoundMap, channels=ears, size=windows(seconds))) if vpo else ENCODERS
    )
    plan = replace(FULL, model=partial(paper_model, network=build, encoders=encoders, **CLASSIFIER))
    return Recipe(
        front_end=front_end,
        criterion=partial(SetCriterion, focal=2.0),
        loss_weights=weights(passes),
        schedules={
            "smoke": replace(SMOKE, **short), "reduced": small, "compare": compare(small), "full": plan,
            "full-original": replace(plan, size=512, test_size="own"),
        },
        learner=learner,
        scorers=(partial(Coverage, classes=max(2, data.classes)),),
    )  # fmt: skip


def small_ear(channels: int = 1, seconds: int = 0) -> Any:
    """() -> the sound's map for schedules of minutes; with seconds it hears `CavpLogMel`, else `VGGishLogMel`."""
    units = {"silence": -1.0, "jitter": 0.09} if seconds else {}
    return partial(small_sound_map, channels=channels, size=windows(seconds), **units)


def small_sound_map(*, size: tuple[int, int], **pooled: Any) -> SmallSoundMap:
    """Over a `SmallAudioEncoder` with these arguments."""
    return SmallSoundMap(pooled=SmallAudioEncoder(**pooled), size=size)


def windows(seconds: int) -> tuple[int, int]:
    """(F, M) of the front ends' pictures."""
    return (100 * seconds if seconds > 1 else 96, 64)


LONG = {"train": 16000, "val": 24, "test": 100, "test-seen": 100}
"""Scenes of AVSS have ten seconds, others five: half as many."""

SMALL = partial(
    small_model, network=build, queries=12, dim=64, heads=4, audio_layers=1, layers=3, hidden=128, pixel_layers=1,
    pixel_hidden=128, gain=3.0, mixture=MIXTURE | {"momentum": 0.99, "covariance_momentum": 0.99},
)  # fmt: skip
SMOKE = smoke(SMALL)
REDUCED: Schedule = reduced(
    SMALL,
    optimiser=Optimiser("adamw", lr=2e-3, weight_decay=0.02, lr_scale={"visual.": 0.2, "audio.pooled.": 0.5}),
    epochs=4,
    steps_per_epoch=45,
    batch_size=8,
    size=128,
)
FULL = full(
    paper_model,
    optimiser=Optimiser("adamw", lr=1e-4, weight_decay=0.05, lr_scale={"visual.": 0.1}, decay_norms=False),
    epochs=80,
    batch_size=16,
    clips={"train": 4000, "val": 200, "test": 400, "test-seen": 400},
    decay="polynomial",
    clip_norm=0.01,
    augment=random_mirror,
)
