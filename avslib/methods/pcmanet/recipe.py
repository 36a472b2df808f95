"""PCMANet: Wang et al., "Progressive Confident Masking Attention Network for AVS", 2024.

    avslib train pcmanet --data mini/ms3 --schedule smoke       seconds, any machine: does it run?
    avslib train pcmanet --data mini/ms3 --schedule reduced     three minutes on two CPU threads
    avslib train pcmanet --data mini/ms3 --schedule full        the paper's setting on AVS-Mini, one GPU; not run

and so mini/s4, mini/avss, and with --data-dir DIR avsbench/s4, avsbench/ms3 and avss.

    full, full-pvt          the paper: ResNet-50, PVTv2-B5; 8 groups, c = 0.99
    authors, authors-pvt    the code: 4 groups on S4 with ResNet-50, and its three deviations in QSCA

`avslib train pcmanet-no-masking --data mini/ms3` trains a row of Table IV (`TABLE_IV`), and
`pcmanet-scrambled-layout` one deviation of the code (`DEVIATIONS`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from avslib.audio.frontends import VGGishLogMel
from avslib.data.mini import CORE_CLASSES
from avslib.data.open import CLASSES
from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.encoders.vggish import VGGish
from avslib.encoders.visual import VisualEncoder
from avslib.errors import UserError
from avslib.methods.method import Optimiser, Published, Recipe, Schedule
from avslib.methods.pcmanet.criterion import PCMANetCriterion
from avslib.methods.pcmanet.model import PCMANet
from avslib.methods.resolve import plans_on_files
from avslib.methods.tpavi.recipe import DATA, mini, protocols

PAPER = "Wang et al., Progressive Confident Masking Attention Network for Audio-Visual Segmentation, 2024"
PUBLISHED = tuple(
    Published(data, backbone, {"mIoU": miou, "F": f}, source)
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
"""`recipe(data, variant)` trains one of them."""

EPOCHS = {"s4": 15, "ms3": 30, "avss": 60}  # paper, V-B


def recipe(data: str, variant: str | None = None) -> Recipe:
    """PCMANet for `data`, of AVS-Mini or of a real benchmark; or one of its `VARIANTS`.

    Raises UserError listing the known names.
    """
    if data not in DATA and data not in CLASSES:
        known = ", ".join([*DATA, *CLASSES])
        raise UserError(f"unknown data {data!r} for recipe pcmanet; choose one of: {known}")
    classes = CLASSES.get(data) or (1 + len(CORE_CLASSES) if data == "mini/avss" else 1)
    plans = schedules(data, {"classes": classes, **(VARIANTS[variant] if variant else {})})
    return Recipe(
        name=f"pcmanet-{variant}" if variant else "pcmanet",
        paper=PAPER,
        data=data,
        datasets=partial(mini, DATA.get(data) or data.removeprefix("avsbench/")),
        front_end=VGGishLogMel,
        criterion=PCMANetCriterion,
        weights=dict.fromkeys(("stage1", "stage2", "stage3", "stage4"), 1.0),  # lambda: paper, V-B
        protocols=partial(protocols, classes),
        schedules=plans_on_files(plans, data) if data in CLASSES else plans,
        published=() if variant else PUBLISHED,
        tests=("test", "test-seen"),
    )


def schedules(data: str, changes: dict[str, Any]) -> dict[str, Schedule]:
    """Every schedule for `data`, its model changed as the variant asks."""
    loss = (
        SHORT
        if changes.get("group_attention", True)
        else {n: w for n, w in SHORT.items() if n != "agreement"}
    )
    criterion, model = partial(PCMANetCriterion, short="agreement" in loss), partial(small_model, **changes)
    plans = {
        name: replace(plan, model=model, criterion=criterion, weights=loss)
        for name, plan in (("smoke", SMOKE), ("reduced", REDUCED))
    }
    if data != "mini/ms3":
        plans["reduced"] = replace(plans["reduced"], expected=S4 if data == "mini/s4" else "not run")
    subset = data.rpartition("/")[2]
    for suffix, backbone in (("", "resnet50"), ("-pvt", "pvt_v2_b5")):
        full = replace(FULL, epochs=EPOCHS.get(subset, EPOCHS["avss"]))
        plans[f"full{suffix}"] = replace(full, model=partial(paper_model, backbone=backbone, **changes))
        if changes.keys() == {"classes"}:
            groups = 4 if (subset, backbone) == ("s4", "resnet50") else 8  # ResNet_AVSModel.py of avs_s4
            authors = {"backbone": backbone, "groups": groups, **changes, **DEVIATIONS["authors"]}
            plans[f"authors{suffix}"] = replace(full, model=partial(paper_model, **authors))
    return plans


def paper_model(*, backbone: str = "resnet50", **changes: Any) -> PCMANet:
    """ResNet-50 or PVTv2-B5, and VGGish, as published; `changes` as `PCMANet`'s arguments."""
    return PCMANet(visual=VisualEncoder(name=backbone), audio=VGGish.from_weights(), **changes)


def small_model(**changes: Any) -> PCMANet:
    """The same mechanism, smaller, over encoders that train on a CPU; `changes` as `PCMANet`'s arguments.

    ImageNet weights of EfficientNet-Lite0 come with a package; its first half stays frozen. The finest map
    is left out. After two minutes hardly any place is surer than 0.99, hence the smaller c.
    """
    visual = VisualEncoder(name="efficientnet_lite0", frozen_to_stride=8, keep_batch_norm_statistics=True)
    small = {"width": 64, "groups": 2, "heads": 4, "stages": (2, 3, 4), "threshold": 0.95, "guided": True}
    return PCMANet(visual=visual, audio=SmallAudioEncoder(), **{**small, **changes})


SHORT = {"stage2": 1.0, "stage3": 1.0, "stage4": 1.0, "agreement": 4.0}
"""The last is not the paper's: it is there to make AVGA listen within minutes."""

SMOKE = Schedule(
    model=small_model,
    optimiser=Optimiser("adamw", lr=1e-3),
    epochs=2,
    steps_per_epoch=2,
    batch_size=4,
    size=64,
    clips={"train": 16, "val": 4, "test": 4, "test-seen": 4},
    channels_last=True,
    eye_steps=2,
    eye_batch=4,
    ear_steps=2,
    ear_batch=4,
    expected="seconds; the score means nothing",
)

S4 = "foreground IoU .30 on unseen instances, one fold (results/runs)"

REDUCED = Schedule(
    model=small_model,
    # The encoders start from something; what is new takes longer steps.
    optimiser=Optimiser("adamw", lr=2e-3, weight_decay=0.02, lr_scale={"visual.": 0.2, "audio.": 0.3}),
    epochs=4,
    steps_per_epoch=43,
    batch_size=16,
    size=128,
    train_seconds=3,
    turns=True,  # every picture is encoded once and heard three times
    clips={"train": 16000, "val": 48, "test": 200, "test-seen": 200},
    decay="cosine",
    warmup_steps=30,
    clip_norm=2.0,
    channels_last=True,
    eye_steps=130,
    eye_batch=16,
    ear_steps=1200,
    ear_batch=12,
    ear_scenes=1600,
    expected="three minutes on two CPU threads; foreground IoU about .36 on unseen instances (results/runs)",
)

FULL = Schedule(
    model=paper_model,
    optimiser=Optimiser("adam", lr=1e-4),  # constant, no weight decay: paper, V-B, and the authors' train.py
    epochs=30,
    steps_per_epoch=250,
    batch_size=4,
    size=224,
    clips={"train": 1000, "val": 200, "test": 400, "test-seen": 400},
    precision="bf16",
    keep="best",  # the authors' train.py keeps the best mIoU on validation
)
