"""TPAVI's numbers.

    avslib train tpavi --data mini/ms3 --schedule smoke      seconds, any machine: does it run?
    avslib train tpavi --data mini/ms3 --schedule reduced    minutes on a CPU
    avslib train tpavi --data mini/ms3 --schedule full       the paper's setting on AVS-Mini, one GPU; not run

and so every other data set; the benchmarks are read from the folder of their release, on eight GPUs for example with

    accelerate launch --multi_gpu --num_processes 8 -m avslib.cli \\
        train tpavi --data avsbench/ms3 --data-dir DIR --schedule full-8

    full, full-pvt          the paper: ResNet-50, PVTv2-B5
    authors, authors-pvt    the code, which the published rows are from: five seconds together, a ReLU in place,
                            cross-entropy of the sigmoid, on AVSS no bias for the sound

`full` needs the public weights of ResNet-50 (ImageNet) and VGGish (AudioSet); the error without them says where
to put them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from avslib.audio.frontends import VGGishLogMel
from avslib.data.registry import DataSpec
from avslib.methods.method import Optimiser, Published, Recipe
from avslib.methods.networks import paper_model, small_model
from avslib.methods.schedules import compare, full, reduced, smoke
from avslib.methods.tpavi.criterion import TPAVICriterion
from avslib.methods.tpavi.model import TPAVI

TABLE = "AVSBench papers, comparison with related methods; the same numbers in AVSegFormer, Table 1"
PUBLISHED = tuple(
    Published(data, backbone, {"mIoU": miou, "F": f}, TABLE, schedule)
    for data, backbone, miou, f, schedule in (
        ("avsbench/s4", "ResNet-50", 0.7279, 0.848, "authors"),
        ("avsbench/s4", "PVTv2-B5", 0.7874, 0.879, "authors-pvt"),
        ("avsbench/ms3", "ResNet-50", 0.4788, 0.578, "authors"),
        ("avsbench/ms3", "PVTv2-B5", 0.5400, 0.645, "authors-pvt"),
        ("avss", "ResNet-50", 0.2018, 0.252, "authors"),
        ("avss", "PVTv2-B5", 0.2977, 0.352, "authors-pvt"),
    )
)

EPOCHS = {"s4": 15, "ms3": 30, "avss": 60}  # avs_s4, avs_ms3 and avs_semantic: train.sh
AUTHORS = {"seconds_together": 5, "skip_after_relu": True}
"""Switches of the authors' code; see `TemporalPixelwiseInteraction` and `ResidualConvUnit`."""

# Only the two coarsest maps are used: what the finer ones cost buys more as larger pictures, in which unseen
# objects are named more often. The dilations fit maps of 12 pixels, and each second attends to itself alone.
SMALL = partial(
    small_model, network=TPAVI, width=48, inner=64, dilations=(1, 2), stages=(3, 4), seconds_together=1,
    initial_influence=2.0, auxiliary=True,
)  # fmt: skip
AUXILIARY = {"mask": 1.0, "overlap": 1.5, "response": 3.0}
"""The last two are not the paper's: overlap is there to make it choose, response to make it listen."""


def recipe(data: DataSpec, changes: Mapping[str, Any]) -> Recipe:
    """TPAVI for `data`; it has no variants."""
    mapping = {} if data.task == "s4" else {"mapping": 0.5}  # --lambda_1 of train.sh; none in avs_s4
    own = replace(FULL, epochs=EPOCHS.get(data.task, EPOCHS["avss"]))  # the paper is older than VPO
    plans = {"smoke": SMOKE, "reduced": REDUCED, "compare": compare(REDUCED)}
    for suffix, backbone in (("", "resnet50"), ("-pvt", "pvt_v2_b5")):
        model = partial(paper_model, network=TPAVI, backbone=backbone)
        plans[f"full{suffix}"] = replace(own, model=model)
        authors = partial(model, **AUTHORS, audio_bias=data.task != "avss")  # none in avs_semantic
        plans[f"authors{suffix}"] = replace(
            own, model=authors,
            criterion=partial(TPAVICriterion, mapping=bool(mapping), of_probabilities=True),
        )  # fmt: skip
    return Recipe(
        front_end=VGGishLogMel,
        criterion=partial(TPAVICriterion, mapping=bool(mapping)),
        loss_weights={"mask": 1.0, **mapping},
        schedules=plans,
        summed=("mapping",) if data.task == "ms3" else (),  # the authors average it for AVSS
    )


SMOKE = smoke(SMALL, criterion=partial(TPAVICriterion, mapping=False, auxiliary=True), loss_weights=AUXILIARY)
REDUCED = reduced(
    SMALL,
    # The encoders start from something; what is new takes longer steps.
    optimiser=Optimiser("adamw", lr=3e-3, weight_decay=0.02, lr_scale={"visual.": 0.13, "audio.": 0.1}),
    epochs=4,
    steps_per_epoch=44,
    size=192,
    criterion=SMOKE.criterion,
    loss_weights=AUXILIARY,
    expected={
        "mini/ms3": "four minutes on one thread after two and a half of encoder pretraining; foreground IoU about .39"
    },
)
FULL = full(
    partial(paper_model, network=TPAVI),
    optimiser=Optimiser("adam", lr=1e-4),  # constant, no weight decay: avs_ms3/train.py
    epochs=30,  # avs_ms3/train.sh, for MS3
)
