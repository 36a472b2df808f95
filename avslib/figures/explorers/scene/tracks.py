"""A composed scene as tracks that can be heard one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from avslib.audio.stereo import pan
from avslib.data.mini.pack import Item
from avslib.data.mini.scene import PEAK, OffScreen, Scene, SceneObject, track
from avslib.figures.html import Array, Masks


@dataclass(frozen=True)
class Track:
    """One thing that can be heard.

    name:     shown to the reader
    waveform: (A, S) in [-1, 1], silent where it does not sound; None: seen, but without any recording
    sounding: (T,) bool, the seconds in which it sounds
    mask:     (H, W) bool, where it is seen; None: off screen
    heard:    ticked at first
    """

    name: str
    waveform: Array | None
    sounding: Masks
    mask: Masks | None
    heard: bool = True


def scene_tracks(scene: Scene) -> list[Track]:
    """Front to back what is seen, then what is heard from off screen.

    The waveforms are panned and, all by one factor, as loud as in `scene.waveform()`; their sum is it. An
    object that is silent in the scene gets a recording of its class that the scene knows, unticked.
    """
    tracks = [_seen(scene, thing) for thing in scene.objects]
    tracks += [_unseen(other) for other in scene.off_screen]
    mix = sum((t.waveform for t in tracks if t.heard and t.waveform is not None), np.zeros(1, np.float32))
    factor = PEAK / max(PEAK, float(np.abs(mix).max()))
    return [
        t if t.waveform is None else Track(t.name, factor * t.waveform, t.sounding, t.mask, t.heard)
        for t in tracks
    ]


def _seen(scene: Scene, thing: SceneObject) -> Track:
    if thing.recording is not None and thing.sounding.any():
        sound = track(thing.recording, thing)
        return Track(thing.name, _stereo(sound, thing.position), thing.sounding, thing.mask)
    other = _recording_of(scene, thing.name)
    sounding = np.full(scene.seconds, other is not None)
    waveform = (
        None if other is None else _stereo(track(other, replace(thing, sounding=sounding)), thing.position)
    )
    return Track(thing.name, waveform, sounding, thing.mask, heard=False)


def _unseen(other: OffScreen) -> Track:
    name = other.recording.name.removeprefix("noise_")
    return Track(name, _stereo(track(other.recording, other), other.position), other.sounding, mask=None)


def _recording_of(scene: Scene, name: str) -> Item | None:
    return next((item for item in scene.stand_ins.get("visible", ()) if item.name == name), None)


def _stereo(mono: Array, position: float) -> Array:
    return pan(torch.from_numpy(mono), position).numpy()
