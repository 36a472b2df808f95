"""VCT's numbers.

    avslib train vct --data mini/ms3 --schedule smoke       seconds, any machine: does it run?
    avslib train vct --data mini/ms3 --schedule reduced     minutes on a CPU
    avslib train vct --data mini/ms3 --schedule full        the paper's setting on AVS-Mini, one GPU; not run

and so every other data set. `avslib train vct-act --data mini/avss` trains a row of Table 2, and so the others.

    full, full-pvt, full-swin     the slides' networks at 224 pixels: ResNet-50, PVTv2-B5, Swin-B
    full-swin-384                 the published checkpoints' size
    authors, authors-pvt, ...     the same with what the code has in place of the slides' formulas (`build.AUTHORS`)

The code has configurations for Swin-B at 384 alone. Optimiser, batch, clipping and how long Swin-B trains are from there;
how long ResNet-50 and PVTv2 train is COMBO's, whose code VCT's is made from: VCT's own is unknown. Its second encoder, which
sees the regions of Semantic-SAM, is in no schedule, as AVS-Mini has no such regions; the importer reads it.

Prototypes are of classes. Where masks have one class there are none, as in the authors' MS3; their 23 prototypes of S4 need
the category of each clip.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from avslib.audio.frontends import VGGishLogMel
from avslib.data.loading.augment import random_mirror
from avslib.data.readers.layouts import OBJECT_COUNTS, SEMANTIC_COUNTS
from avslib.data.registry import DataSpec
from avslib.methods.method import Optimiser, Published, Recipe, Schedule
from avslib.methods.networks import paper_model, small_model
from avslib.methods.schedules import compare, full, reduced, smoke
from avslib.methods.vct.build import AUTHORS, ENCODERS, build
from avslib.methods.vct.criterion import VCTCriterion

TABLE_2: dict[str, dict[str, Any]] = {
    "act": {"source": "audio", "order": (1, 2, 3), "learned": True},
    "naive": {"prompt": None, "grouping": None},
    "cross": {"prompt": None, "grouping": "cross"},
    "group": {"prompt": None},
}
"""Row of the slides' Table 2 -> what it changes in `build`: audio-derived queries, then vision-derived ones step by step."""

TABLE_3_AND_4: dict[str, dict[str, Any]] = {
    "no-loss": {"contrast": False},
    "multiply": {"prompt": "multiply"},
    "concatenate": {"prompt": "concatenate"},
    "add": {"prompt": "add"},
    "replace": {"prompt": "replace"},
}
"""Prototypes without their loss, and sounds in the place of prototypes. "With visual loss" (Table 3) is not explained."""

VARIANTS = TABLE_2 | TABLE_3_AND_4

SUFFIXES = {"resnet50": "", "pvt_v2_b5": "-pvt", "swin_b": "-swin"}

README = Published(
    "avss",
    "Swin-B",
    {"mIoU": 0.525, "F": 0.569},
    "README beside the checkpoint; 384 pixels",
    "authors-swin-384",
)
PUBLISHED = (
    README,
    *(
        Published(data, backbone, {"mIoU": miou, "F": f}, f"slides, Table 1; {size} pixels", schedule)
        for backbone, size, schedule, scores in (
            ("ResNet-50", 224, "full", (0.375, 0.422, 0.818, 0.906, 0.619, 0.747)),
            ("PVTv2-B5", 224, "full-pvt", (0.447, 0.495, 0.848, 0.921, 0.620, 0.750)),
            ("Swin-B", 224, "full-swin", (0.479, 0.529, 0.847, 0.923, 0.675, 0.793)),
            ("Swin-B", 384, "full-swin-384", (0.512, 0.555, 0.862, 0.934, 0.676, 0.814)),
        )
        for data, miou, f in zip(("avss", "avsbench/s4", "avsbench/ms3"), scores[::2], scores[1::2])
    ),
)  # fmt: skip

COMBO = {"s4": (90_000, 8), "ms3": (20_000, 8), "avss": (90_000, 8)}
SWIN = {"s4": (45_000, 2), "ms3": (40_000, 2), "avss": (45_000, 8)}
"""{data: (steps, clips in each)}: COMBO's with ResNet-50 and PVTv2; those of VCT's configurations, with Swin-B at 384."""

LOSS = {"class": 2.0, "mask": 5.0, "dice": 5.0}
"""Of the matching as well: the authors' code, after Mask2Former."""

SHORT = {"dice": 10.0}
"""Not the paper's: without classes to tell, a training of minutes gives all pixels to the background."""


LONG = {"train": 16000, "val": 24, "test": 100, "test-seen": 100}
"""Scenes of AVSS have ten seconds, others five: half as many."""


def recipe(data: DataSpec, changes: Mapping[str, Any]) -> Recipe:
    """VCT for `data`, or one of its variants."""
    prompt = changes.get("prompt", "prototypes" if data.classes > 1 else None)
    contrasts = prompt == "prototypes" and changes.get("contrast", True) and changes.get("source") != "audio"
    criterion = partial(VCTCriterion, contrast=contrasts)
    loss = LOSS | ({"prototypes": 1.0} if contrasts else {})
    short: dict[str, Any] = {
        "model": partial(SMALL, prompt=prompt), "criterion": partial(criterion, points=512),
        "loss_weights": loss if data.classes > 1 else loss | SHORT,
    }  # fmt: skip
    small = replace(REDUCED, **short, clips=LONG if data.task == "avss" else REDUCED.clips)
    plans = {"smoke": replace(SMOKE, **short), "reduced": small, "compare": compare(small)}
    plans |= _full(data, prompt, plain=not changes)
    return Recipe(
        front_end=VGGishLogMel,
        criterion=criterion,
        loss_weights=loss,
        schedules=plans,
    )


def _full(data: DataSpec, prompt: str | None, *, plain: bool) -> dict[str, Schedule]:
    """The slides' schedules, and for the method itself (`plain`) those of its code."""
    plans: dict[str, Schedule] = {}
    for backbone, suffix in SUFFIXES.items():
        epochs, batch = length(data, SWIN if backbone == "swin_b" else COMBO)
        for size in (224, 384) if backbone == "swin_b" else (224,):
            name = suffix + ("" if size == 224 else f"-{size}")
            model = partial(
                paper_model,
                network=build,
                encoders=ENCODERS,
                backbone=backbone,
                grid=size // 4,
                prompt=prompt,
            )
            plan = replace(FULL, model=model, epochs=epochs, batch_size=batch, size=size)
            plans[f"full{name}"] = plan
            if plain:
                plans[f"authors{name}"] = replace(plan, model=partial(model, **AUTHORS))
    return plans


def length(data: DataSpec, steps: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """(epochs, batch size) for so many steps. VPO, of which nobody has a configuration, as AVSS."""
    task = data.task if data.task in steps else "avss"
    count, batch = steps[task]
    clips = (OBJECT_COUNTS | {"avss": SEMANTIC_COUNTS})[task]["train"]
    each = (FULL.steps_per_epoch or 1) if data.composed else math.ceil(clips / batch)
    return round(count / each), batch


SMALL = partial(
    small_model, network=build, queries=12, grid=32, dim=64, heads=4, layers=4, hidden=128, pixel_layers=1,
    pixel_hidden=128, audio_hidden=128,
)  # fmt: skip
SMOKE = smoke(SMALL)
REDUCED = reduced(
    SMALL,
    # The encoders start from something; what is new takes longer steps, and longest what hears: the sound starts small
    # beside what is learned of queries.
    optimiser=Optimiser(
        "adamw", lr=2e-3, weight_decay=0.02, lr_scale={"visual.": 0.2, "audio.": 0.5, "hear.": 3.0}
    ),
    epochs=4,
    steps_per_epoch=45,
    batch_size=8,
    size=128,
)
FULL = full(
    partial(paper_model, network=build, encoders=ENCODERS),
    optimiser=Optimiser("adamw", lr=1e-4, weight_decay=0.05, lr_scale={"visual.": 0.1}, decay_norms=False),
    epochs=1,  # see `length`
    clips={"train": 2000, "val": 200, "test": 400, "test-seen": 400},
    decay="polynomial",
    clip_norm=0.01,
    augment=random_mirror,
)
