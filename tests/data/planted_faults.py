"""Faults to plant in a written AVS-Mini of the layout of AVSBench, and what the doctor must say of each."""

from __future__ import annotations

import csv
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch
from PIL import Image

from avslib.data.readers import layouts
from avslib.data.readers.layouts import ClipFiles
from avslib.data.readers.safe_pickle import read_tensor

Said = tuple[str, str]
"""Kind and path of a fault."""
FAULTS: list[Callable[[Site], Said]] = []


def fault(plant: Callable[[Site], Said]) -> Callable[[Site], Said]:
    FAULTS.append(plant)
    return plant


def plant(root: Path) -> list[Said]:
    """Plant all faults, each in a clip of its own."""
    return [each(Site(root, number)) for number, each in enumerate(FAULTS)]


class Site:
    """Where fault `number` goes: its clip is the first training clip that none before it has taken."""

    taken: dict[Path, set[str]] = {}  # noqa: RUF012

    def __init__(self, root: Path, number: int) -> None:
        self.root, self.number = root, number
        self.outside = root.parent / "outside"
        self.outside.mkdir(exist_ok=True)

    def clip(self, subset: str, part: str = "") -> ClipFiles:
        taken = self.taken.setdefault(self.root, set())
        for row in self.rows(subset):
            name = row.get("uid") or row.get("video_id") or row["name"]
            if row["split"] == "train" and name not in taken and row.get("label", "").startswith(part):
                taken.add(name)
                self.name = name
                if subset == "avss":
                    return layouts.semantic_files(row["label"], name)
                return layouts.object_files(subset, name, "train", row.get("category", ""))
        raise AssertionError(f"no {subset} {part} clip is left for fault {self.number}; write more")

    def rows(self, subset: str) -> list[dict[str, str]]:
        with (self.root / table(subset)).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def append(self, subset: str, **row: str) -> Said:
        line = ",".join(row.get(name, "0") for name in self.rows(subset)[0])
        with (self.root / table(subset)).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        return ("", table(subset))

    def edit(self, subset: str, old: str, new: str) -> None:
        path = self.root / table(subset)
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text(
            "".join(line.replace(old, new) if self.name in line else line for line in lines), encoding="utf-8"
        )

    def cut(self, path: str, share: float) -> None:
        data = (self.root / path).read_bytes()
        (self.root / path).write_bytes(data[: round(share * len(data))])


def table(subset: str) -> str:
    return layouts.OBJECT_TABLE.get(subset, layouts.SEMANTIC_TABLE)


@fault
def missing_frame(site: Site) -> Said:
    path = site.clip("ms3").frames[2]
    (site.root / path).unlink()
    return "missing file", path


@fault
def missing_mask(site: Site) -> Said:
    path = site.clip("avss", "v2").masks[9]
    (site.root / path).unlink()
    return "missing file", path


@fault
def missing_wav(site: Site) -> Said:
    path = site.clip("avss").sounds[0]
    (site.root / path).unlink()
    return "missing file", path


@fault
def missing_masks(site: Site) -> Said:
    path = site.clip("ms3").masks[0].rpartition("/")[0]
    shutil.rmtree(site.root / path)
    return "missing file", path


@fault
def truncated_png(site: Site) -> Said:
    path = site.clip("s4").frames[1]
    site.cut(path, 0.5)
    return "corrupt", path


@fault
def truncated_mask(site: Site) -> Said:
    path = site.clip("ms3").masks[1]
    site.cut(path, 0.97)
    return "corrupt", path


@fault
def truncated_jpg(site: Site) -> Said:
    path = site.clip("avss").frames[3]
    site.cut(path, 0.99)
    return "corrupt", path


@fault
def jpg_without_end(site: Site) -> Said:
    """All its pixels are there."""
    path = site.clip("avss").frames[1]
    (site.root / path).write_bytes((site.root / path).read_bytes()[:-2])
    return "corrupt", path


@fault
def truncated_wav(site: Site) -> Said:
    path = site.clip("ms3").sounds[0]
    site.cut(path, 0.95)
    return "corrupt", path


@fault
def flipped_bit(site: Site) -> Said:
    path = site.clip("s4").frames[4]
    data = bytearray((site.root / path).read_bytes())
    data[len(data) // 2] ^= 16
    (site.root / path).write_bytes(data)
    return "corrupt", path


@fault
def no_picture(site: Site) -> Said:
    path = site.clip("avss").masks[0]
    (site.root / path).write_text("<html>404</html>", encoding="utf-8")
    return "corrupt", path


@fault
def empty_file(site: Site) -> Said:
    path = site.clip("s4").frames[0]
    (site.root / path).write_bytes(b"")
    return "empty file", path


@fault
def wrong_size(site: Site) -> Said:
    path = site.clip("s4").frames[3]
    resize(site.root / path, 1.5)
    return "wrong size", path


@fault
def wrong_size_throughout(site: Site) -> Said:
    clip = site.clip("ms3")
    for path in (*clip.frames, *clip.masks):
        resize(site.root / path, 2)
    return "wrong size", clip.frames[0].rpartition("/")[0]


@fault
def wrong_values(site: Site) -> Said:
    """0 and 1 instead of 0 and 255, in a small object: black to the eye and to every reader."""
    path = site.root / site.clip("s4").masks[0]
    pixels = np.zeros_like(Image.open(path))
    pixels[:2, :3] = 1
    Image.fromarray(pixels).save(path)
    return "wrong colour", str(path.relative_to(site.root))


@fault
def wrong_colour(site: Site) -> Said:
    path = site.root / site.clip("avss").masks[0]
    pixels = np.array(Image.open(path))
    pixels[:10, :10] = 1, 2, 3
    Image.fromarray(pixels).save(path)
    return "wrong colour", str(path.relative_to(site.root))


@fault
def duplicate_id(site: Site) -> Said:
    site.clip("ms3")
    site.append("ms3", video_id=site.name, split="train")
    return "duplicate id", table("ms3")


@fault
def row_without_folder(site: Site) -> Said:
    clip = site.clip("avss")
    shutil.rmtree((site.root / clip.sounds[0]).parent)
    return "missing clip", clip.frames[0].rpartition("/")[0]


@fault
def folder_without_row(site: Site) -> Said:
    clip = site.clip("s4")
    path = site.root / table("s4")
    path.write_text(
        "".join(line for line in path.read_text(encoding="utf-8").splitlines(True) if site.name not in line),
        encoding="utf-8",
    )
    return "unlisted clip", clip.frames[0].rpartition("/")[0]


@fault
def split_leak(site: Site) -> Said:
    site.clip("ms3")
    site.append("ms3", video_id=site.name, split="test")
    return "split leak", table("ms3")


@fault
def split_leak_under_another_name(site: Site) -> Said:
    clip = site.clip("avss", "v2")
    shutil.copytree((site.root / clip.sounds[0]).parent, site.root / "v2/another")
    site.append("avss", uid="another", split="test", label="v2")
    return "split leak", "v2/another/frames/0.jpg"


@fault
def unknown_split(site: Site) -> Said:
    site.clip("ms3")
    site.edit("ms3", ",train", ",tarin")
    return "unknown split", table("ms3")


@fault
def unknown_part(site: Site) -> Said:
    site.clip("avss", "v2")
    site.edit("avss", ",v2\n", ",v3\n")
    return "unknown part", table("avss")


@fault
def absolute_path(site: Site) -> Said:
    site.append("ms3", video_id="/etc/passwd", split="train")
    return "unsafe name", table("ms3")


@fault
def path_upwards(site: Site) -> Said:
    site.append("avss", uid="../../outside", split="train", label="v2")
    return "unsafe name", table("avss")


@fault
def nan_in_wav(site: Site) -> Said:
    path = site.clip("s4").sounds[0]
    samples, rate = soundfile.read(site.root / path)
    samples[1000] = np.nan
    soundfile.write(site.root / path, samples, rate, subtype="FLOAT")
    return "not finite", path


@fault
def infinity_in_wav(site: Site) -> Said:
    path = site.clip("avss", "v2").sounds[0]
    samples, rate = soundfile.read(site.root / path)
    samples[-1] = np.inf
    soundfile.write(site.root / path, samples, rate, subtype="FLOAT")
    return "not finite", path


@fault
def nan_in_log_mel(site: Site) -> Said:
    path = str(site.clip("ms3").log_mel)
    log_mel = read_tensor(site.root / path)
    log_mel[4, 0, 95, 63] = torch.nan
    (site.root / path).write_bytes(pickle.dumps(log_mel))
    return "not finite", path


@fault
def short_log_mel(site: Site) -> Said:
    path = str(site.clip("ms3").log_mel)
    (site.root / path).write_bytes(pickle.dumps(read_tensor(site.root / path)[:4].clone()))
    return "wrong shape", path


@fault
def pickle_with_a_call(site: Site) -> Said:
    path = str(site.clip("s4").log_mel)
    (site.root / path).write_bytes(b"cos\nsystem\n(S'touch %s'\ntR." % str(site.outside / "called").encode())
    return "unsafe pickle", path


@fault
def no_samples(site: Site) -> Said:
    path = site.clip("s4").sounds[0]
    soundfile.write(site.root / path, np.zeros((0, 2)), 16000)
    return "no samples", path


@fault
def short_sound(site: Site) -> Said:
    path = site.clip("avss", "v2").sounds[0]
    samples, rate = soundfile.read(site.root / path)
    soundfile.write(site.root / path, samples[:rate], rate)
    return "short sound", path


@fault
def link_to_nowhere(site: Site) -> Said:
    path = site.clip("s4").frames[2]
    (site.root / path).unlink()
    os.symlink(site.outside / "frame.png", site.root / path)
    return "missing file", path


def resize(path: Path, factor: float) -> None:
    image = Image.open(path)
    size = round(image.width * factor), round(image.height * factor)
    image.resize(size, Image.Resampling.NEAREST).save(path)
