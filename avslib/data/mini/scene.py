"""A scene: pasted objects, who of them sounds when, and the sound that results (the VPO procedure).

A picture shows objects of different classes on a background. Some sound during some seconds; at least one
object that *could* sound stays silent, so that the picture alone does not tell the answer. Sounds may also
come from off screen. Stereo follows the object: a source whose mask has its centre of mass at `position`
(0 left, 1 right) is heard with gain `1 - position` on the left and `position` on the right (CAVP, VPO).

A source that sounds in seconds [start, stop) is heard from `start` to `0.96 * stop`. VGGish looks at window
t = [0.96 t, 0.96 t + 0.96), so with this rule a second is on or off alike under windows of 0.96 s and of 1 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch

from avslib.audio.stereo import pan
from avslib.data.mini.pack import LICENCES, SAMPLE_RATE, Item
from avslib.errors import UserError
from avslib.types import IGNORE, Clip

Sound = Literal["right", "silence", "noise", "absent", "visible", "mirrored"]
SOUNDS: tuple[Sound, ...] = get_args(Sound)
"""What a scene can be heard with. Only the waveform changes; picture and labels stay.

right:    the scene's own sound
silence:  nothing
noise:    white noise as loud as a source
absent:   in place of the right sources, a class that is not in the picture
visible:  in place of the right sources, an object that is seen but silent
mirrored: left and right swapped
"""

WINDOW = 0.96
PEAK = 0.99
Mask = npt.NDArray[np.bool_]
Wave = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SceneObject:
    """One pasted object. mask: (H, W) bool, what is left visible of it; sounding: (T,) bool."""

    name: str
    mask: Mask
    sounding: npt.NDArray[np.bool_]
    cutout: Item
    recording: Item | None = None
    gain: float = 1.0
    offset: int = 0
    speed: float = 1.0

    @property
    def position(self) -> float:
        """Horizontal centre of mass of the mask, 0 (left) to 1 (right)."""
        width, weight = self.mask.shape[1], self.mask.sum(axis=0)
        return float(np.average(np.arange(width) + 0.5, weights=weight) / width) if weight.any() else 0.5


@dataclass(frozen=True)
class OffScreen:
    """A sound whose source is not in the picture: a noise, or a class that is absent."""

    recording: Item
    sounding: npt.NDArray[np.bool_]
    position: float
    gain: float
    offset: int = 0
    speed: float = 1.0


def _spans(sounding: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """[(start, stop)] of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], sounding.astype(np.int8), [0]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))


def track(recording: Item, source: SceneObject | OffScreen) -> Wave:
    """(S,) the recording, repeated without gaps, heard where `source` sounds; T seconds in all."""
    sounding = source.sounding
    out = np.zeros(len(sounding) * SAMPLE_RATE, np.float32)
    for start, stop in _spans(sounding):
        begin = start * SAMPLE_RATE
        end = len(out) if stop == len(sounding) else int(stop * WINDOW * SAMPLE_RATE)
        repeated = recording.heard(end - begin, offset=source.offset, speed=source.speed)
        fade = min(160, len(repeated))
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        repeated[:fade] *= ramp
        repeated[-fade:] *= ramp[::-1]
        out[begin:end] = source.gain * repeated
    return out


@dataclass(frozen=True)
class Scene:
    """Everything that is known about one composed scene.

    picture:    (3, H, W) uint8, a still
    objects:    front to back; `off_screen`: sounds without a picture
    stand_ins:  {"absent" | "visible": recordings for that counterfactual, one per source}
    background: the item behind everything; classes: label k is `classes[k - 1]`
    binary:     True when labels are 0 and 1 (S4, MS3) and not class indices (AVSS, VPO)
    padding:    how many of the T seconds at the end are no scene: nothing is seen, heard or labelled
    first_only: only the mask of second 0 may be used; the clip's other labels are "ignore"
    """

    identifier: str
    picture: npt.NDArray[np.uint8]
    objects: tuple[SceneObject, ...]
    off_screen: tuple[OffScreen, ...]
    stand_ins: dict[str, tuple[Item, ...]]
    background: Item
    classes: tuple[str, ...]
    binary: bool
    seconds: int
    seed: int = 0
    family: str | None = None
    padding: int = 0
    first_only: bool = False

    @property
    def sources(self) -> tuple[SceneObject, ...]:
        """The objects that are heard at some time."""
        return tuple(o for o in self.objects if o.recording is not None and o.sounding.any())

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """(T, H, W): 0, or 1 (binary) or the class index where a sounding object is visible."""
        height, width = self.picture.shape[1:]
        out = np.zeros((self.seconds, height, width), np.int64)
        for source in self.sources:
            value = 1 if self.binary else 1 + self.classes.index(source.name)
            for second in np.flatnonzero(source.sounding):
                out[second][source.mask] = value
        return out

    @cached_property
    def class_sounding(self) -> npt.NDArray[np.bool_]:
        """(T, K) which classes are heard in each second, on screen or off; K = len(classes)."""
        out = np.zeros((self.seconds, len(self.classes)), bool)
        heard = [(s.name, s.sounding) for s in self.sources]
        heard += [(o.recording.name, o.sounding) for o in self.off_screen if o.recording.kind == "sound"]
        for name, sounding in heard:
            out[:, self.classes.index(name)] |= sounding
        return out

    @cached_property
    def class_map(self) -> npt.NDArray[np.int64]:
        """(H, W) what every pixel shows, silent or not: 0 background, k class k, K + 1 any other object."""
        out = np.zeros(self.picture.shape[1:], np.int64)
        for thing in self.objects:
            known = thing.name in self.classes
            out[thing.mask] = 1 + (self.classes.index(thing.name) if known else len(self.classes))
        return out

    def waveform(self, sound: Sound = "right") -> torch.Tensor:
        """(2, S) float32 at 16 kHz: what is heard. Raises UserError for an unknown `sound`."""
        if sound not in SOUNDS:
            raise UserError(f"unknown sound {sound!r}; choose one of {', '.join(SOUNDS)}")
        length = self.seconds * SAMPLE_RATE
        if sound == "silence":
            return torch.zeros(2, length)
        if sound == "noise":
            noise = np.random.default_rng(self.seed).normal(0, 0.1, (1, length)).astype(np.float32)
            noise[:, length - self.padding * SAMPLE_RATE :] = 0
            return torch.from_numpy(noise).expand(2, length) * 0.5
        mix = torch.zeros(2, length)
        for source, mono in self.tracks(sound):
            mix += pan(mono, source.position)
        mix *= PEAK / max(PEAK, float(mix.abs().max()))
        return mix.flip(0) if sound == "mirrored" else mix

    def tracks(self, sound: Sound = "right") -> Iterator[tuple[SceneObject | OffScreen, torch.Tensor]]:
        """All that is heard, each with its (S,) mono; put in place and added up, it is the waveform."""
        for number, source in enumerate(self.sources):
            yield source, torch.from_numpy(track(self._recording(source, number, sound), source))
        for other in self.off_screen:
            yield other, torch.from_numpy(track(other.recording, other))

    def _recording(self, source: SceneObject, number: int, sound: Sound) -> Item:
        chosen = self.stand_ins.get(sound, ())
        if sound in ("absent", "visible") and not chosen:
            raise UserError(f"{self.identifier}: has no {sound} class to be heard instead; compose another")
        assert source.recording is not None
        return chosen[number % len(chosen)] if chosen else source.recording

    def clip(self, sound: Sound = "right") -> Clip:
        """The scene as a `Clip`; every variant of `sound` has the labels of the right one."""
        second = torch.arange(self.seconds)
        valid = second < self.seconds - self.padding
        annotated = valid & (second < 1) if self.first_only else valid
        labels = torch.from_numpy(self.labels)
        if self.first_only:
            labels = labels.masked_fill((valid & ~annotated)[:, None, None], IGNORE)
        return Clip(
            frames=torch.from_numpy(self.picture)[None], waveform=self.waveform(sound), sample_rate=SAMPLE_RATE,
            labels=labels, annotated=annotated, valid=valid, identifier=self.identifier,
        )  # fmt: skip

    def padded(self, seconds: int, *, first_only: bool = False) -> Scene:
        """The same scene in a clip of `seconds`, at least its own; see the fields `padding`, `first_only`."""
        more = seconds - self.seconds
        objects = tuple(replace(o, sounding=np.pad(o.sounding, (0, more))) for o in self.objects)
        others = tuple(replace(o, sounding=np.pad(o.sounding, (0, more))) for o in self.off_screen)
        return replace(
            self, objects=objects, off_screen=others, seconds=seconds, padding=more, first_only=first_only
        )

    @property
    def files(self) -> tuple[Item, ...]:
        """Every file that the scene is made of, stand-ins included."""
        pictures = [self.background, *(o.cutout for o in self.objects)]
        heard = [s.recording for s in self.sources if s.recording] + [o.recording for o in self.off_screen]
        return tuple(dict.fromkeys(chain(pictures, heard, *self.stand_ins.values())))

    @property
    def licence(self) -> str:
        """Under which a picture of this scene may be published, or why it may not."""
        # A file that leaves a choice goes with the family that the scene was made for.
        for family in dict.fromkeys(("permissive", self.family or "permissive", *LICENCES)):
            if all(item.families & {"permissive", family} for item in self.files):
                return f"{LICENCES[family]} ({family})"
        return "mixed: not for publication"

    @property
    def caption(self) -> str:
        """One line to print below the scene: who sounds, who is silent, the licence, the authors."""
        heard = [f"{o.name} ({'sounds' if o.sounding.any() else 'silent'})" for o in self.objects]
        authors = sorted({item.author for item in self.files if item.author})
        return f"AVS-Mini scene {self.identifier}: {', '.join(heard)}. {self.licence}. Files by {'; '.join(authors)}."
