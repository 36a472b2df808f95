"""AVS-Mini as a data set: `MiniScenes("ms3", split="test")[3]` is a clip, `.scene(3)` all that is known of it."""

from __future__ import annotations

import warnings
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Literal

from torch.utils.data import Dataset

from avslib.data.listing import ClipEntry
from avslib.data.mini.compose import Material, compose
from avslib.data.mini.pack import CORE_CLASSES, FAMILIES, FOLDER, Item, load_pack
from avslib.data.mini.scene import SOUNDS, Scene, Sound
from avslib.data.mini.splits import BY_SOURCE, by_class, not_by_source, split_items
from avslib.data.mini.subsets import SUBSETS, Part, choose_part, parts_of, seconds_of
from avslib.errors import UserError
from avslib.types import Clip


class MiniScenes(Dataset[Clip]):
    """Scenes composed on the fly from the files of one split.

    subset:    "s4", "ms3" (binary, T = 5), "avss" (semantic, T = 10, some clips half as long and padded),
               "vpo-ss", "vpo-ms", "vpo-msmi" (semantic stills, one second); see `avslib.data.mini.subsets`
    split:     "train", "val" or "test"; no photograph, recordist or background is in two of them.
               "by-source": the test without recordings whose author or package also trains; a warning names them
    fold:      which photographs and recordists are held out, 0 to 3
    length:    number of scenes; scene i is the same whatever the length
    size:      side of the square picture, pixels
    seconds:   T; None for the subset's own. Clips that are shorter than T keep their part of it
    instances: "unseen" takes everything from the split; "seen" (for the test) takes the *pictures of
               objects* from the training split and puts them into new scenes, with unseen backgrounds and
               recordings: what is left of the score is not due to unknown cut-outs
    family:    "GPL" or "CC-BY-SA": only files that may be published together under one licence of that
               family; "permissive": only permissive files; None mixes freely
    turns:     every second is a hearing of its own, see `compose.Subset`; for training
    sound:     which sound the clips are heard with, one of `scene.SOUNDS`
    classes:   which may sound, in the order of their labels: `CORE_CLASSES`, or the sixteen `CLASSES`

    Raises UserError for an unknown subset, split, fold, family or sound.
    """

    def __init__(
        self,
        subset: str = "ms3",
        *,
        split: str = "train",
        fold: int = 0,
        length: int = 1000,
        size: int = 128,
        seconds: int | None = None,
        seed: int = 0,
        instances: Literal["unseen", "seen"] = "unseen",
        family: str | None = None,
        turns: bool = False,
        sound: Sound = "right",
        classes: tuple[str, ...] = CORE_CLASSES,
        folder: Path = FOLDER,
    ) -> None:
        if subset not in SUBSETS:
            raise UserError(f"unknown subset {subset!r} of AVS-Mini; choose one of {', '.join(SUBSETS)}")
        if family not in (None, *FAMILIES):
            raise UserError(f"unknown licence family {family!r}; choose one of {', '.join(FAMILIES)}")
        self.parts = parts_of(subset, seconds=seconds, turns=turns)
        self.seconds = seconds_of(self.parts) if seconds is None else seconds
        if self.seconds < 1 or length < 1 or size < 32:
            raise UserError(f"seconds {self.seconds}, length {length}, size {size}: give 1, 1, 32 or more")
        if sound not in SOUNDS:
            raise UserError(f"unknown sound {sound!r}; choose one of {', '.join(SOUNDS)}")
        self.split, self.length, self.size, self.sound = split, length, size, sound
        self.family, self.classes = family, classes
        self.material = _material(Path(folder), split, fold, instances, family, classes)
        self._seed = zlib.crc32(f"{subset}/{split}/{fold}/{instances}/{family}/{seed}".encode())

    def __len__(self) -> int:
        return self.length

    def scene(self, index: int) -> Scene:
        """Scene number `index`, with its objects, sources, licence and counterfactual sounds."""
        part = self.part(index)
        scene = compose(
            part.subset, self.material, side=self.size, seed=self._seed, index=index, family=self.family
        )
        return scene.padded(self.seconds, first_only=part.first_only and self.split == "train")

    def part(self, index: int) -> Part:
        """Which part of its subset scene `index` is: v1s, v1m or v2 of "avss"; the others have but one."""
        if not 0 <= index < self.length:
            raise IndexError(f"scene {index} of {self.length}")
        return choose_part(self.parts, seed=self._seed, index=index)

    def entry(self, index: int) -> ClipEntry:
        """Clip `index` without composing it."""
        part = self.part(index).subset
        name = f"{part.name}_{self._seed}_{index:06d}"  # as `compose` names it
        return ClipEntry(name, part.seconds, part.name)

    def __getitem__(self, index: int) -> Clip:
        return self.scene(index).clip(self.sound)


@lru_cache(maxsize=16)
def _material(
    folder: Path, split: str, fold: int, instances: str, family: str | None, classes: tuple[str, ...]
) -> Material:
    pack = load_pack(folder)
    allowed = {"permissive", family}

    def of(part: str) -> list[Item]:
        items = split_items(pack, split=part, fold=fold)
        return [item for item in items if family is None or item.families & allowed]

    files = of(split)
    left_out = not_by_source(pack, fold) if split == BY_SOURCE else {}
    for name in sorted(left_out.keys() & set(classes)):
        warnings.warn(
            f"by-source, fold {fold}: {left_out[name]} test recordings of {name} come from a source that also trains;"
            " they are left out",
            stacklevel=4,
        )
    pictures = by_class(of("train") if instances == "seen" else files, "cutout")
    if instances not in ("unseen", "seen"):
        raise UserError(f"unknown instances {instances!r}; choose unseen or seen")
    if instances == "seen" and split not in ("test", BY_SOURCE):
        raise UserError(f"instances='seen' is a question for the test; {split!r} scenes have no such variant")
    return Material(
        classes=classes,
        # Of silent classes only those serve as distractors that there are photographs of.
        cutouts={k: v for k, v in pictures.items() if k in classes or any(i.is_photograph for i in v)},
        recordings={k: v for k, v in by_class(files, "sound").items() if k in classes},
        noises=[item for item in files if item.kind == "noise"],
        backgrounds=[item for item in files if item.kind == "background"],
        augment=split == "train",
    )  # fmt: skip
