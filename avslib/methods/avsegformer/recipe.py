"""AVSegFormer: Gao et al., "Audio-Visual Segmentation with Transformer", AAAI 2024.

    avslib train avsegformer --data mini/ms3 --schedule smoke       seconds, any machine: does it run?
    avslib train avsegformer --data mini/ms3 --schedule reduced     three minutes on two CPU threads, 1.6 GB
    avslib train avsegformer --data mini/ms3 --schedule full        the paper's setting on AVS-Mini, one GPU; not run

and so mini/s4, mini/avss, and with --data-dir DIR avsbench/s4, avsbench/ms3 and avss.

Paper and code are two recipes, on two sizes. The paper's Table 3 says 224 pixels and 4 clips a step for all
three tasks. The authors' loaders for S4 and MS3 resize to 512 whatever their configuration says, and the
configuration has 2 clips; only AVSS runs at 224. Their published checkpoints, and the scores beside them, are
from there, and the scores are taken at 512 too. So neither column of `PUBLISHED` should be compared with the
other, nor with methods run at 224.

    full, full-pvt          the paper: 224 pixels, the paper's mechanism; ResNet-50, PVTv2-B5
    authors, authors-pvt    the code: its size, batch, query layers, gate, head, loss and frozen first epochs
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from torch import nn

from avslib.audio.frontends import VGGishLogMel
from avslib.data.mini import CORE_CLASSES
from avslib.data.open import CLASSES
from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.encoders.vggish import VGGish
from avslib.encoders.visual import VisualEncoder
from avslib.errors import UserError
from avslib.methods.avsegformer.criterion import AVSegFormerCriterion
from avslib.methods.avsegformer.mask_head import MaskHead
from avslib.methods.avsegformer.mask_reformer import MaskReformer
from avslib.methods.avsegformer.mixer import AudioVisualMixer, CrossAttentionMixer
from avslib.methods.avsegformer.model import AVSegFormer
from avslib.methods.avsegformer.query_generator import QueryGenerator
from avslib.methods.method import Optimiser, Published, Recipe, Schedule
from avslib.methods.resolve import plans_on_files
from avslib.methods.tpavi.recipe import DATA, mini, protocols

PAPER = "Gao et al., AVSegFormer: Audio-Visual Segmentation with Transformer, AAAI 2024"
TABLE = "paper, Table 1; 224 pixels by Table 3"
README = "README beside the published checkpoints; S4 and MS3 trained and scored at 512 pixels, AVSS at 224"
PUBLISHED = tuple(
    Published(data, backbone, {"mIoU": miou, "F": f}, source)
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
"""Row of the paper's Table 2 -> what it changes in `paper_model` and `small_model`; `recipe(data, row)` trains it.

lambda, which the paper fixes at 0.1 without a table, is the recipe's weight of the term "intermediate".
"""


def recipe(data: str, row: str | None = None) -> Recipe:
    """AVSegFormer for `data`, of AVS-Mini or of a real benchmark; or one `row` of Table 2.

    Raises UserError listing the known names.
    """
    if data not in DATA and data not in CLASSES:
        known = ", ".join([*DATA, *CLASSES])
        raise UserError(f"unknown data {data!r} for recipe avsegformer; choose one of: {known}")
    classes = CLASSES.get(data) or (1 + len(CORE_CLASSES) if data == "mini/avss" else 1)
    changes = TABLE_2[row] if row else {}
    plans = schedules(data, classes, changes)
    criterion = partial(AVSegFormerCriterion, intermediate=changes.get("reformer", "query") is not None)
    return Recipe(
        name=f"avsegformer-{row}" if row else "avsegformer",
        paper=PAPER,
        data=data,
        datasets=partial(mini, DATA.get(data) or data.removeprefix("avsbench/")),
        front_end=VGGishLogMel,
        criterion=criterion,
        weights=LOSS if criterion.keywords["intermediate"] else {"mask": 1.0},
        protocols=partial(protocols, classes),
        schedules=plans_on_files(plans, data) if data in CLASSES else plans,
        published=() if row else PUBLISHED,
        tests=("test", "test-seen"),
    )


def schedules(data: str, classes: int, changes: Mapping[str, Any]) -> dict[str, Schedule]:
    """Every schedule for `data`, its model changed as the row of Table 2 asks."""
    short = (
        SHORT if changes.get("reformer", "query") else {n: w for n, w in SHORT.items() if n != "intermediate"}
    )
    criterion = partial(AVSegFormerCriterion, intermediate="intermediate" in short, short=True)
    small: dict[str, Any] = {
        "model": partial(small_model, classes=classes, **changes),
        "criterion": criterion,
        "weights": short,
    }
    plans = {"smoke": replace(SMOKE, **small), "reduced": replace(REDUCED, **small)}
    if data != "mini/ms3":
        plans["reduced"] = replace(plans["reduced"], expected=S4 if data == "mini/s4" else "not run")
    epochs = 60 if data.endswith("ms3") else 30  # Table 3, and the authors' configurations
    for suffix, backbone in (("", "resnet50"), ("-pvt", "pvt_v2_b5")):
        built = partial(paper_model, backbone=backbone, classes=classes)
        plans[f"full{suffix}"] = replace(FULL, model=partial(built, **changes), epochs=epochs)
        if not changes:
            plans[f"authors{suffix}"] = replace(
                FULL, model=partial(built, **AUTHORS), epochs=epochs, batch_size=4 if classes > 1 else 2,
                size=224 if classes > 1 else 512, frozen_epochs=FROZEN.get(data.split("/")[-1], 0),
                criterion=partial(AVSegFormerCriterion, of_mask_feature=True),
            )  # fmt: skip
    return plans


def paper_model(*, backbone: str = "resnet50", **changes: Any) -> AVSegFormer:
    """ResNet-50 or PVTv2-B5, and VGGish, as published; `changes` as in `build`."""
    return build(VisualEncoder(name=backbone), VGGish.from_weights(), **changes)


def small_model(**changes: Any) -> AVSegFormer:
    """The same mechanism, smaller, over encoders that train on a CPU; `changes` as in `build`.

    ImageNet weights of EfficientNet-Lite0 come with a package; its first half stays frozen.
    """
    visual = VisualEncoder(name="efficientnet_lite0", frozen_to_stride=8, keep_batch_norm_statistics=True)
    small = {"queries": 16, "dim": 64, "heads": 4, "layers": 2, "hidden": 128, "mlp": 64, "fpn": 24}
    short = {"dropout": 0.0, "guided": True, "standardised": True}
    return build(visual, SmallAudioEncoder(), **{**small, **short, **changes})


def build(
    visual: nn.Module,
    audio: nn.Module,
    *,
    classes: int = 1,
    queries: int = 300,
    learnable: bool = True,
    query_layers: int = 0,
    mixer: Literal["channel", "gate", "cross"] | None = "channel",
    reformer: Literal["query", "attention"] | None = "query",
    convolutions: bool = False,
    dim: int = 256,
    heads: int = 8,
    mlp: int = 2048,
    fpn: int | None = None,
    **sizes: Any,
) -> AVSegFormer:
    """The model, put together. Every choice is explained at the part that it concerns; `sizes` at the model."""
    mixers: dict[str | None, Callable[..., nn.Module | None]] = {
        None: lambda **_: None,
        "channel": AudioVisualMixer,
        "gate": partial(AudioVisualMixer, gate=True),
        "cross": CrossAttentionMixer,
    }
    attention_only = queries if reformer == "attention" else None
    return AVSegFormer(
        visual=visual,
        audio=audio,
        queries=QueryGenerator(
            dim=dim, queries=queries, learnable=learnable, layers=query_layers, heads=heads
        ),
        head=MaskHead(dim=dim, queries=queries, hidden=mlp, classes=classes, convolutions=convolutions),
        mixer=mixers[mixer](dim=dim, heads=heads),
        reformer=MaskReformer(dim=dim, width=fpn, attention_only=attention_only) if reformer else None,
        dim=dim,
        heads=heads,
        **sizes,
    )


AUTHORS: dict[str, Any] = {"query_layers": 6, "mixer": "gate", "reformer": None, "convolutions": True}
"""What the published code has in the place of the paper's mechanisms."""

FROZEN = {"s4": 5, "ms3": 10}
"""Epochs that the published code's backbone does not train, by subset; 0 for AVSS. The paper does not say."""

LOSS = {"mask": 1.0, "intermediate": 0.1}  # lambda: paper, 4.2; weights of the authors' two terms

SHORT = {**LOSS, "presence": 1.0, "response": 4.0}
"""The last two are not the paper's: presence is there because Dice teaches no silence, response to make it listen."""

SMOKE = Schedule(
    model=small_model,
    optimiser=Optimiser("adamw", lr=1e-3),
    epochs=2,
    steps_per_epoch=2,
    batch_size=4,
    size=64,
    clips={"train": 16, "val": 4, "test": 4, "test-seen": 4},
    eye_steps=2,
    eye_batch=4,
    ear_steps=2,
    ear_batch=4,
    expected="seconds; the score means nothing",
)

S4 = "foreground IoU .28 on unseen instances, one fold (results/runs)"

REDUCED = Schedule(
    model=small_model,
    # The encoders start from something; what is new takes longer steps.
    optimiser=Optimiser("adamw", lr=3e-3, weight_decay=0.02, lr_scale={"visual.": 0.13, "audio.": 0.1}),
    epochs=3,
    steps_per_epoch=44,
    batch_size=16,
    size=128,
    train_seconds=3,
    turns=True,  # every picture is encoded once and heard three times
    clips={"train": 16000, "val": 48, "test": 200, "test-seen": 200},
    eye_steps=130,
    eye_batch=16,
    decay="cosine",
    warmup_steps=30,
    clip_norm=2.0,
    channels_last=True,
    ear_steps=1200,
    ear_batch=12,
    ear_scenes=1600,
    expected="three minutes on two CPU threads; foreground IoU about .34 on unseen instances (results/runs)",
)

FULL = Schedule(
    model=paper_model,
    # AdamW 2e-5, constant, weight decay at PyTorch's default: paper, 4.2, and the authors' configurations.
    optimiser=Optimiser("adamw", lr=2e-5, weight_decay=0.01),
    epochs=60,
    steps_per_epoch=250,
    batch_size=4,
    size=224,
    clips={"train": 1000, "val": 200, "test": 400, "test-seen": 400},
    precision="bf16",
    keep="best",
)
