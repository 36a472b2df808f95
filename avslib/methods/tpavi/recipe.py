"""TPAVI on AVS-Mini: Zhou et al., "Audio-Visual Segmentation", ECCV 2022, the baseline of the field.

    avslib train tpavi --data mini/ms3 --schedule smoke      seconds, any machine: does it run?
    avslib train tpavi --data mini/ms3 --schedule reduced    four minutes on two CPU threads, 1.6 GB
    avslib train tpavi --data mini/ms3 --schedule full       the paper's setting on AVS-Mini, one GPU; not run

mini/s4 and mini/avss take the same schedules, the latter with classes. The real benchmarks are read from the
folder of their release, on eight GPUs for example with

    accelerate launch --multi_gpu --num_processes 8 -m avslib.cli \\
        train tpavi --data avsbench/ms3 --data-dir DIR --schedule full-8

Expected scores stand in each schedule's `expected` and, once run, in the ledger. `full` needs the public
weights of ResNet-50 (ImageNet) and VGGish (AudioSet); the error without them says where to put them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from avslib.audio.frontends import VGGishLogMel
from avslib.data import MiniScenes
from avslib.data.mini import CORE_CLASSES
from avslib.data.open import CLASSES
from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.encoders.vggish import VGGish
from avslib.encoders.visual import VisualEncoder
from avslib.errors import UserError
from avslib.methods.method import Clips, Optimiser, Published, Recipe, Schedule, ScoringProtocol
from avslib.methods.resolve import plans_on_files
from avslib.methods.tpavi.criterion import TPAVICriterion
from avslib.methods.tpavi.model import TPAVI
from avslib.metrics.protocols import AVSBenchBinary, AVSBenchSemantic, DatasetLevel

PAPER = "Zhou et al., Audio-Visual Segmentation, ECCV 2022"
TABLE = "AVSBench paper, comparison with related methods; the same numbers in AVSegFormer, Table 1"
PUBLISHED = (
    Published("avsbench/s4", "ResNet-50", {"mIoU": 0.7279, "F": 0.848}, TABLE),
    Published("avsbench/s4", "PVTv2-B5", {"mIoU": 0.7874, "F": 0.879}, TABLE),
    Published("avsbench/ms3", "ResNet-50", {"mIoU": 0.4788, "F": 0.578}, TABLE),
    Published("avsbench/ms3", "PVTv2-B5", {"mIoU": 0.5400, "F": 0.645}, TABLE),
)

DATA = {"mini/ms3": "ms3", "mini/s4": "s4", "mini/avss": "avss"}
"""`--data` name -> subset of AVS-Mini."""

EPOCHS = {"s4": 15, "ms3": 30, "avss": 60}  # avs_s4, avs_ms3 and avs_semantic: train.sh


def recipe(data: str) -> Recipe:
    """TPAVI for `data`, of AVS-Mini or of a real benchmark. Raises UserError listing the known names."""
    if data not in DATA and data not in CLASSES:
        known = ", ".join([*DATA, *CLASSES])
        raise UserError(f"unknown data {data!r} for recipe tpavi; choose one of: {known}")
    subset = DATA.get(data) or data.removeprefix("avsbench/")
    classes = CLASSES.get(data) or (1 + len(CORE_CLASSES) if data == "mini/avss" else 1)
    epochs = EPOCHS.get(subset, EPOCHS["avss"])  # the paper is older than VPO
    plans = {"smoke": SMOKE, "reduced": REDUCED, "full": replace(FULL, epochs=epochs)}
    if data in CLASSES:
        plans = plans_on_files(plans, data)
    if classes > 1:
        builders = {name: paper_model if name.startswith("full") else small_model for name in plans}
        plans = {
            name: replace(plan, model=partial(builders[name], classes=classes))
            for name, plan in plans.items()
        }
    if subset != "ms3":
        plans["reduced"] = replace(plans["reduced"], expected=S4 if data == "mini/s4" else "not run")
    mapping = {} if subset == "s4" else {"mapping": 0.5}  # --lambda_1 of train.sh; none in avs_s4
    return Recipe(
        name="tpavi",
        paper=PAPER,
        data=data,
        datasets=partial(mini, subset),
        front_end=VGGishLogMel,
        criterion=partial(TPAVICriterion, mapping=bool(mapping)),
        weights={"mask": 1.0, **mapping},
        summed=("mapping",) if subset == "ms3" else (),  # the authors average it for AVSS
        protocols=partial(protocols, classes),
        schedules=plans,
        published=PUBLISHED,
        tests=("test", "test-seen"),
    )


def paper_model(classes: int = 1) -> TPAVI:
    """ResNet-50 and VGGish as published, width 256, all seconds attending together."""
    return TPAVI(visual=VisualEncoder(name="resnet50"), audio=VGGish.from_weights(), classes=classes)


def small_model(classes: int = 1) -> TPAVI:
    """The same mechanism over encoders that train on a CPU; each second attends to itself alone.

    ImageNet weights of EfficientNet-Lite0 come with a package; its first half stays frozen. Only the two
    coarsest maps are used: what the finer ones cost buys more as larger pictures, in which unseen objects are
    named more often. The dilations fit maps of 12 pixels.
    """
    visual = VisualEncoder(name="efficientnet_lite0", frozen_to_stride=8, keep_batch_norm_statistics=True)
    return TPAVI(
        visual=visual, audio=SmallAudioEncoder(), classes=classes, width=48, inner=64, dilations=(1, 2), stages=(3, 4),
        seconds_together=1, initial_influence=2.0, guided=True,
    )  # fmt: skip


SMALL_LOSS = {"mask": 1.0, "overlap": 1.5, "response": 3.0}
"""The last two are not the paper's: overlap is there to make it choose, response to make it listen."""


def mini(subset: str, split: str, schedule: Schedule, fold: int, seed: int) -> Clips:
    """AVS-Mini's scenes. "test-seen" shows training cut-outs in new scenes; "test", held-out ones.

    The seed moves the training scenes only: all runs of a fold are scored on the same ones.
    """
    train = split == "train"
    return MiniScenes(
        subset,
        split=split.removesuffix("-seen"),
        fold=fold,
        length=schedule.clips[split],
        size=schedule.size,
        seconds=schedule.train_seconds if train else None,
        turns=schedule.turns and train,
        seed=seed if train else 0,
        instances="seen" if split == "test-seen" else "unseen",
    )


def protocols(classes: int = 1) -> list[ScoringProtocol]:
    """The benchmark's own protocol, with the batches of 4 clips of its test.sh, and one global count."""
    if classes > 1:
        return [AVSBenchSemantic(classes=classes), DatasetLevel(classes=classes)]
    return [AVSBenchBinary(), DatasetLevel()]


SMOKE = Schedule(
    model=small_model,
    optimiser=Optimiser("adamw", lr=1e-3),
    epochs=2,
    steps_per_epoch=2,
    batch_size=4,
    size=64,
    clips={"train": 16, "val": 4, "test": 4, "test-seen": 4},
    channels_last=True,
    criterion=partial(TPAVICriterion, mapping=False, short=True),
    weights=SMALL_LOSS,
    eye_steps=2,
    eye_batch=4,
    ear_steps=2,
    ear_batch=4,
    expected="seconds; the score means nothing",
)

S4 = "foreground IoU .33 on unseen instances, one fold (results/runs)"

REDUCED = Schedule(
    model=small_model,
    # The encoders start from something; what is new takes longer steps.
    optimiser=Optimiser("adamw", lr=3e-3, weight_decay=0.02, lr_scale={"visual.": 0.13, "audio.": 0.1}),
    epochs=4,
    steps_per_epoch=42,
    batch_size=16,
    size=192,
    train_seconds=3,
    turns=True,  # every picture is encoded once and heard three times
    clips={"train": 16000, "val": 48, "test": 200, "test-seen": 200},
    criterion=partial(TPAVICriterion, mapping=False, short=True),
    weights=SMALL_LOSS,
    eye_steps=100,
    eye_batch=16,
    decay="cosine",
    warmup_steps=30,
    clip_norm=2.0,
    channels_last=True,
    ear_steps=1600,
    ear_batch=12,
    ear_scenes=2400,
    expected="four minutes on two CPU threads; foreground IoU about .38 on unseen instances (results/runs)",
)

FULL = Schedule(
    model=paper_model,
    # Adam 1e-4, constant, no weight decay: avs_ms3/train.py.
    optimiser=Optimiser("adam", lr=1e-4),
    epochs=30,  # avs_ms3/train.sh, for MS3
    steps_per_epoch=250,
    batch_size=4,
    size=224,
    clips={"train": 1000, "val": 200, "test": 400, "test-seen": 400},
    precision="bf16",
    keep="best",  # avs_ms3/train.py keeps the best mIoU on validation
)
