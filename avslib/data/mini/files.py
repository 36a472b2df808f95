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
from dataclasses import dataclass
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
from avslib.data.mini.scene import PEAK, Scene, track
from avslib.data.readers import layouts
from avslib.data.readers.palette import to_colours

Row = dict[str, str]
Make = Callable[[], bytes]
Pixels = npt.NDArray[np.uint8]
VPO_NAME = {"man": "male", "woman": "female"}
"""Classes of AVS-Mini that VPO calls otherwise. It has no hammer and no hen: see `fits`."""
OFF_SCREEN = "off screen"
VPO_NUMBER = {"vpo-ss": 1, "vpo-ms": 2, "vpo-msmi": 3}


@dataclass(frozen=True)
class Entry:
    """table: which csv file the rows belong to; files: {path: what makes its content when it is needed}."""

    table: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    files: dict[str, Make]


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
    paths = layouts.object_files(subset, name, split, category)
    waveform = scene.waveform()
    files: dict[str, Make] = dict.fromkeys(paths.frames, _once(partial(_picture, scene, "png")))
    for path, labels in zip(paths.masks[: layouts.object_masks(subset, split)], scene.labels):
        files[path] = partial(_encode, (labels * 255).astype(np.uint8), "png")
    files |= {path: partial(_wav, waveform) for path in paths.sounds}
    if paths.log_mel:
        files[paths.log_mel] = partial(_log_mel, waveform, scene.seconds)
    row = {"name": name, "video_id": name, "start_time": "0", "category": category, "split": split}
    return _entry(layouts.OBJECT_TABLE[subset], layouts.OBJECT_COLUMNS[subset], [row], files)


def _semantic(scene: Scene, split: str) -> Entry:
    label, uid = scene.identifier.split("_")[0], scene.identifier
    paths = layouts.semantic_files(label, uid)
    sound = scene.waveform()[:, : (scene.seconds - scene.padding) * SAMPLE_RATE]
    files: dict[str, Make] = dict.fromkeys(paths.frames, _once(partial(_picture, scene, "jpeg")))
    for path, labels in zip(paths.masks[: layouts.semantic_masks(label, split)], scene.labels):
        files[path] = partial(_encode, to_colours(labels), "png")
    files |= {path: partial(_wav, sound) for path in paths.sounds}
    heard = "_".join(sorted({source.name for source in scene.sources}))
    row = {"vid": uid, "uid": uid, "s_min": "0", "s_sec": "0", "a_obj": heard, "split": split, "label": label}
    return _entry(layouts.SEMANTIC_TABLE, layouts.SEMANTIC_COLUMNS, [row], files)


def _vpo(scene: Scene, subset: str, split: str, index: int) -> Entry:
    image = f"{VPO_NUMBER[subset]}{layouts.SPLITS.index(split)}{index:06d}"
    names = [thing.name for thing in scene.objects]
    several = len(set(names)) < len(names)
    rows: list[Row] = []
    for number, (name, position, _) in enumerate(_vpo_sounds(scene)):
        rows.append({
            "cateName": name, "cateId": str(layouts.COCO_ID.get(name, 0)), "img_Id": image, "ann_Ids": f"{image}{number}",
            "vgg_file": f"{scene.identifier}_{number}", "audio_pos": repr(position), "split": split,
            "multi_instance": str(int(several)),
        })  # fmt: skip
    paths = layouts.vpo_files(
        subset, image=image, sounds=tuple(row["vgg_file"] for row in rows), annotation=rows[0]["ann_Ids"],
        category=rows[0]["cateName"], multi_instance=several,
    )  # fmt: skip
    files: dict[str, Make] = {
        paths.frames[0]: partial(_picture, scene, "jpeg"),
        paths.masks[0]: partial(_coco_mask, scene),
    }
    for path, (_, _, mono) in zip(paths.sounds, _vpo_sounds(scene)):
        files[path] = partial(_wav, mono[None])
    return _entry(layouts.VPO_TABLE[subset], layouts.vpo_columns(subset), rows, files)


def _vpo_sounds(scene: Scene) -> list[tuple[str, float, Tensor]]:
    """(name, position, (S,) mono) of all that is heard; panned and added up, they are the scene's waveform."""
    heard: list[tuple[str, float, Tensor]] = []
    for source in scene.sources:
        assert source.recording is not None
        mono = torch.from_numpy(track(source.recording, source))
        heard.append((_vpo_name(source.name), source.position, mono))
    for other in scene.off_screen:
        heard.append((OFF_SCREEN, other.position, torch.from_numpy(track(other.recording, other))))
    heard = heard or [
        (OFF_SCREEN, 0.5, torch.zeros(scene.seconds * SAMPLE_RATE))
    ]  # else it would not be listed
    mix = torch.stack([pan(mono, position) for _, position, mono in heard]).sum(dim=0)
    gain = PEAK / max(PEAK, float(mix.abs().max()))
    return [(name, position, mono * gain) for name, position, mono in heard]


def _vpo_name(name: str) -> str:
    return VPO_NAME.get(name, name)


def _entry(table: str, columns: tuple[str, ...], rows: list[Row], files: dict[str, Make]) -> Entry:
    return Entry(table, columns, tuple({name: row[name] for name in columns} for row in rows), files)


def _picture(scene: Scene, kind: str) -> bytes:
    return _encode(scene.picture.transpose(1, 2, 0), kind)


def _coco_mask(scene: Scene) -> bytes:
    known = [layouts.COCO_ID.get(_vpo_name(name), 0) for name in scene.classes]
    return _encode(np.array([0, *known], np.uint8)[scene.labels[0]], "png")


def _encode(pixels: Pixels, kind: str) -> bytes:
    """(H, W) or (H, W, 3) uint8 as a picture file."""
    buffer = io.BytesIO()
    options = {"quality": 95, "subsampling": 0} if kind == "jpeg" else {"compress_level": 4}
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def _sixteen_bits(waveform: Tensor) -> Tensor:
    """(A, S) in (-1, 1) -> int16, off by half a step."""
    return (waveform * 2**15).round().to(torch.int16)


def _wav(waveform: Tensor) -> bytes:
    buffer = io.BytesIO()
    pcm = _sixteen_bits(waveform).T.numpy()
    soundfile.write(buffer, pcm, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def _log_mel(waveform: Tensor, seconds: int) -> bytes:
    """VGGish's log-mel (T, 1, 96, 64) of the wav as it is stored, pickled as AVSBench does."""
    stored = _sixteen_bits(waveform).float() / 2**15
    return pickle.dumps(VGGishLogMel()(stored, SAMPLE_RATE, frames=seconds), protocol=4)


def _once(make: Make) -> Make:
    """`make`, run at most once: several files with one content."""
    return lru_cache(maxsize=1)(make)
