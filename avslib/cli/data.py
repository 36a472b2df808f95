"""The commands about data: `avslib mini` composes AVS-Mini, `avslib doctor` looks through a benchmark's folder."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from avslib.errors import UserError, check_number
from avslib.files import check_file, check_folder, write_file

if TYPE_CHECKING:
    from avslib.data import Scene

MARK, FILES = "scene.json", ("picture.png", "masks.png", "sound.wav")
"""What `avslib mini show` writes, and the file by which it knows what it wrote."""

Sound = Literal["right", "silence", "noise", "absent", "visible", "mirrored"]
"""As `avslib.data.Sound`; repeated, because importing it would import torch."""


def mini(
    action: Positional[Literal["credits", "show", "write"]],
    folder: Positional[Path | None] = None,
    layout: str = "avsbench",
    clips: int = 200,
    index: int = 0,
    subset: str | None = None,
    split: str = "test",
    fold: int = 0,
    seed: int = 0,
    size: int = 224,
    family: str | None = None,
    sound: Sound = "right",
    out: Path = Path("scene"),
) -> None:
    """AVS-Mini: list its authors and licences, write down one scene, or a whole data set in a real layout.

    E.g. avslib mini write --layout vpo data/mini-vpo

    Args:
        action: credits, show (picture.png, masks.png and sound.wav into --out), or write (into the folder)
        folder: where write puts the data set; new, or an earlier part of the same
        layout: write: avsbench or vpo
        clips: write: how many of each subset, over all splits
        index: show: number of the scene
        subset: s4, ms3, avss, vpo-ss, vpo-ms or vpo-msmi; not given: ms3 for show, all of the layout for write
        split: show: train, val or test
        fold: which instances are held out
        seed: of the scenes
        size: side of the picture, pixels
        family: only files that may be published together: permissive, GPL or CC-BY-SA
        sound: show: right, silence, noise, absent, visible or mirrored
        out: show: folder to write into
    """
    for name, number, least in (
        ("--clips", clips, 1),
        ("--index", index, 0),
        ("--fold", fold, 0),
        ("--size", size, 32),
    ):
        check_number(name, number, least)
    check_number("--seed", seed, 0)
    if action == "show":
        check_scene_folder(out)

    from avslib.data import MiniScenes
    from avslib.data.mini import load_pack
    from avslib.data.mini.writer import write_mini

    if action == "write":
        if folder is None:
            raise UserError("avslib mini write: name the folder to write into, e.g. data/mini")
        check_folder(folder, "mini write")
        chosen = () if subset is None else (subset,)
        count = write_mini(
            folder, layout=layout, subsets=chosen, clips=clips, size=size, fold=fold, seed=seed, family=family
        )
        print(f"{folder}: {count} clips in the layout of {layout}")
        return
    if action == "credits":
        for item in load_pack().items:
            print(f"{item.path.name}\t{item.author}\t{item.licence}\t{item.origin}")
        return
    scene = MiniScenes(
        subset or "ms3", split=split, fold=fold, size=size, seed=seed, family=family, length=index + 1
    ).scene(index)
    write_scene(scene, sound, out)
    names = ", ".join(f"{o.name} {'sounds' if o.sounding.any() else 'is silent'}" for o in scene.objects)
    print(f"{out}: {names}; {scene.licence}")


def doctor(folder: Positional[Path], workers: int = 0, csv: Path | None = None) -> None:
    """Tell what is there, missing or corrupt in a folder of AVSBench or VPO. E.g. avslib doctor data/avsbench

    Everything is decoded. The exit status is 1 when there are faults.

    Args:
        folder: what holds Single-source/, Multi-sources/, metadata.csv or VPO/
        workers: processes; as many as there are cores if 0
        csv: write all faults into this file, too
    """
    check_number("--workers", workers, 0)
    if csv:
        check_file(csv, "--csv", b"kind,path,what")

    from avslib.data.doctor import examine

    report = examine(folder, workers=workers)
    if csv:
        report.write_csv(csv)
    print(report)
    if report.faults:
        sys.exit(1)


def check_scene_folder(out: Path) -> None:
    """Raises UserError unless a scene can be written into `out` without touching files of another kind."""
    check_folder(out)
    mine = (out / MARK).is_file()
    if taken := [name for name in (MARK, *FILES) if os.path.lexists(out / name)] * (not mine):
        raise UserError(f"{out / taken[0]}: is there already, and not of avslib mini show; give a new --out")


def write_scene(scene: Scene, sound: Sound, out: Path) -> None:
    """Write picture.png, masks.png and sound.wav into `out`, and the mark that they are ours.

    Raises UserError when the disk refuses.
    """
    import numpy as np
    import soundfile
    from PIL import Image

    clip = scene.clip(sound)
    masks = np.concatenate(list(clip.labels.numpy() != 0), axis=1)  # H, T * W
    picture, masks_picture, wave = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.fromarray(scene.picture.transpose(1, 2, 0)).save(picture, "png")
    Image.fromarray((masks * 255).astype("uint8")).save(masks_picture, "png")
    soundfile.write(wave, clip.waveform.T.numpy(), clip.sample_rate, format="WAV")
    write_file(out / MARK, json.dumps({"scene": clip.identifier, "licence": scene.licence}).encode())
    for name, content in zip(FILES, (picture, masks_picture, wave)):
        write_file(out / name, content.getvalue())
