"""VPO out of COCO and VGGSound, by the procedure of its authors, in the layout of their release.

Source: "Unraveling Instance Associations: A Closer Look for Audio-Visual Segmentation", Chen et al., CVPR
2024 (CAVP), section 3 and appendix A. Which pictures and sounds they took is in their archives only: what is
built here is made like VPO, but is not VPO, and its scores are not to be put beside the paper's.

What the paper leaves open, and what is done here:

    people     COCO has persons. Who is male, female or a baby comes from a table that the user gives; without
               it the three classes are left out, and persons are silent things
    split      COCO's train and val are train and test, and VGGSound's own split holds for sounds. COCO's val
               has 5,000 pictures: for as large a test as the paper's, too few of them may fit
    pictures   each is used once in a subset. Those with two classes of VPO's go first, then those with two of
               COCO's, then those with two things; among these at random. Classes are not balanced
    able       to sound is what has an outline of its own (no crowd) of at least 32 x 32 pixels
    VPO-SS     what sounds is the only one of its class, so that the sound fits one thing, in mono too
    VPO-MS     two or more sound. (By the paper's 13,496 masks in 9,817 pictures, in many of its own only one
               does)
    silence    of more than two that are able, one at least is silent; how many sound, two to five, and which
               do, is drawn
    VPO-MSMI   VPO-MS, and pictures in which two things of one class sound, and others may. These pictures have
               at most five things of VPO's classes, and no crowd of them
    sounds     any recording of a class is as likely as another, and may serve several pictures; two things of
               one class never share one in a picture. They are kept whole, at 16 kHz; silent ones are left out
    masks      pixels whose centres lie inside the outline; where two overlap, the smaller thing is in front
    audio_pos  centre of mass of the thing's own mask, counted from the middle of pixels, so that a mirrored
               picture has 1 - audio_pos
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avslib.data.doctor.scan import run_parallel
from avslib.data.mini.files import encode
from avslib.data.mini.writer import table
from avslib.data.prepare.coco import Mask, centre, draw
from avslib.data.prepare.vggsound import convert
from avslib.data.prepare.vpo_samples import Sample
from avslib.data.prepare.vpo_source import Source, open_source
from avslib.data.readers import layouts
from avslib.data.readers.images import load
from avslib.data.readers.paths import holds_anything, inside
from avslib.data.readers.tables import Row
from avslib.errors import UserError
from avslib.files import check_folder, write_file


@dataclass(frozen=True)
class Begun:
    """A subset that has been planned. left_out: recordings that cannot be used; digest: of its samples"""

    left_out: tuple[str, ...]
    digest: str


def build(
    folder: Path, *, coco: Path, vggsound: Path, people: Path | None = None, seed: int = 0,
    subsets: Sequence[str] = tuple(layouts.VPO_TABLE), size: int | None = None, progress: bool = True,
) -> None:  # fmt: skip
    """Write `subsets` of VPO into `folder`, up to as many pictures as the paper has.

    coco:     holds annotations/instances_{train,val}2017.json, train2017/ and val2017/
    vggsound: holds vggsound.csv and clips, see `read_recordings`; people: see `read_people`
    subsets:  "vpo-msmi" brings "vpo-ms", whose pictures it shares
    size:     at most so many pictures of each subset's own in each split, for a trial

    The same arguments and files give the same folder, whether or not a run was interrupted: run again, it goes
    on, and a file that is there is taken to be whole. Pictures are linked to COCO's where the disk allows it.

    Raises UserError, before anything is written, for a wrong argument, a table that is missing or garbled,
    pictures that are missing, and a `folder` that holds anything else or was built of something else; later
    for a picture or an outline that is damaged.
    """
    wanted = _wanted(subsets)
    begun = _read_mark(folder, seed, size)
    source = open_source(coco, vggsound, people=people, seed=seed, size=size)
    for subset in wanted:
        known = begun.get(subset, Begun((), ""))
        digest = _digest(source.samples(subset, known.left_out))
        if subset in begun and digest != known.digest:
            raise UserError(f"{folder}: its {subset} was built of other files; give those, or a new folder")
    rows: dict[str, list[Row]] = {}
    for subset in wanted:
        rows[subset] = _build_subset(subset, source, folder, begun, progress)
        if subset == "vpo-msmi":
            rows[subset] = [row | {"multi_instance": "0"} for row in rows["vpo-ms"]] + rows[subset]
        write_file(folder / layouts.TABLES[subset], table(layouts.COLUMNS[subset], rows[subset]))


def _wanted(subsets: Sequence[str]) -> list[str]:
    """In the order in which they are built."""
    for subset in subsets:
        if subset not in layouts.VPO_TABLE:
            raise UserError(f"unknown subset {subset!r} of VPO; choose of {', '.join(layouts.VPO_TABLE)}")
    needed = {*subsets, *(["vpo-ms"] if "vpo-msmi" in subsets else [])}
    return [subset for subset in layouts.VPO_TABLE if subset in needed]


def _build_subset(
    subset: str, source: Source, folder: Path, begun: dict[str, Begun], progress: bool
) -> list[Row]:
    """Sounds, then pictures and masks; the rows of its own samples. A plan is marked before it is carried out."""
    left_out = set(begun[subset].left_out) if subset in begun else set()
    _write_mark(folder, source, begun)
    while True:
        samples = source.samples(subset, left_out)
        recordings = sorted({one for sample in samples for one in sample.recordings})
        told = run_parallel(partial(convert, root=folder), recordings, progress=progress, unit="sound")
        faulty = {one.name: why for one, why in zip(recordings, told) if why}
        if not faulty:
            break
        if subset in begun:  # its masks may be there, and would be those of another plan
            raise UserError(
                f"{next(iter(faulty.values()))}; it was whole before: give it again, or a new folder"
            )
        print(*(f"left out: {why}" for why in faulty.values()), sep="\n")
        left_out |= faulty.keys()  # planned again without these: from the same files always the same way
    begun[subset] = Begun(tuple(sorted(left_out)), _digest(samples))
    _write_mark(folder, source, begun)
    work = partial(write_sample, root=folder, coco=source.coco)
    positions = run_parallel(work, samples, progress=progress, unit="picture")
    return [row for sample, each in zip(samples, positions) for row in sample.rows(each)]


def _read_mark(folder: Path, seed: int, size: int | None) -> dict[str, Begun]:
    """What earlier runs have begun. Raises UserError for a folder that is not ours, or of other options."""
    check_folder(folder, "DIR")
    mark = folder / layouts.VPO_BUILT
    if not mark.is_file():
        if folder.is_dir() and holds_anything(folder):
            raise UserError(f"{folder}: is not empty and was not built by this script; give a new folder")
        return {}
    try:
        written = json.loads(mark.read_text(encoding="utf-8"))
        before = written["seed"], written["size"]
        begun = {
            name: Begun(tuple(one["left_out"]), one["digest"]) for name, one in written["subsets"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{mark}: cannot be read; give a new folder") from None
    if before != (seed, size):
        told = "--seed {}{}".format(before[0], "" if before[1] is None else f" --size {before[1]}")
        raise UserError(f"{folder}: was built with {told}; give the same, or a new folder")
    return begun


def _write_mark(folder: Path, source: Source, begun: dict[str, Begun]) -> None:
    subsets = {name: asdict(one) for name, one in begun.items()}
    told = {"seed": source.seed, "size": source.size, "subsets": subsets}
    write_file(folder / layouts.VPO_BUILT, (json.dumps(told, indent=1) + "\n").encode())


def _digest(samples: Iterable[Sample]) -> str:
    """Of all that decides what is written."""
    told = [(s.split, s.files, [(thing.number, thing.category) for thing in s.things]) for s in samples]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def write_sample(sample: Sample, *, root: Path, coco: Path) -> tuple[float, ...]:
    """Put picture and mask where they belong, if they are not there; where each sound comes from, 0 to 1.

    Raises UserError for a picture that is damaged or has another size than its annotations, and as `draw`.
    """
    frame, mask = (inside(root, path) for path in (sample.files.frames[0], sample.files.masks[0]))
    if not frame.is_file():
        _place(coco / sample.picture.file, frame, (sample.picture.width, sample.picture.height))
    drawn = [draw(thing, sample.picture) for thing in sample.things]
    if not mask.is_file():
        write_file(mask, encode(paint(drawn, [thing.category for thing in sample.things]), "png"))
    return tuple(map(centre, drawn))


def _place(picture: Path, target: Path, size: tuple[int, int]) -> None:
    found = load(picture).size
    if found != size:
        told = "{} x {} pixels; its annotations are of {} x {}".format(*found, *size)
        raise UserError(f"{picture}: {told}; get it again")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(picture.resolve(), target)
    except OSError:  # another disk, or one without links
        write_file(target, picture.read_bytes())


def paint(masks: Sequence[Mask], categories: Sequence[int]) -> npt.NDArray[np.uint8]:
    """(H, W) category ids, small things over large ones."""
    ids = np.zeros(masks[0].shape, np.uint8)
    for mask, category in sorted(zip(masks, categories), key=lambda pair: -np.count_nonzero(pair[0])):
        ids[mask] = category
    return ids
