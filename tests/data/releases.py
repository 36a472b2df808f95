"""Tiny releases of the real benchmarks, written by hand: names and columns as the authors' loaders have them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import soundfile
import torch
from PIL import Image

from avslib.audio.frontends import VGGishLogMel

RATE = 16000
Pixels = np.ndarray


def save(path: Path, pixels: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def tone(path: Path, seconds: float, channels: int = 1, hertz: float = 440.0, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    soundfile.write(path, np.repeat(wave[:, None], channels, 1), rate, subtype="FLOAT")


def picture(seed: int, height: int = 32, width: int = 48) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3))


def half(value: int, height: int = 32, width: int = 48) -> Pixels:
    """A mask whose left half is marked."""
    mask = np.zeros((height, width), np.uint8)
    mask[:, : width // 2] = value
    return mask


def write_object(root: Path) -> None:
    """S4 with two training clips and a test clip, MS3 with one of each."""
    rows = ["name,start_time,category,split"]
    for name, category, split in (
        ("aaa_1", "dog_barking", "train"), ("bbb-2", "helicopter", "train"), ("ccc3", "dog_barking", "test"),
    ):  # fmt: skip
        rows.append(f"{name},0,{category},{split}")
        base, where = root / "Single-source/s4_data", f"{split}/{category}"
        for k in range(1, 6):
            save(base / f"visual_frames/{where}/{name}/{name}_{k}.png", picture(k))
            if k == 1 or split != "train":
                save(base / f"gt_masks/{where}/{name}/{name}_{k}.png", half(255))
        tone(base / f"audio_wav/{where}/{name}.wav", 5, channels=2)
        write_log_mel(base / f"audio_log_mel/{where}/{name}.pkl", base / f"audio_wav/{where}/{name}.wav")
    (root / "Single-source/s4_meta_data.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    rows = ["video_id,split"]
    for name, split in (("ddd1", "train"), ("eee2", "val"), ("fff3", "test")):
        rows.append(f"{name},{split}")
        base = root / "Multi-sources/ms3_data"
        for k in range(1, 6):
            save(base / f"visual_frames/{name}/{name}.mp4_{k}.png", picture(10 + k))
            save(base / f"gt_masks/{split}/{name}/{name}_{k}.png", half(255 if k > 2 else 0))
        tone(base / f"audio_wav/{split}/{name}.wav", 5)
    (root / "Multi-sources/ms3_meta_data.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def write_log_mel(path: Path, wav: Path) -> None:
    """As preprocess_s4.py leaves it: a plain pickle of a tensor that asks for a gradient."""
    samples, rate = soundfile.read(wav, dtype="float32", always_2d=True)
    log_mel = VGGishLogMel()(torch.from_numpy(samples.T.copy()), rate, frames=5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(log_mel.requires_grad_(), protocol=2))


CLASSES = ["background", "accordion", "airplane", "axe", "baby", "bassoon", "bell", "bird", "boat"]
COLOURS = [
    (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128), (128, 128, 128),
    (64, 0, 0),
]  # fmt: skip


def write_semantic(root: Path) -> None:
    """Three clips for training, one of each part, and a v2 clip for the test."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "label2idx.json").write_text(
        json.dumps({name: k for k, name in enumerate(CLASSES)}), encoding="utf-8"
    )
    rows = ["vid,uid,s_min,s_sec,a_obj,split,label"]
    for uid, part, split in (
        ("one_0", "v1s", "train"), ("two_0", "v1m", "train"), ("three_0", "v2", "train"), ("four_0", "v2", "test"),
    ):  # fmt: skip
        rows.append(f"{uid[:-2]},{uid},0,0,bird,{split},{part}")
        seconds = 10 if part == "v2" else 5
        tone(root / part / uid / "audio.wav", seconds)
        for k in range(seconds):
            save(root / part / uid / f"frames/{k}.jpg", picture(k, 36, 64))
            if (part, split) != ("v1s", "train") or k == 0:
                colour = np.array(COLOURS, np.uint8)[half(k % len(COLOURS), 36, 64)]
                save(root / part / uid / f"labels_rgb/{k}.png", colour)
    (root / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def write_vpo(root: Path) -> None:
    """SS: two stills; MS: one with two sources; MSMI: one of its own, and the one of MS."""
    sounds = root / "vggsound_bench/VGGSound/audios"
    for k, name in enumerate(("dog_a", "car_b", "jet_c")):
        tone(sounds / f"{name}.wav", 10, hertz=200.0 * (k + 1))
    heading = "cateName,cateId,img_Id,ann_Ids,vgg_file,audio_pos,split"
    base = root / "VPO/VPO-SS"
    for category, image, annotation, value in (("dog", 7, 70, 18), ("cell phone", 8, 80, 77)):
        save(base / f"data/{category}/{image:012d}.jpg", picture(image))
        save(base / f"mask/{category}/{image:012d}_{annotation:012d}.png", half(value))
    (base / "vpo_ss_data_stereo.csv").write_text(
        f"{heading}\ndog,18,7,70,dog_a,0.25,train\ncell phone,77,8,80,car_b,0.9,val\n", encoding="utf-8"
    )
    both = half(3)
    both[:4] = 5
    both[-1] = 255
    for folder, image in (("VPO-MS", 11), ("VPO-MSMI", 12)):
        save(root / f"VPO/{folder}/data/{image:012d}.jpg", picture(image))
        save(root / f"VPO/{folder}/mask/{image:012d}.png", both)
    rows = ["car,3,11,111,car_b,0.25,train", "airplane,5,11,112,jet_c,1.0,train"]
    (root / "VPO/VPO-MS/vpo_ms_data_stereo.csv").write_text(
        "\n".join([heading, *rows]) + "\n", encoding="utf-8"
    )
    rows = [f"{row},0" for row in rows] + ["dog,18,12,120,dog_a,0.5,train,1"]
    (root / "VPO/VPO-MSMI/vpo_msmi_data_stereo.csv").write_text(
        "\n".join([f"{heading},multi_instance", *rows]) + "\n", encoding="utf-8"
    )
