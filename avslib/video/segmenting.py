"""A video in, a painted video out: decoded twice, once to be segmented and once to be painted, so that no more than a
window of T seconds is ever held."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from avslib.errors import UserError
from avslib.files import write_json
from avslib.methods.segmenter import Segmenter
from avslib.video.media import Damage, Facts, clock, facts
from avslib.video.output import Output
from avslib.video.pictures import STILL_RATE, Picture, pictures, shown
from avslib.video.report import Report
from avslib.video.sound import Tape, blocks, check_track
from avslib.video.wanted import Wanted
from avslib.video.windows import Marked, marked, windows


@dataclass(frozen=True)
class Source:
    """What is read: the pictures, and the track that is heard, None without one."""

    wanted: Wanted
    seen: Facts
    listened: Facts
    track: int | None

    @property
    def sound_file(self) -> Path:
        return self.wanted.sound or self.wanted.video

    @property
    def rate(self) -> float:
        return STILL_RATE if self.seen.still else self.seen.rate

    @property
    def seconds(self) -> float | None:
        return self.listened.seconds if self.seen.still else self.seen.seconds

    def pictures(self, damage: Damage) -> Iterator[Picture]:
        if not self.seen.still:
            return pictures(self.wanted.video, self.seen, damage)
        return shown(self.wanted.video, self.seen, self.seconds or 1.0)

    def tape(self, keep: float, damage: Damage) -> Tape:
        if self.track is None:
            return Tape(None)
        return Tape(blocks(self.sound_file, self.listened, self.track, damage), keep=keep)


def source_of(wanted: Wanted) -> Source:
    """Raises UserError: no pictures, a picture without a sound, a sound without one, a track that is not there."""
    seen = facts(wanted.video)
    if not seen.pictures:
        raise UserError(f"{wanted.video}: has no pictures; give a video, or a picture and --sound")
    if seen.still and wanted.sound is None:
        raise UserError(f"{wanted.video}: is one picture; give what is heard with --sound FILE")
    listened = facts(wanted.sound) if wanted.sound else seen
    if wanted.sound and not listened.tracks:
        raise UserError(f"--sound {wanted.sound}: has no sound; give another file")
    track = check_track(wanted.sound or wanted.video, listened, wanted.audio_track)
    return Source(wanted, seen, listened, track if listened.tracks else None)


def check_wanted(wanted: Wanted) -> Source:
    """What is read. Raises UserError before any work, as `Wanted.check` and `source_of` do."""
    wanted.check()
    return source_of(wanted)


def segment_video(wanted: Wanted, model: Segmenter, *, model_name: str) -> Report:
    """Do it. Raises UserError as `check_wanted` does, and when the disk refuses."""
    source, known = check_wanted(wanted), model.preprocessing
    if known is None:
        raise UserError("this model does not know its preprocessing; get it from create_model or load")
    report = Report(wanted.video.name, model_name, wanted.out, notes=notes_before(source))
    in_sound, in_pictures = Damage(), Damage()
    tape = source.tape(known.heard + known.seconds, in_sound)
    shown_to_it = windows(source.pictures(Damage()), tape, known, every_frame=wanted.every_frame)
    with Output(wanted, known.names, rate=source.rate, sounds=source.track is not None) as output:
        last = paint(source, (marked(model, window) for window in shown_to_it), output, report, in_pictures)
        output.rest_of(tape)
    report.notes += notes_after(source, report, last, in_pictures, in_sound)
    if wanted.report is not None:
        write_json(wanted.report, report.as_dict())
    return report


def paint(source: Source, found: Iterator[Marked], output: Output, report: Report, damage: Damage) -> float:
    """Write every picture with what is marked in it; the moment of the last one, in seconds."""
    now, last = None, 0.0
    length = math.ceil(source.seconds) if source.seconds else None
    with tqdm(total=length, unit="s", disable=not source.wanted.progress) as bar:
        for picture in source.pictures(damage):
            image, last = picture.image(), picture.time
            while now is None or picture.second >= now.window.stop:
                now = next(found)
                output.begin(now, image.size)
                report.add(now, output.names)
                bar.update(len(now.masks))
            output.picture(picture, image)
    return last


def notes_before(source: Source) -> list[str]:
    """What is to be said of the tracks."""
    if source.track is None:
        return [
            f"{source.sound_file} has no sound: what is marked was seen alone; give a sound with --sound FILE"
        ]
    tracks = source.listened.tracks
    if len(tracks) > 1 and source.wanted.audio_track is None:
        return [
            f"{source.sound_file} has {len(tracks)} tracks of sound, the first is heard ({tracks[0]}); "
            "choose another with --audio-track"
        ]
    return []


def notes_after(
    source: Source, report: Report, last: float, pictures: Damage, sound: Damage
) -> Iterator[str]:
    """What showed on the way: silence, damaged places, an early end."""
    if source.track is not None and all(second["loudness"] is None for second in report.seconds):
        yield f"{source.sound_file} is silent throughout: what is marked was seen alone"
    for damage, what in ((pictures, "pictures"), (sound, "sound")):
        if damage.places:
            yield f"{source.wanted.video}: damaged {what} at {damage}; what could be read is kept"
    promised = source.seconds or 0.0
    if not source.seen.still and promised - last > max(1.0, 2 / source.rate):
        yield f"{source.wanted.video}: its pictures end at {clock(last)} of {clock(promised)}"
