"""PCMANet's numbers.

    avslib train pcmanet --data mini/ms3 --schedule smoke       seconds, any machine: does it run?
    avslib train pcmanet --data mini/ms3 --schedule reduced     minutes on a CPU
    avslib train pcmanet --data mini/ms3 --schedule full        the paper's setting on AVS-Mini, one GPU; not run

and so every other data set.

    full, full-pvt          the paper: ResNet-50, PVTv2-B5; 8 groups, c = 0.99
    authors, authors-pvt    the code: 4 groups on S4 with ResNet-50, its three deviations in QSCA, and
                            cross-entropy of the sigmoid

`avslib train pcmanet-no-masking --data mini/ms3` trains a row of Table IV (`TABLE_IV`), and
`pcmanet-scrambled-layout` one deviation of the code (`DEVIATIONS`).
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
from avslib.methods.pcmanet.criterion import PCMANetCriterion
from avslib.methods.pcmanet.model import PCMANet
from avslib.methods.schedules import compare, full, reduced, smoke

AUTHORS_SCHEDULE = {"ResNet-50": "authors", "PVTv2-B5": "authors-pvt"}
"""The published rows are of the code, with its deviations."""

PUBLISHED = tuple(
    Published(data, backbone, {"mIoU": miou, "F": f}, source, AUTHORS_SCHEDULE[backbone])
    for source, data, backbone, miou, f in (
        ("paper, Table I", "avsbench/s4", "ResNet-50", 0.7524, 0.858),
        ("paper, Table I", "avsbench/s4", "PVTv2-B5", 0.8010, 0.893),
        ("paper, Table I", "avsbench/ms3", "ResNet-50", 0.5477, 0.648),
        ("paper, Table I", "avsbench/ms3", "PVTv2-B5", 0.6035, 0.708),
        ("paper, Table II", "avss", "ResNet-50", 0.2488, 0.298),
        ("paper, Table II", "avss", "PVTv2-B5", 0.3103, 0.361),
    )
)

TABLE_IV: dict[str, dict[str, Any]] = {
    "baseline": {"group_attention": False, "cross_attention": False},
    "no-cross-attention": {"cross_attention": False},
    "no-masking": {"masking": False},
    "no-continuity": {"continuity": False},
    "no-progression": {"progression": False},
}
"""Row of the paper's Table IV -> what it changes in the model. The last row is the model itself."""

DEVIATIONS: dict[str, dict[str, Any]] = {
    "scrambled-layout": {"scrambled_layout": True},
    "selection-without-gradient": {"selection_without_gradient": True},
    "bias-on-unselected": {"bias_on_unselected": True},
    "authors": {
        "scrambled_layout": True,
        "selection_without_gradient": True,
        "bias_on_unselected": True,
    },
}
"""What the authors' code has in the place of the paper's equations, one by one and together."""

VARIANTS = TABLE_IV | DEVIATIONS
"""All of them."""

EPOCHS = {"s4": 15, "ms3": 30, "avss": 60}  # paper, V-B

# The finest map is left out. After a few minutes hardly any place is surer than 0.99, hence the smaller c.
SMALL = partial(
    small_model,
    network=PCMANet,
    width=64,
    groups=2,
    heads=4,
    stages=(2, 3, 4),
    threshold=0.95,
    auxiliary=True,
)
AUXILIARY = {"stage2": 1.0, "stage3": 1.0, "stage4": 1.0, "agreement": 4.0}
"""The last is not the paper's: it is there to make AVGA listen within minutes."""


def recipe(data: DataSpec, changes: Mapping[str, Any]) -> Recipe:
    """PCMANet for `data`, or one of its `VARIANTS`; without AVGA there is no agreement to be trained."""
    agreement = changes.get("group_attention", True)
    short: dict[str, Any] = {
        "criterion": partial(PCMANetCriterion, auxiliary=agreement),
        "loss_weights": {n: w for n, w in AUXILIARY.items() if agreement or n != "agreement"},
    }
    small = replace(REDUCED, **short)
    plans = {"smoke": replace(SMOKE, **short), "reduced": small, "compare": compare(small)}
    own = replace(FULL, epochs=EPOCHS.get(data.task, EPOCHS["avss"]))
    for suffix, backbone in (("", "resnet50"), ("-pvt", "pvt_v2_b5")):
        model = partial(paper_model, network=PCMANet, backbone=backbone)
        plans[f"full{suffix}"] = replace(own, model=model)
        if not changes:
            groups = 4 if (data.task, backbone) == ("s4", "resnet50") else 8  # ResNet_AVSModel.py of avs_s4
            authors = partial(model, groups=groups, **DEVIATIONS["authors"])
            criterion = partial(PCMANetCriterion, of_probabilities=True)
            plans[f"authors{suffix}"] = replace(own, model=authors, criterion=criterion)
    return Recipe(
        front_end=VGGishLogMel,
        criterion=PCMANetCriterion,
        loss_weights=dict.fromkeys(("stage1", "stage2", "stage3", "stage4"), 1.0),  # lambda: paper, V-B
        schedules=plans,
    )


SMOKE = smoke(SMALL)
REDUCED = reduced(
    SMALL,
    # The encoders start from something; what is new takes longer steps.
    optimiser=Optimiser("adamw", lr=2e-3, weight_decay=0.02, lr_scale={"visual.": 0.2, "audio.": 0.3}),
    epochs=3,
    steps_per_epoch=40,
    size=128,
    expected={
        "mini/ms3": "two minutes on one thread after two and a half of encoder pretraining; foreground IoU about .33"
    },
)
FULL = full(
    partial(paper_model, network=PCMANet),
    optimiser=Optimiser("adam", lr=1e-4),  # constant, no weight decay: paper, V-B, and the authors' train.py
    epochs=30,
)
