"""Which piece of the sound belongs to a frame: the three ways of the papers, under their names.

    vggish-0.96   0.96 s a frame, one behind the other: frame t hears from 0.96 t on. AVSBench, AVSegFormer,
                  PCMANet, VCT. A clip of five seconds gives five pieces, but they slide ahead of the pictures:
                  frame 9 hears from 8.64 s on, 0.36 s before its second begins
    1s            the second itself, t to t + 1. CAVP on AVSBench. (Its code takes other seconds for clips of
                  five; that is not followed)
    3s            three seconds around the frame, from t - 1 to t + 2, moved inside the sound at its ends;
                  a single picture hears the middle. CAVP on VPO: neighbouring frames share two thirds of it

They differ in the front end too: `vggish-0.96` is VGGish's log-mel, up to 7500 Hz, the other two are CAVP's, up
to 3800 Hz. Scores of one are no scores of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from avslib.audio.files import check_waveform
from avslib.audio.frontends import CavpLogMel, FrontEnd, VGGishLogMel
from avslib.errors import UserError


@dataclass(frozen=True)
class SoundWindow:
    """One way to give every frame its sound.

    seconds:   how much a frame hears
    step:      seconds from one frame's piece to the next
    before:    how long before its second the piece of frame t begins, where it is not cut in a row
    front_end: () -> the front end that hears these pieces, as the paper uses it
    papers:    who does it
    """

    name: str
    seconds: float
    step: float
    before: float
    front_end: Callable[[], FrontEnd]
    papers: str

    def spans(self, frames: int, duration: float) -> list[tuple[float, float]]:
        """[(start, stop)] in seconds of what each of T frames hears of `duration` seconds of sound.

        A piece that would reach past the end is moved back; past the end of shorter sound lies silence.
        """
        if frames == 1 and self.seconds > self.step:
            starts = [max(0.0, (duration - self.seconds) / 2)]
        else:
            last = max(0.0, duration - self.seconds)
            starts = [min(max(0.0, t * self.step - self.before), last) for t in range(frames)]
        return [(start, start + self.seconds) for start in starts]

    def cut(self, waveform: Tensor, sample_rate: int, *, frames: int) -> Tensor:
        """(A, S) -> (T, A, S') what each frame hears, to be listened to; silence behind the sound's end."""
        check_waveform(waveform, sample_rate)
        length = round(self.seconds * sample_rate)
        spans = self.spans(frames, waveform.shape[-1] / sample_rate)
        starts = [round(start * sample_rate) for start, _ in spans]
        padded = F.pad(waveform, (0, max(0, max(starts) + length - waveform.shape[-1])))
        return torch.stack([padded[:, start : start + length] for start in starts])


SOUND_WINDOWS: dict[str, SoundWindow] = {
    window.name: window
    for window in (
        SoundWindow("vggish-0.96", 0.96, 0.96, 0.0, VGGishLogMel, "AVSBench, AVSegFormer, PCMANet, VCT"),
        SoundWindow("1s", 1.0, 1.0, 0.0, lambda: CavpLogMel(seconds=1, channels=1), "CAVP on AVSBench"),
        SoundWindow("3s", 3.0, 1.0, 1.0, lambda: CavpLogMel(seconds=3), "CAVP on VPO"),
    )
}


def sound_window(name: str) -> SoundWindow:
    """The way called `name`. Raises UserError listing the three names."""
    if name not in SOUND_WINDOWS:
        raise UserError(f"unknown sound window {name!r}; choose one of {', '.join(SOUND_WINDOWS)}")
    return SOUND_WINDOWS[name]
