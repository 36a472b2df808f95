"""Where every file of the real benchmarks lies: folders, file names, csv columns. Readers and writers share it.

    AVSBench-object     ROOT/Single-source/s4_meta_data.csv     ROOT/Multi-sources/ms3_meta_data.csv
                        ROOT/Single-source/s4_data/visual_frames/train/dog_barking/NAME/NAME_1.png ... _5.png
                        ROOT/Multi-sources/ms3_data/visual_frames/NAME/NAME.mp4_1.png ... .mp4_5.png
    AVSBench-semantic   ROOT/metadata.csv  ROOT/label2idx.json  ROOT/v2/UID/{frames,labels_rgb,audio.wav}
    VPO                 ROOT/VPO/VPO-SS/{vpo_ss_data_stereo.csv,data,mask}
                        ROOT/vggsound_bench/VGGSound/audios/NAME.wav

All paths are relative to ROOT, with forward slashes. Sources: the public code of AVSBench (configs, loaders,
preprocess scripts) and of CAVP (dataset/vpo_stereo). How masks are stored:

    AVSBench-object     one channel, 0 and 255; training clips of S4 come with mask 1 alone
    AVSBench-semantic   RGB in the colours of `avslib.data.readers.palette`; training clips of v1s: mask 0 alone
    VPO                 one channel of COCO category ids, with 92 male, 93 female, 94 baby; see `COCO_ID`
"""

from __future__ import annotations

from dataclasses import dataclass

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class ClipFiles:
    """The files of one clip, relative to the root, in the order of its seconds.

    log_mel: a pickled tensor (T, 1, 96, 64); video: what frames and sound were taken from. None: not part
    of the layout. A file that is named here need not be there: S4 has one mask a training clip.
    """

    frames: tuple[str, ...]
    masks: tuple[str, ...]
    sounds: tuple[str, ...]
    log_mel: str | None = None
    video: str | None = None

    @property
    def needed(self) -> tuple[str, ...]:
        """All that a reader opens: frames, masks and sounds."""
        return self.frames + self.masks + self.sounds


# AVSBench-object: S4 and MS3

OBJECT_SECONDS = 5
OBJECT_TABLE = {"s4": "Single-source/s4_meta_data.csv", "ms3": "Multi-sources/ms3_meta_data.csv"}
OBJECT_FOLDER = {"s4": "Single-source/s4_data", "ms3": "Multi-sources/ms3_data"}
OBJECT_COLUMNS = {"s4": ("name", "start_time", "category", "split"), "ms3": ("video_id", "split")}
"""In this order: the public loaders read `name` and `category` by position."""
OBJECT_COUNTS = {
    "s4": {"train": 3452, "val": 740, "test": 740},
    "ms3": {"train": 286, "val": 64, "test": 64},
}
"""Clips per split, as the paper says."""


def object_masks(subset: str, split: str) -> int:
    """How many of the five masks come with a clip: training clips of S4 have the first alone."""
    return 1 if (subset, split) == ("s4", "train") else OBJECT_SECONDS


def object_files(subset: str, name: str, split: str, category: str = "") -> ClipFiles:
    """The files of clip `name` of "s4" (which sorts by split and category) or "ms3" (by split)."""
    root, count = OBJECT_FOLDER[subset], range(1, OBJECT_SECONDS + 1)
    where = f"{split}/{category}" if subset == "s4" else split
    frames = f"{where}/{name}/{name}_" if subset == "s4" else f"{name}/{name}.mp4_"
    video = f"{where}/{name}.mp4" if subset == "s4" else f"{name}.mp4"
    return ClipFiles(
        frames=tuple(f"{root}/visual_frames/{frames}{k}.png" for k in count),
        masks=tuple(f"{root}/gt_masks/{where}/{name}/{name}_{k}.png" for k in count),
        sounds=(f"{root}/audio_wav/{where}/{name}.wav",),
        log_mel=f"{root}/audio_log_mel/{where}/{name}.pkl",
        video=f"{root}/raw_videos/{video}",
    )


# AVSBench-semantic: v1s and v1m are S4 and MS3 with classes, v2 is new and longer

SEMANTIC_SECONDS = {"v1s": 5, "v1m": 5, "v2": 10}
SEMANTIC_LENGTH = 10
"""T of every clip; the shorter ones are padded."""
SEMANTIC_TABLE = "metadata.csv"
SEMANTIC_COLUMNS = ("vid", "uid", "s_min", "s_sec", "a_obj", "split", "label")
"""The loaders read `uid`, `split` and `label` (which is v1s, v1m or v2); a_obj: what is heard, by name."""
SEMANTIC_CLASSES_FILE = "label2idx.json"
"""{name: index}, 71 names in AVSBench-semantic; the background is the first."""
SEMANTIC_NAMES = (
    "background", "accordion", "airplane", "axe", "baby", "bassoon", "bell", "bird", "boat", "boy", "bus", "car",
    "cat", "cello", "clarinet", "clipper", "clock", "dog", "donkey", "drum", "duck", "elephant", "emergency-car",
    "erhu", "flute", "frying-food", "girl", "goose", "guitar", "gun", "guzheng", "hair-dryer", "handpan",
    "harmonica", "harp", "helicopter", "hen", "horse", "keyboard", "leopard", "lion", "man", "marimba",
    "missile-rocket", "motorcycle", "mower", "parrot", "piano", "pig", "pipa", "saw", "saxophone", "sheep", "sitar",
    "sorna", "squirrel", "tabla", "tank", "tiger", "tractor", "train", "trombone", "truck", "trumpet", "tuba",
    "ukulele", "utv", "vacuum-cleaner", "violin", "wolf", "woman",
)  # fmt: skip
"""The k-th name, counted from 0, is label k. (The order of the tables by class in the CAVP paper.)"""
SEMANTIC_COUNTS = {"train": 8498, "val": 1304, "test": 1554}


def semantic_masks(label: str, split: str) -> int:
    """How many masks come with a clip: training clips of v1s have the first alone."""
    return 1 if (label, split) == ("v1s", "train") else SEMANTIC_SECONDS[label]


def semantic_annotated(label: str) -> int:
    """For how many seconds the loss counts: the loaders mark the first of a v1s clip alone, in every split."""
    return 1 if label == "v1s" else SEMANTIC_SECONDS[label]


def semantic_files(label: str, uid: str) -> ClipFiles:
    """The files of clip `uid` of part `label`."""
    folder, count = f"{label}/{uid}", range(SEMANTIC_SECONDS[label])
    return ClipFiles(
        frames=tuple(f"{folder}/frames/{k}.jpg" for k in count),
        masks=tuple(f"{folder}/labels_rgb/{k}.png" for k in count),
        sounds=(f"{folder}/audio.wav",),
    )


# VPO: stills out of COCO, sounds out of VGGSound

VPO_FOLDER = {"vpo-ss": "VPO/VPO-SS", "vpo-ms": "VPO/VPO-MS", "vpo-msmi": "VPO/VPO-MSMI"}
VPO_TABLE = {
    subset: f"{folder}/{subset.replace('-', '_')}_data_stereo.csv" for subset, folder in VPO_FOLDER.items()
}
"""One row a sounding object: one a clip in VPO-SS, several with one `img_Id` in the others."""
VPO_COLUMNS = ("cateName", "cateId", "img_Id", "ann_Ids", "vgg_file", "audio_pos", "split", "multi_instance")
"""`multi_instance` in VPO-MSMI alone: 0 for the rows whose picture and mask lie in VPO-MS."""
VPO_SOUNDS = "vggsound_bench/VGGSound/audios"
VPO_BUILT = "vpo-build.json"
"""Tells which folders are no release, but were built out of COCO and VGGSound by data_scripts/build_vpo.py."""
VPO_COUNTS = {
    "vpo-ss": {"train": 11312, "test": 890},
    "vpo-ms": {"train": 8380, "test": 1437},
    "vpo-msmi": {"train": 11080, "test": 1775},
}
"""Clips per split. There is no validation split: rows that say `val` are test clips."""

COCO_ID = {
    "airplane": 5, "baby": 94, "bird": 16, "bus": 6, "car": 3, "cat": 17, "cell phone": 77, "cow": 21, "dog": 18,
    "elephant": 22, "female": 93, "horse": 19, "keyboard": 76, "male": 92, "motorcycle": 4, "mouse": 74, "sheep": 20,
    "skateboard": 41, "sports ball": 37, "tennis racket": 43, "zebra": 24,
}  # fmt: skip
"""Class name -> the value of its pixels in a VPO mask. The k-th name, counted from 1, is label k."""


def vpo_files(
    subset: str,
    *,
    image: str,
    sounds: tuple[str, ...],
    annotation: str = "",
    category: str = "",
    multi_instance: bool = True,
) -> ClipFiles:
    """The files of one still: `image` and `annotation` are COCO ids, `sounds` the `vgg_file` of its rows.

    annotation, category: of the one sounding object, in VPO-SS. multi_instance: False for the pictures that
    VPO-MSMI takes from VPO-MS.
    """
    root = VPO_FOLDER["vpo-ms" if subset == "vpo-msmi" and not multi_instance else subset]
    picture = mask = image.zfill(12)
    if subset == "vpo-ss":
        picture, mask = f"{category}/{picture}", f"{category}/{picture}_{annotation.zfill(12)}"
    return ClipFiles(
        frames=(f"{root}/data/{picture}.jpg",),
        masks=(f"{root}/mask/{mask}.png",),
        sounds=tuple(f"{VPO_SOUNDS}/{sound}.wav" for sound in sounds),
    )


# Every subset

TABLES = {**OBJECT_TABLE, "avss": SEMANTIC_TABLE, **VPO_TABLE}
"""Subset -> its csv file."""
COLUMNS = {**OBJECT_COLUMNS, "avss": SEMANTIC_COLUMNS, **dict.fromkeys(VPO_TABLE, VPO_COLUMNS[:-1])}
COLUMNS["vpo-msmi"] = VPO_COLUMNS
"""Subset -> the columns of its table."""
NAMES = {"s4": ("name", "category"), "ms3": ("video_id",), "avss": ("uid",)} | dict.fromkeys(
    VPO_TABLE, ("img_Id", "ann_Ids", "cateName", "vgg_file")
)
"""Subset -> the columns that become parts of paths; the first one names the clip, or the picture."""
NEEDED = {"s4": (*NAMES["s4"], "split"), "ms3": (*NAMES["ms3"], "split"), "avss": ("uid", "split", "label")}
"""Subset -> the columns that must be there; all of them where it is not listed."""
COUNTS = {**OBJECT_COUNTS, "avss": SEMANTIC_COUNTS, **VPO_COUNTS}
"""Subset -> {split: clips}, as the papers say."""
