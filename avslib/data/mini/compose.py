"""How a scene comes about: who is in the picture, who sounds when, where everything is pasted.

A subset says what its scenes look like; the files of a split say what they are made of. The same
(subset, files, seed, index) gives the same scene, whatever was composed before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from avslib.data.mini.pack import Item
from avslib.data.mini.scene import OffScreen, Scene, SceneObject
from avslib.errors import UserError

Pixels = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
TRIES, FREE = 12, 0.1
"""How often a place is looked for, and which part of another object may be hidden without looking further."""


@dataclass(frozen=True)
class Subset:
    """What the scenes of one subset look like. Every `*_chance` is a probability per scene.

    binary:              labels are 0 and 1, not class indices
    seconds:             T
    two_sources_chance:  two objects of different classes sound, otherwise one
    nobody_chance:       no object sounds, only what is off screen
    all_along_chance:    a lone source sounds in every second; otherwise it starts and stops
    extra_object_chance: one more object, of a class that never sounds, unless there are three already
    twin_chance:         a second object of a sounding class, which sounds as well in one of two cases
    intruder_chance:     a class that is not in the picture sounds from off screen
    noise_chance:        wind, rain, a crowd... in the background of the sound
    scale:               long side of a cut-out, in parts of the picture's side
    turns:               every second is a hearing of its own: the objects that could sound take turns, so
                         that one picture is met with several truths, and only the sound tells which
    """

    name: str
    binary: bool
    seconds: int
    two_sources_chance: float = 0.4
    nobody_chance: float = 0.06
    all_along_chance: float = 0.5
    extra_object_chance: float = 0.25
    twin_chance: float = 0.0
    intruder_chance: float = 0.2
    noise_chance: float = 0.3
    scale: tuple[float, float] = (0.38, 0.66)
    turns: bool = False


SPEEDS = (0.84, 0.92, 1.0, 1.08, 1.18)
"""In training a recording is also played slower and faster: few recordings have to stand for a class."""


@dataclass(frozen=True)
class Material:
    """The files a composer may use. `classes` are the ones that may sound, with their label order."""

    classes: tuple[str, ...]
    cutouts: dict[str, list[Item]]
    recordings: dict[str, list[Item]]
    noises: list[Item]
    backgrounds: list[Item]
    augment: bool = False

    def __post_init__(self) -> None:
        if len(self.able) < 3 or not self.backgrounds:
            raise UserError(
                f"only {len(self.able)} classes have both a picture and a recording here "
                f"({', '.join(self.able) or 'none'}); a scene needs three: choose another licence family, split or fold"
            )

    @cached_property
    def able(self) -> tuple[str, ...]:
        """Those of `classes` that have both a picture and a recording."""
        return tuple(c for c in self.classes if self.cutouts.get(c) and self.recordings.get(c))


def _pick(rng: np.random.Generator, items: list[Item]) -> Item:
    """A file, each instance equally likely however many files it has."""
    instances = sorted({item.instance for item in items})
    chosen = instances[rng.integers(len(instances))]
    of_instance = [item for item in items if item.instance == chosen]
    return of_instance[rng.integers(len(of_instance))]


def _interval(rng: np.random.Generator, seconds: int, whole: bool) -> npt.NDArray[np.bool_]:
    """(T,) one run of seconds, at least two long where there is room."""
    sounding = np.zeros(seconds, bool)
    if whole or seconds < 3:
        return ~sounding
    length = int(rng.integers(2, seconds))
    start = int(rng.integers(0, seconds - length + 1))
    sounding[start : start + length] = True
    return sounding


def _cut(rng: np.random.Generator, item: Item, long_side: float, augment: bool) -> Pixels:
    """(4, h, w) float32, colours times alpha: a cut-out, flipped half of the time; in training turned and relit."""
    picture = item.premultiplied
    factor = long_side / max(picture.size)
    size = (max(4, round(picture.width * factor)), max(4, round(picture.height * factor)))
    picture = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if augment:
        picture = picture.rotate(float(rng.uniform(-15, 15)), Image.Resampling.BILINEAR, expand=True)
    pixels = _planes(picture)
    if augment:
        gain, shift = rng.uniform(0.75, 1.25, 3) * rng.uniform(0.8, 1.2), rng.uniform(-20, 20) / 255
        colours, alpha = pixels[:3], pixels[3]
        colours *= gain.astype(np.float32)[:, None, None]
        colours += np.float32(shift) * alpha
        np.clip(colours, 0, alpha, out=colours)
    return pixels


def _planes(picture: Image.Image) -> Pixels:
    """(channels, h, w) float32; arithmetic over whole planes is much faster than over pixels of four numbers."""
    return np.asarray(picture).transpose(2, 0, 1).astype(np.float32, order="C")


def _background(rng: np.random.Generator, item: Item, side: int) -> Pixels:
    """(3, side, side) float32: a random square of the background."""
    picture = item.picture
    crop = min(picture.size) * rng.uniform(0.7, 1.0)
    left, top = rng.uniform(0, picture.width - crop), rng.uniform(0, picture.height - crop)
    square = picture.resize(
        (side, side), Image.Resampling.BILINEAR, box=(left, top, left + crop, top + crop), reducing_gap=2.0
    )
    pixels = _planes(square)
    return pixels[..., ::-1] if rng.random() < 0.5 else pixels


def _place(rng: np.random.Generator, canvas: Pixels, cut: Pixels, others: list[Mask]) -> Mask:
    """Paste `cut` onto `canvas` where it hides little of the `others`; its mask (H, W)."""
    side = canvas.shape[-1]
    height, width = min(side, cut.shape[1]), min(side, cut.shape[2])
    cut = cut[:, :height, :width]
    solid = cut[3] > 127
    areas = [np.count_nonzero(other) + 1 for other in others]
    best, least = (slice(0), slice(0)), np.inf
    for _ in range(TRIES):
        top, left = int(rng.integers(0, side - height + 1)), int(rng.integers(0, side - width + 1))
        window = (slice(top, top + height), slice(left, left + width))
        hidden = max((np.count_nonzero(o[window] & solid) / a for o, a in zip(others, areas)), default=0)
        if hidden < least:
            best, least = window, hidden
        if least < FREE:
            break
    under = canvas[(slice(None), *best)]
    under *= 1 - cut[3] / 255
    under += cut[:3]
    mask = np.zeros((side, side), bool)
    mask[best] = solid
    return mask


def _cast(rng: np.random.Generator, subset: Subset, material: Material) -> tuple[list[str], list[str]]:
    """Two or three class names, and a twin: those that sound, those that stay silent (one at least could)."""
    count = 0 if rng.random() < subset.nobody_chance else 1 + int(rng.random() < subset.two_sources_chance)
    count = min(count, len(material.able) - 2)
    order = [material.able[i] for i in rng.permutation(len(material.able))]
    sounding, silent = order[:count], order[count : max(2, count + 1)]
    never = [name for name in material.cutouts if name not in material.classes]
    if count < 2 and rng.random() < subset.extra_object_chance and never:
        silent.append(never[rng.integers(len(never))])
    if subset.twin_chance and sounding and rng.random() < subset.twin_chance:
        (sounding if rng.random() < 0.5 else silent).append(sounding[rng.integers(len(sounding))])
    return sounding, silent


def compose(
    subset: Subset, material: Material, *, side: int, seed: int, index: int, family: str | None = None
) -> Scene:
    """Scene number `index`: a pure function of its arguments.

    side: of the square picture in pixels. Raises UserError when a file cannot be read.
    """
    rng = np.random.default_rng([seed, index])
    sounding, silent = _cast(rng, subset, material)
    background = _pick(rng, material.backgrounds)
    canvas = _background(rng, background, side).copy()
    objects = _paste_all(rng, subset, material, sounding, silent, canvas)
    if subset.turns:
        objects = _take_turns(rng, subset, material, objects)
    absent = [name for name in material.able if name not in (*sounding, *silent)]
    off_screen = _off_screen(rng, subset, material, absent, bool(sounding))
    sources = max(1, len(sounding))
    visible = [name for name in silent if name in material.able and name not in sounding]
    stand_ins = {
        kind: tuple(_stand_in(rng, material, names) for _ in range(sources if names else 0))
        for kind, names in (("absent", absent), ("visible", visible))
    }
    return Scene(
        identifier=f"{subset.name}_{seed}_{index:06d}", picture=canvas.clip(0, 255).astype(np.uint8),
        objects=tuple(objects), off_screen=tuple(off_screen), stand_ins=stand_ins, background=background,
        classes=material.classes, binary=subset.binary, seconds=subset.seconds, seed=seed * 1_000_003 + index,
        family=family,
    )  # fmt: skip


def _stand_in(rng: np.random.Generator, material: Material, names: list[str]) -> Item:
    return _pick(rng, material.recordings[names[rng.integers(len(names))]])


def _speed(rng: np.random.Generator, material: Material) -> float:
    return SPEEDS[rng.integers(len(SPEEDS))] if material.augment else 1.0


def _paste_all(
    rng: np.random.Generator, subset: Subset, material: Material, sounding: list[str], silent: list[str],
    canvas: Pixels,
) -> list[SceneObject]:  # fmt: skip
    """Paste every object in random order; later ones hide what lies behind them."""
    side = canvas.shape[-1]
    objects: list[SceneObject] = []
    everyone = [*sounding, *silent]
    for number in rng.permutation(len(everyone)):
        name, sounds = everyone[number], number < len(sounding)
        item = _pick(rng, material.cutouts[name])
        cut = _cut(rng, item, float(rng.uniform(*subset.scale)) * side, material.augment)
        mask = _place(rng, canvas, cut, [other.mask for other in objects])
        objects = [replace(other, mask=other.mask & ~mask) for other in objects]
        objects.append(
            SceneObject(
                name=name, mask=mask, cutout=item, recording=_pick(rng, material.recordings[name]) if sounds else None,
                sounding=_interval(rng, subset.seconds, len(sounding) == 1 and rng.random() < subset.all_along_chance)
                if sounds else np.zeros(subset.seconds, bool),
                gain=float(10 ** (rng.uniform(-3, 3) / 20)), offset=int(rng.integers(80_000)),
                speed=_speed(rng, material),
            )
        )  # fmt: skip
    return objects[::-1]


def _take_turns(
    rng: np.random.Generator, subset: Subset, material: Material, objects: list[SceneObject]
) -> list[SceneObject]:
    """The objects that could sound do so one after another, now and then two at once, or none."""
    able = [number for number in rng.permutation(len(objects)) if objects[number].name in material.able]
    heard = np.zeros((len(objects), subset.seconds), bool)
    for second in range(subset.seconds):
        if rng.random() < subset.nobody_chance:
            continue
        heard[able[second % len(able)], second] = True
        if len(able) > 2 and rng.random() < subset.two_sources_chance:
            heard[able[(second + 1) % len(able)], second] = True
    return [
        replace(
            each, sounding=row, recording=(each.recording or _pick(rng, material.recordings[each.name])) if row.any() else None
        )
        for each, row in zip(objects, heard)
    ]  # fmt: skip


def _off_screen(
    rng: np.random.Generator, subset: Subset, material: Material, absent: list[str], somebody: bool
) -> list[OffScreen]:
    """Sounds without a picture: sometimes an absent class, sometimes a noise."""
    others: list[OffScreen] = []
    if absent and rng.random() < (subset.intruder_chance if somebody else 0.6):
        others.append(
            OffScreen(
                recording=_stand_in(rng, material, absent), sounding=_interval(rng, subset.seconds, False),
                position=float(rng.random()), gain=float(10 ** (rng.uniform(-6, 0) / 20)), offset=int(rng.integers(80_000)),
                speed=_speed(rng, material),
            )
        )  # fmt: skip
    if material.noises and rng.random() < subset.noise_chance:
        others.append(
            OffScreen(
                recording=_pick(rng, material.noises), sounding=np.ones(subset.seconds, bool),
                position=float(rng.random()), gain=float(10 ** (rng.uniform(-18, -8) / 20)), offset=int(rng.integers(80_000)),
            )
        )  # fmt: skip
    return others
