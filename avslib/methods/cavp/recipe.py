"""CAVP's numbers.

    avslib train cavp --data mini/vpo-ms --schedule smoke       seconds, any machine: does it run?
    avslib train cavp --data mini/vpo-ms --schedule reduced     minutes on a CPU
    avslib train cavp --data mini/vpo-ms --schedule full        the paper's setting on AVS-Mini, one GPU; not run

and so every other data set. Sound is stereo where the data has it (VPO), else the mean of both ears.

    full, full-pvt            the paper: D-ResNet50, PVTv2-B5; 224 pixels (its Table 1)
    full-original             crops of 512 pixels, scored at each picture's own size, frame by frame (Tables 3, 4)
    authors, authors-pvt      the code: pyramid and head learn ten times as fast, classes with few pixels give none.
                              Its audio encoder has Adam at a constant rate; here it shares SGD

`avslib train cavp-softmax --data mini/vpo-ms` trains a row of Fig. 6 (`FIGURE_6`), `cavp-supcon` one of Table 5 or 6,
or what Fig. 7 compares (`TRAINING`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from avslib.audio.frontends import CavpLogMel
from avslib.data.loading.augment import random_mirror
from avslib.data.registry import DataSpec
from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.methods.cavp.build import ENCODERS, build, dilated, two_ears
from avslib.methods.cavp.criterion import CAVPCriterion
from avslib.methods.cavp.learner import PairingLearner
from avslib.methods.learner import Learner
from avslib.methods.method import Optimiser, Published, Recipe, Schedule
from avslib.methods.networks import Encoders, paper_model, small_model
from avslib.methods.schedules import compare, full, reduced, smoke

FIGURE_6: dict[str, dict[str, Any]] = {
    "softmax": {"activation": "softmax"},
    "min-max": {"activation": "min-max"},
    "channel": {"activation": "channel"},
}
"""Activation of the attention -> what it changes in the model."""

TRAINING: dict[str, dict[str, Any]] = {
    "no-contrast": {"contrast": None},
    "supcon": {"contrast": "supcon"},
    "matching-10": {"matching": 0.1},
    "matching-90": {"matching": 0.9},
    "mono": {"channels": 1},
}
"""Rows of Table 5 (rows 2 and 3), Table 6 (how many of the mismatched pairs are made to match) and Fig. 7."""

PUBLISHED = tuple(
    Published(data, "ResNet-50", dict(zip(("mIoU", "F", "FDR"), numbers)), source, schedule)
    for data, numbers, source, schedule in (
        ("avsbench/s4", (0.7878, 0.8889), "paper, Table 1: per image, 224 pixels", "authors"),
        ("avsbench/ms3", (0.5582, 0.6714), "paper, Table 1: per image, 224 pixels", "authors"),
        ("avss", (0.3037, 0.3529), "paper, Table 1: per image, 224 pixels", "authors"),
        ("vpo-ss", (0.6231, 0.7846, 0.1356), "paper, Table 4: per dataset, original resolution", "full-original"),
        ("vpo-ms", (0.6431, 0.7892, 0.1867), "paper, Table 4: per dataset, original resolution", "full-original"),
        ("vpo-msmi", (0.6036, 0.7560, 0.2212), "paper, Table 4: per dataset, original resolution", "full-original"),
    )
)  # fmt: skip


@dataclass(frozen=True)
class Choices:
    """What data and variant decide outside the model.

    contrast: see `CAVPCriterion`.  matching: see `PairingLearner`.  channels, seconds: of the sound of a frame
    """

    contrast: Literal["pairing", "supcon"] | None
    matching: float
    channels: int
    seconds: int


def choices(data: DataSpec, changes: Mapping[str, Any]) -> Choices:
    """The paper's for `data`, but for `changes`. Binary masks have one class, of which no bank is kept."""
    own = {
        "contrast": "pairing", "matching": 0.5 if data.classes > 1 else 0.0,
        "channels": data.sound_channels, "seconds": int(data.sound_seconds),
    }  # fmt: skip
    return Choices(**{**own, **{name: value for name, value in changes.items() if name in own}})


def recipe(data: DataSpec, changes: Mapping[str, Any]) -> Recipe:
    """CAVP for `data`, or one of its variants."""
    chosen = choices(data, changes)
    weights = {"mask": 1.0} | ({"contrast": 1.0 if data.classes > 1 else 0.1} if chosen.contrast else {})
    responds = changes.get("activation") != "channel"  # one weight a channel has no response of places
    auxiliary = {"overlap": 1.5} | ({"response": 3.0} if responds else {})
    short = replace(
        SMALL_PLAN,
        model=_small(chosen),
        criterion=partial(CAVPCriterion, contrast=chosen.contrast, views=64, overlap=True, response=responds),
        loss_weights={"mask": 1.0} | auxiliary | ({"contrast": 0.1} if chosen.contrast else {}),
    )
    plans = {
        "smoke": replace(SMOKE, model=short.model, criterion=short.criterion, loss_weights=short.loss_weights),
        "reduced": short, "compare": compare(short), **_full(data, chosen, plain=not changes),
    }  # fmt: skip
    return Recipe(
        front_end=partial(CavpLogMel, seconds=chosen.seconds, channels=chosen.channels),
        criterion=partial(CAVPCriterion, contrast=chosen.contrast),
        loss_weights=weights,
        schedules=plans,
        learner=_learner(data, chosen),
    )


def _learner(data: DataSpec, chosen: Choices) -> Any:
    if chosen.contrast is None:
        return Learner
    windows = 96 if chosen.seconds == 1 else 100 * chosen.seconds
    return partial(
        PairingLearner, classes=data.classes, sound_shape=(chosen.channels, windows, 64), matching=chosen.matching
    )  # fmt: skip


def _small(chosen: Choices) -> Any:
    ear = partial(
        SmallAudioEncoder, channels=chosen.channels, silence=-1.0, jitter=0.09
    )  # units of `CavpLogMel`
    return partial(
        small_model, network=build, audio=ear, width=64, low=16, stages=(2, 4), dilations=(1, 2), embeddings=True
    )  # fmt: skip


def _full(data: DataSpec, chosen: Choices, *, plain: bool) -> dict[str, Schedule]:
    """The paper's schedules, and for the method itself (`plain`) those of its code."""
    vpo = data.task.startswith("vpo")
    encoders = ENCODERS
    if vpo:
        encoders = Encoders(partial(dilated, output_stride=8), partial(two_ears, chosen.channels))
    plans: dict[str, Schedule] = {}
    for suffix, backbone in (("", "resnet50"), ("-pvt", "pvt_v2_b5")):
        model = partial(
            paper_model, network=build, encoders=encoders, backbone=backbone,
            embeddings=chosen.contrast is not None,
        )  # fmt: skip
        plans[f"full{suffix}"] = plan = replace(FULL, model=model)
        if plain:
            plans[f"authors{suffix}"] = replace(
                plan, optimiser=replace(AUTHORS, weight_decay=5e-4 if vpo else 1e-4),
                criterion=partial(CAVPCriterion, skips_rare=True),
            )  # fmt: skip
    plans["full-original"] = replace(plans["full"], size=512, test_size="own")
    return plans


SMALL_PLAN = reduced(
    small_model,
    # The encoders start from something; what is new takes longer steps.
    optimiser=Optimiser("adamw", lr=4e-3, weight_decay=0.02, lr_scale={"visual.": 0.2, "audio.": 0.3}),
    epochs=4,
    steps_per_epoch=60,
    batch_size=8,
    size=128,
)
SMOKE = smoke(small_model)
FULL = full(
    paper_model,
    optimiser=Optimiser("sgd", lr=1e-3, weight_decay=5e-4),
    epochs=80,
    batch_size=16,
    clips={"train": 4000, "val": 200, "test": 400, "test-seen": 400},
    decay="polynomial",
    augment=random_mirror,
)
AUTHORS = Optimiser(
    "sgd", lr=1e-3, lr_scale={"pyramid.": 10.0, "low.": 10.0, "head.": 10.0}, decay_norms=False
)
