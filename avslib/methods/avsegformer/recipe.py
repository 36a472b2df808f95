"""AVSegFormer's numbers.

    avslib train avsegformer --data mini/ms3 --schedule smoke       seconds, any machine: does it run?
    avslib train avsegformer --data mini/ms3 --schedule reduced     minutes on a CPU
    avslib train avsegformer --data mini/ms3 --schedule full        the paper's setting on AVS-Mini, one GPU; not run

and so every other data set. `avslib train avsegformer-no-mixer --data mini/ms3` trains a row of Table 2.

Paper and code are two recipes, on two sizes. The paper's Table 3 says 224 pixels and 4 clips a step for all
three tasks. The authors' loaders for S4 and MS3 resize to 512 whatever their configuration says, and the
configuration has 2 clips; only AVSS runs at 224. Their published checkpoints, and the scores beside them, are
from there, and the scores are taken at 512 too. So neither column of `PUBLISHED` should be compared with the
other, nor with methods run at 224.

    full, full-pvt          the paper: 224 pixels, the paper's mechanism; ResNet-50, PVTv2-B5
    authors, authors-pvt    the code: its size, batch, query layers, gate, head, loss and frozen first epochs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from avslib.audio.frontends import VGGishLogMel
from avslib.data.registry import DataSpec
from avslib.methods.avsegformer.build import build
from avslib.methods.avsegformer.criterion import AVSegFormerCriterion
from avslib.methods.method import Optimiser, Published, Recipe
from avslib.methods.networks import paper_model, small_model
from avslib.methods.schedules import compare, full, reduced, smoke

TABLE = "paper, Table 1; 224 pixels by Table 3"
README = "README beside the published checkpoints; S4 and MS3 trained and scored at 512 pixels, AVSS at 224"
SCHEDULES = {TABLE: "full", README: "authors"}
"""The paper's table is of the paper's setting; the published checkpoints are of the code's."""

PUBLISHED = tuple(
    Published(
        data,
        backbone,
        {"mIoU": miou, "F": f},
        source,
        SCHEDULES[source] + ("-pvt" if "PVT" in backbone else ""),
    )
    for source, data, backbone, miou, f in (
        (TABLE, "avsbench/s4", "ResNet-50", 0.7645, 0.859),
        (TABLE, "avsbench/s4", "PVTv2-B5", 0.8206, 0.899),
        (TABLE, "avsbench/ms3", "ResNet-50", 0.4953, 0.628),
        (TABLE, "avsbench/ms3", "PVTv2-B5", 0.5836, 0.693),
        (TABLE, "avss", "ResNet-50", 0.2493, 0.293),
        (TABLE, "avss", "PVTv2-B5", 0.3666, 0.420),
        (README, "avsbench/s4", "ResNet-50", 0.7638, 0.867),
        (README, "avsbench/s4", "PVTv2-B5", 0.8306, 0.905),
        (README, "avsbench/ms3", "ResNet-50", 0.5381, 0.656),
        (README, "avsbench/ms3", "PVTv2-B5", 0.6133, 0.730),
        (README, "avss", "ResNet-50", 0.2658, 0.315),
        (README, "avss", "PVTv2-B5", 0.3731, 0.428),
    )
)

TABLE_2: dict[str, dict[str, Any]] = {
    "queries-1": {"queries": 1},
    "queries-100": {"queries": 100},
    "queries-200": {"queries": 200},
    "not-learnable": {"learnable": False},
    "no-mixer": {"mixer": None},
    "cra": {"mixer": "cross"},  # the cross-attention mixer
    "no-reformer": {"reformer": None},
    "ar": {"reformer": "attention"},  # the attention-only reformer
}
"""Row of the paper's Table 2 -> what it changes in `build`.

lambda, which the paper fixes at 0.1 without a table, is the recipe's weight of the term "intermediate".
"""


AUTHORS: dict[str, Any] = {"query_layers": 6, "mixer": "gate", "reformer": None, "convolutions": True}
"""What the published code has in the place of the paper's mechanisms."""

FROZEN = {"s4": 5, "ms3": 10}
"""Epochs that the published code's backbone does not train, by task; 0 for AVSS. The paper does not say."""

LOSS = {"mask": 1.0, "intermediate": 0.1}  # lambda: paper, 4.2; weights of the authors' two terms

AUXILIARY = {**LOSS, "presence": 1.0, "response": 4.0}
"""The last two are not the paper's: presence is there because Dice teaches no silence, response to make it listen."""

SMALL = partial(
    small_model, network=build, queries=16, dim=64, heads=4, layers=2, hidden=128, mlp=64, fpn=24, dropout=0.0,
    auxiliary=True, standardised=True,
)  # fmt: skip


def recipe(data: DataSpec, changes: Mapping[str, Any]) -> Recipe:
    """AVSegFormer for `data`, or one row of Table 2; without a reformer no layer has a mask to be trained on."""
    masks = changes.get("reformer", "query") is not None
    loss, auxiliary = (
        {name: weight for name, weight in weights.items() if masks or name != "intermediate"}
        for weights in (LOSS, AUXILIARY)
    )
    short: dict[str, Any] = {
        "criterion": partial(AVSegFormerCriterion, intermediate=masks, auxiliary=True), "loss_weights": auxiliary,
    }  # fmt: skip
    small = replace(REDUCED, **short)
    plans = {"smoke": replace(SMOKE, **short), "reduced": small, "compare": compare(small)}
    for suffix, backbone in (("", "resnet50"), ("-pvt", "pvt_v2_b5")):
        model = partial(paper_model, network=build, backbone=backbone)
        epochs = 60 if data.task == "ms3" else 30  # Table 3, and the configurations
        own = replace(FULL, model=model, epochs=epochs)
        plans[f"full{suffix}"] = own
        if not changes:
            plans[f"authors{suffix}"] = replace(
                own, model=partial(model, **AUTHORS), batch_size=4 if data.classes > 1 else 2,
                size=224 if data.classes > 1 else 512, frozen_epochs=FROZEN.get(data.task, 0),
                criterion=partial(AVSegFormerCriterion, of_mask_feature=True),
            )  # fmt: skip
    return Recipe(
        front_end=VGGishLogMel,
        criterion=partial(AVSegFormerCriterion, intermediate=masks),
        loss_weights=loss,
        schedules=plans,
    )


SMOKE = smoke(SMALL)
REDUCED = reduced(
    SMALL,
    # The encoders start from something; what is new takes longer steps.
    optimiser=Optimiser("adamw", lr=3e-3, weight_decay=0.02, lr_scale={"visual.": 0.13, "audio.": 0.1}),
    epochs=3,
    steps_per_epoch=35,
    size=128,
    expected={
        "mini/ms3": "two and a half minutes on one thread after as much encoder pretraining; foreground IoU about .32"
    },
)
FULL = full(
    partial(paper_model, network=build),
    # AdamW 2e-5, constant, weight decay at PyTorch's default: paper, 4.2, and the authors' configurations.
    optimiser=Optimiser("adamw", lr=2e-5, weight_decay=0.01),
    epochs=60,
)
