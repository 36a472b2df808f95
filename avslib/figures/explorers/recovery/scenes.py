"""A clip, a sound from off the screen over it, and what CPM's prompts get back: eq. 5 to look at and to listen to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from avslib.audio.files import resample
from avslib.audio.frontends import RATE, VGGishLogMel
from avslib.audio.resynthesis import LogMelSettings
from avslib.errors import UserError
from avslib.figures.explorers.recovery.masked import masked
from avslib.figures.explorers.still import still
from avslib.figures.html import Floats, Masks
from avslib.methods.cpm.learner import PromptingLearner, together
from avslib.methods.cpm.model import CPM
from avslib.methods.cpm.spectrogram import VGGISH, with_noise
from avslib.types import IGNORE, Clip


@dataclass(frozen=True)
class Recovered:
    """T seconds of sound. Pictures are (T, F, M), log-mel or, of masks, 0 to 1.

    name:      of the scene
    clean:     a_i;  corrupted: a_p;  recovered: a_p under `asked`
    due:       a_i / a_p;  asked: what the prompts of a second together ask for, nothing where there is none
    prompted:  (T,) bool, the seconds with a prompt
    waveforms: (3, S) at 16 kHz: clean, corrupted, recovered
    """

    name: str
    clean: Floats
    corrupted: Floats
    recovered: Floats
    due: Floats
    asked: Floats
    prompted: Masks
    waveforms: npt.NDArray[np.float32]

    @property
    def errors(self) -> tuple[float, float]:
        """Eq. 5 over the seconds with a prompt: of the prompts' mask, and of one that lets everything through."""
        if not self.prompted.any():
            return float("nan"), float("nan")
        due, asked = self.due[self.prompted], self.asked[self.prompted]
        return float(np.square(asked - due).mean()), float(np.square(1 - due).mean())


def recover(learner: PromptingLearner, own: Clip, other: Clip, *, name: str, seed: int = 0) -> Recovered:
    """`other`'s sound is added to that of `own`, and one prompt for each class that is seen and heard asks for the latter.

    The model hears what it is trained on, magnitudes that are added; the ear hears the sum of the waves. The mask is put on
    its spectrum with the phases of the mixture (`masked`). `seed` decides the prompts; the learner stays as it is.

    Raises UserError for a learner that has no masks of the spectrogram or hears another front end than VGGish's, and for two
    clips with the same class: that would not be off the screen.
    """
    _check(learner, own, other)
    seconds = len(own.labels)
    waves = [_mono(clip.waveform, clip.sample_rate) for clip in (own, other)]
    waves[1] = F.pad(waves[1], (0, max(0, len(waves[0]) - len(waves[1]))))[: len(waves[0])]
    clean, noise = (VGGishLogMel()(wave[None], RATE, frames=seconds) for wave in waves)  # T 1 F M
    corrupted, due = with_noise(clean, noise, torch.ones(seconds, dtype=torch.bool), learner.scale)
    asked, prompted = _asked(learner, own.labels, corrupted, seed)  # T F M
    mixture = waves[0] + waves[1]
    heard = torch.stack([waves[0], mixture, masked(mixture, asked.flatten(0, 1), LogMelSettings())])  # 3 S
    recovered = learner.scale.picture(learner.scale.of(corrupted[:, 0]) * asked)
    return Recovered(
        name=name, clean=clean[:, 0].numpy(), corrupted=corrupted[:, 0].numpy(), recovered=recovered.numpy(),
        due=due.numpy(), asked=asked.numpy(), prompted=prompted.numpy(),
        waveforms=(heard / heard.abs().max().clamp(min=1)).numpy(),
    )  # fmt: skip


def _asked(learner: PromptingLearner, labels: Tensor, sound: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """labels (T, H, W), sound (T, 1, F, M) -> the sigmoid of all prompts' masks added up (T, F, M); where there are any (T,)."""
    model: Any = cast(CPM, learner.model)
    with still(learner, seed=seed) as device:
        classes = learner.asked(labels.to(device)).classes  # T M
        absent = classes < 0
        nobody = absent.all(dim=1)
        tokens = model.hear(model.audio(sound.to(device), whole=True))
        spare = absent & ~nobody[:, None]
        heard = model.listen(learner.drawn(classes), tokens.new_zeros(()), model.heard(tokens), spare)
        whole = together(model.sound_masks(heard, tokens), absent, (sound.shape[-2], sound.shape[-1]))
        return (whole * ~nobody[:, None, None]).cpu(), ~nobody.cpu()


def _mono(waveform: Tensor, rate: int) -> Tensor:
    """(A, S) -> (S,) at 16 kHz."""
    return resample(waveform, rate, RATE).mean(dim=0)


def _check(learner: PromptingLearner, own: Clip, other: Clip) -> None:
    if cast(CPM, learner.model).sound_masks is None or learner.scale != VGGISH:
        raise UserError("this learner has no masks of VGGish's spectrogram; take CPM with ACP or PCL")
    if len(learner.assigned) == 2:  # of one class it is not known what makes the sound
        return
    classes = [set(clip.labels.flatten().tolist()) - {0, IGNORE} for clip in (own, other)]
    if same := classes[0] & classes[1]:
        raise UserError(
            f"both clips have class {min(same)}; what is to come from off the screen needs another"
        )
