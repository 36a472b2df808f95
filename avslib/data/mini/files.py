"""One scene of AVS-Mini as the files and table rows of a real layout (names: `avslib.data.readers.layouts`).

Pictures of AVSBench-object and all masks are png, without loss. Pictures of AVSBench-semantic and VPO are jpg, as
in the releases (quality 95, full colour resolution). Sound is 16 kHz wav of 16 bits. A scene is a still: its
picture is written once for every second. VPO keeps the sound of each object apart, in mono, and says where it
stands; sounds from off screen are rows with category id 0, which no mask holds.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
import soundfile
import torch
from PIL import Image
from torch import Tensor

from avslib.audio.frontends import VGGishLogMel
from avslib.audio.stereo import pan
from avslib.data.mini.pack import SAMPLE_RATE
from avslib.data.mini.scene import PEAK, Scene, SceneObject
from avslib.data.readers import layouts
from avslib.data.readers.palette import to_colours

Row = dict[str, str]
Make = Callable[[], bytes]
Pixels = npt.NDArray[np.uint8]
VPO_NAME = {"man": "male", "woman": "female"}
"""Classes of AVS-Mini that VPO calls otherwise. It has no train: see `fits`."""
SEMANTIC_NAMES = tuple({"clock": "cow"}.get(n, n) for n in layouts.SEMANTIC_NAMES)
"""AVSBench's 71 names with its indices. It has no cow, which takes the place of a class that never sounds in AVS-Mini,
because the public loaders insist on 71."""
OFF_SCREEN = "off screen"
VPO_NUMBER = {"vpo-ss": 1, "vpo-ms": 2, "vpo-msmi": 3}
Files = dict[str, Make]
"""Path -> what makes its content when it is needed."""
Entry = tuple[list[Row], Files]
"""Rows of the table, which may say more than it has columns for, and files."""


def fits(scene: Scene, subset: str) -> bool:
    """Whether the layout can hold the scene. VPO knows its 21 classes only, and a sound that is loud enough
    for one ear, because it comes from the middle, may be too loud for its own wav."""
    if not subset.startswith("vpo"):
        return True
    known = all(_vpo_name(source.name) in layouts.COCO_ID for source in scene.sources)
    return known and all(float(mono.abs().max()) < 1 for _, _, mono in _vpo_sounds(scene))


def entry(scene: Scene, subset: str, split: str, index: int) -> Entry:
    """Scene `index` of `subset` as it stands in the real layout; it must fit."""
    if subset == "avss":
        return _semantic(scene, split)
    if subset in layouts.OBJECT_TABLE:
        return _object(scene, subset, split)
    return _vpo(scene, subset, split, index)


def _object(scene: Scene, subset: str, split: str) -> Entry:
    name, category = scene.identifier, scene.sources[0].name if subset == "s4" else ""
    paths, waveform = layouts.object_files(subset, name, split, category), scene.waveform()
    masks = (scene.labels * 255).astype(np.uint8)[: layouts.object_masks(subset, split)]
    files = _video(scene, paths, "png", masks, waveform)
    if paths.log_mel:
        files[paths.log_mel] = partial(_log_mel, waveform, scene.seconds)
    row = {"name": name, "video_id": name, "start_time": "0", "category": category, "split": split}
    return [row], files


def _semantic(scene: Scene, split: str) -> Entry:
    label, uid = scene.identifier.split("_")[0], scene.identifier
    numbers = np.array([0, *map(SEMANTIC_NAMES.index, scene.classes)])
    masks = to_colours(numbers[scene.labels[: layouts.semantic_masks(label, split)]])
    sound = scene.waveform()[:, : (scene.seconds - scene.padding) * SAMPLE_RATE]
    files = _video(scene, layouts.semantic_files(label, uid), "jpeg", masks, sound)
    heard = "_".join(sorted({source.name for source in scene.sources}))
    row = {"vid": uid, "uid": uid, "s_min": "0", "s_sec": "0", "a_obj": heard, "split": split, "label": label}
    return [row], files


def _video(scene: Scene, paths: layouts.ClipFiles, kind: str, masks: Pixels, sound: Tensor) -> Files:
    """The picture for every second, `masks` for the first ones, one sound."""
    still = lru_cache(maxsize=1)(partial(encode, scene.picture.transpose(1, 2, 0), kind))  # encoded once
    files: Files = dict.fromkeys(paths.frames, still)
    files |= {path: partial(encode, mask, "png") for path, mask in zip(paths.masks, masks)}
    return files | {path: partial(wav, _sixteen_bits(sound)) for path in paths.sounds}


def _vpo(scene: Scene, subset: str, split: str, index: int) -> Entry:
    image = f"{VPO_NUMBER[subset]}{layouts.SPLITS.index(split)}{index:06d}"
    names = [thing.name for thing in scene.objects]
    several = len(set(names)) < len(names)
    sounds = _vpo_sounds(scene)
    rows = [
        {
            "cateName": name, "cateId": str(layouts.COCO_ID.get(name, 0)), "img_Id": image, "ann_Ids": f"{image}{number}",
            "vgg_file": f"{scene.identifier}_{number}", "audio_pos": repr(position), "split": split,
            "multi_instance": str(int(several)),
        }
        for number, (name, position, _) in enumerate(sounds)
    ]  # fmt: skip
    paths = layouts.vpo_files(
        subset, image=image, sounds=tuple(row["vgg_file"] for row in rows), annotation=rows[0]["ann_Ids"],
        category=rows[0]["cateName"], multi_instance=several,
    )  # fmt: skip
    files: Files = {
        path: partial(wav, _sixteen_bits(mono[None])) for path, (_, _, mono) in zip(paths.sounds, sounds)
    }
    files[paths.frames[0]] = partial(encode, scene.picture.transpose(1, 2, 0), "jpeg")
    files[paths.masks[0]] = partial(_coco_mask, scene)
    return rows, files


def _vpo_sounds(scene: Scene) -> list[tuple[str, float, Tensor]]:
    """(name, position, (S,) mono) of all that is heard; panned and added up, they are the scene's waveform."""
    silence = OFF_SCREEN, 0.5, torch.zeros(scene.seconds * SAMPLE_RATE)  # else it would not be listed
    heard = [
        (_vpo_name(source.name) if isinstance(source, SceneObject) else OFF_SCREEN, source.position, mono)
        for source, mono in scene.tracks()
    ] or [silence]
    mix = torch.stack([pan(mono, position) for _, position, mono in heard]).sum(dim=0)
    gain = PEAK / max(PEAK, float(mix.abs().max()))
    return [(name, position, mono * gain) for name, position, mono in heard]


def _vpo_name(name: str) -> str:
    return VPO_NAME.get(name, name)


def _coco_mask(scene: Scene) -> bytes:
    known = [layouts.COCO_ID.get(_vpo_name(name), 0) for name in scene.classes]
    return encode(np.array([0, *known], np.uint8)[scene.labels[0]], "png")


def encode(pixels: Pixels, kind: str) -> bytes:
    """(H, W) or (H, W, 3) uint8 as a picture file."""
    buffer = io.BytesIO()
    options = {"quality": 95, "subsampling": 0} if kind == "jpeg" else {"compress_level": 4}
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def _sixteen_bits(waveform: Tensor) -> npt.NDArray[np.int16]:
    """(A, S) in (-1, 1) -> (S, A), off by half a step."""
    return (waveform * 2**15).round().to(torch.int16).T.numpy()


def wav(samples: npt.NDArray[np.int16]) -> bytes:
    """(S, A) at 16 kHz as a wav file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def _log_mel(waveform: Tensor, seconds: int) -> bytes:
    """VGGish's log-mel (T, 1, 96, 64) of the wav as it is stored, pickled as AVSBench does."""
    stored = torch.from_numpy(_sixteen_bits(waveform)).T.float() / 2**15
    return pickle.dumps(VGGishLogMel()(stored, SAMPLE_RATE, frames=seconds), protocol=4)
