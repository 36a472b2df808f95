"""The scene player: choose who sounds, hear it, see which mask that asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from avslib.data.mini.scene import Scene
from avslib.errors import UserError
from avslib.figures.audio import audio_data_uri
from avslib.figures.colours import OKABE_ITO
from avslib.figures.explorers.frame import Explorer, canvas, slider
from avslib.figures.explorers.packing import mask_sheet
from avslib.figures.explorers.scene.tracks import Track, scene_tracks
from avslib.figures.html import Pixels, escape, picture_uri
from avslib.figures.live import Live

CAPTION = (
    "Choose who sounds. Every row is one thing that can be heard, with its sound over the seconds; tick rows, "
    "press play, or move through the seconds. The mask is what audio-visual segmentation asks for: the pixels "
    "of what is seen and heard in that second."
)


class ScenePlayer(Explorer):
    """An explorer of one scene: tick who sounds, hear the mix, see the mask of each second.

    picture: (3, H, W) uint8; tracks: at most eight, all of T seconds; sample_rate: of their waveforms

    `ScenePlayer.of(scene)` takes a composed scene; there, what is seen but silent can be made to sound too.
    Raises UserError for more than eight tracks or masks of another size than the picture.
    """

    name = "scene-player"

    def __init__(
        self,
        *,
        picture: Pixels,
        tracks: Sequence[Track],
        sample_rate: int = 16_000,
        caption: str = CAPTION,
        alt: str | None = None,
        licence: str | None = None,
    ) -> None:
        if not 1 <= len(tracks) <= 8:
            raise UserError(f"a scene player shows 1 to 8 sounds, not {len(tracks)}; leave some out")
        for track in tracks:
            if track.mask is not None and track.mask.shape != picture.shape[1:]:
                raise UserError(
                    f"{track.name}: mask {track.mask.shape} on a picture {picture.shape[1:]}; resize it"
                )
        self.picture, self.tracks, self.sample_rate = picture, tuple(tracks), sample_rate
        super().__init__(caption=caption, alt=alt or self._alt(), licence=licence)

    @classmethod
    def of(cls, scene: Scene, *, caption: str = CAPTION, alt: str | None = None) -> ScenePlayer:
        """The player of a composed scene, under the scene's own licence."""
        return cls(
            picture=scene.picture, tracks=scene_tracks(scene), caption=caption, alt=alt, licence=scene.licence
        )

    @classmethod
    def live(cls, compose: Callable[[int], Scene], *, scenes: int) -> Live:
        """For a notebook with a kernel: a slider over the scenes `compose(0)` to `compose(scenes - 1)`."""
        return Live(lambda scene: cls.of(compose(scene)), scene=range(scenes))

    @property
    def seconds(self) -> int:
        """T."""
        return len(self.tracks[0].sounding)

    @property
    def _first(self) -> int:
        """The second in which something that is seen is first heard, where the player starts; else 0."""
        heard = [track.sounding for track in self.tracks if track.heard and track.mask is not None]
        return int(np.any(heard, axis=0).argmax()) if heard else 0

    def _alt(self) -> str:
        seen = [track.name for track in self.tracks if track.mask is not None]
        heard = [track.name for track in self.tracks if track.heard and track.sounding.any()]
        return (
            f"A picture with {', '.join(seen) or 'no object'}; heard in it: {', '.join(heard) or 'nobody'}."
        )

    def data(self) -> dict[str, Any]:
        nowhere = np.zeros(self.picture.shape[1:], bool)
        sheet = mask_sheet(*(nowhere if track.mask is None else track.mask for track in self.tracks))
        return {
            "pictures": [picture_uri(self.picture), picture_uri(sheet, exact=True)],
            "seconds": self.seconds,
            "tracks": [
                {
                    "name": track.name,
                    "colour": OKABE_ITO[number],
                    "sounding": track.sounding.astype(int).tolist(),
                    "seen": track.mask is not None,
                }
                for number, track in enumerate(self.tracks)
            ],
        }

    def body(self) -> str:
        height, width = self.picture.shape[1:]
        rows = "".join(self._row(number, track) for number, track in enumerate(self.tracks))
        return (
            '<div class="avs-columns"><div class="avs-look">'
            f"{canvas('scene', width=2 * width, height=2 * height, label=self.alt)}</div>"
            f'<div class="avs-act"><fieldset><legend>Who sounds?</legend>{rows}</fieldset>'
            f"{slider('second', label='second', last=self.seconds - 1, start=self._first)}"
            '<button type="button" data-part="play">&#9654; play</button></div></div>'
        )

    def _row(self, number: int, track: Track) -> str:
        """A tick box, a name, the sound's shape over time, and the sound itself."""
        able = track.waveform is not None
        note = "" if track.mask is not None else "off screen"
        note = note or ("" if able else "has no recording") or ("" if track.heard else "silent here")
        sound = f'<audio data-part="sound" preload="auto" src="{self._uri(track)}"></audio>' if able else ""
        return (
            f'<label class="avs-track"><input type="checkbox" data-part="heard" value="{number}"'
            f"{' checked' if track.heard and able else ''}{'' if able else ' disabled'}>"
            f"<span>{escape(track.name)}<small>{note}</small></span>{self._shape(number, track)}{sound}</label>"
        )

    def _uri(self, track: Track) -> str:
        assert track.waveform is not None
        return audio_data_uri(track.waveform, self.sample_rate)

    def _shape(self, number: int, track: Track) -> str:
        """The waveform's envelope as a small drawing, 120 steps wide."""
        if track.waveform is None:
            return '<span class="avs-times"><svg aria-hidden="true"></svg><i class="avs-now"></i></span>'
        mono = np.abs(np.atleast_2d(np.asarray(track.waveform))).max(axis=0)
        steps = np.array([part.max(initial=0.0) for part in np.array_split(mono, 120)])
        half = 46 * (steps / max(0.25, float(steps.max()))) ** 0.7 + 1
        upper = " ".join(f"{x},{50 - h:.0f}" for x, h in enumerate(half))
        lower = " ".join(f"{x},{50 + h:.0f}" for x, h in reversed(list(enumerate(half))))
        return (
            '<span class="avs-times"><svg viewBox="0 0 119 100" preserveAspectRatio="none" aria-hidden="true">'
            f'<path fill="{OKABE_ITO[number]}" d="M{upper} {lower}Z"/></svg><i class="avs-now"></i></span>'
        )
