"""What every model of the course is: frames and sound in, masks out, and the preprocessing that it was trained with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from avslib.errors import UserError
from avslib.types import Batch, FrontEnd, Prediction


@dataclass(frozen=True)
class Preprocessing:
    """What happens before a model: `front_end` turns sound into pictures, frames become squares of `size` pixels.

    size: None where the model sees every picture in its own size
    seconds: T of a clip;  names: of classes 1, 2, ...; none where masks are binary or the classes are numbers
    """

    front_end: FrontEnd
    size: int | None
    seconds: int = 5
    names: tuple[str, ...] = ()

    @property
    def heard(self) -> float:
        """Seconds of sound around a clip: more than it lasts where a frame hears more than its own second."""
        own = float(getattr(self.front_end, "seconds", 1.0))
        return max(float(self.seconds), own)


class Segmenter(nn.Module, ABC):
    """A model of the course. A subclass sets `visual` and `audio`, and gives `segment`.

    visual: (N, 3, H, W) -> maps at strides 4, 8, 16, 32
    audio:  (N, A, F, M) -> tokens (N, L, D); L = 1 where it pools, as VGGish does
    preprocessing: set by `create_model`, `load` and `Run.model`; `predict` needs it
    """

    visual: nn.Module
    audio: nn.Module
    preprocessing: Preprocessing | None = None

    def forward(self, batch: Batch) -> Prediction:
        """The batch's clips; stills (time axis 1) pass the visual encoder once and meet T sounds."""
        tokens = self.audio(batch.sound.flatten(0, 1)).unflatten(0, batch.sound.shape[:2])  # B T L D
        return self.segment(batch.frames, tokens, batch.valid)

    @abstractmethod
    def segment(self, frames: Tensor, tokens: Tensor, valid: Tensor) -> Prediction:
        """frames (B, T or 1, 3, H, W), sound tokens (B, T, L, D), valid (B, T): from the sound's encoder on."""

    @torch.inference_mode()
    def predict(
        self,
        frames: Tensor | npt.NDArray[np.uint8],
        waveform: Tensor | npt.NDArray[np.float32],
        sample_rate: int,
    ) -> Tensor:
        """The masks of one clip: (T, H, W) long on the CPU, 0 background, else 1 (binary) or the class.

        frames:   (T, 3, H, W) or (T, H, W, 3) uint8, one a second, of any size
        waveform: (A, S) or (S,) in [-1, 1], at any `sample_rate`; its first T seconds are heard

        Raises UserError for other shapes and types, no samples, NaN, and a model without preprocessing.
        """
        if self.preprocessing is None:
            raise UserError("this model does not know its preprocessing; get it from create_model or load")
        pictures, sound = _as_frames(frames), torch.as_tensor(waveform, dtype=torch.float32)
        sound = sound[None] if sound.ndim == 1 else sound  # A S
        seconds, _, height, width = pictures.shape
        device = next(self.parameters()).device
        heard = self.preprocessing.front_end(sound, sample_rate, frames=seconds)[None].to(device)
        seen = resize(pictures, self.preprocessing.size)[None].to(device)
        blank, every = torch.zeros(1, seconds, *seen.shape[-2:]), torch.ones(1, seconds, dtype=torch.bool)
        was_training = self.training
        logits = self.eval()(Batch(seen, heard, blank, every, every.to(device))).logits[0].float()  # T K h w
        self.train(was_training)
        return masks(F.interpolate(logits, (height, width), mode="bilinear", align_corners=False).cpu())


def hearings(sounds: int, pictures: int) -> int:
    """How many sounds each picture meets: 1 in a video, T of a still."""
    if sounds == pictures:  # a traced n // n stays a fraction, which is not known to be 1
        return 1
    return sounds // pictures


def masks(logits: Tensor) -> Tensor:
    """(T, K, H, W) -> (T, H, W) long: of one logit 1 where it is above 0, of several the best class."""
    return (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(dim=1)


def resize(frames: Tensor, size: int | None) -> Tensor:
    """(T, 3, H, W) uint8 -> (T, 3, size, size), as the readers of the benchmarks do it: PIL, bilinear."""
    if size is None or frames.shape[-2:] == (size, size):
        return frames
    pictures = [Image.fromarray(frame.permute(1, 2, 0).numpy()) for frame in frames]
    small = [np.array(picture.resize((size, size), Image.Resampling.BILINEAR)) for picture in pictures]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2)


def _as_frames(frames: Tensor | npt.NDArray[np.uint8]) -> Tensor:
    given = torch.as_tensor(frames).cpu()
    if (
        given.dtype != torch.uint8
        or given.ndim != 4
        or 3 not in (given.shape[1], given.shape[3])
        or not len(given)
    ):
        raise UserError(
            f"frames of shape {tuple(given.shape)} and type {given.dtype}: give (T, 3, H, W) or (T, H, W, 3) "
            "uint8 pixels, one frame a second"
        )
    if given.shape[1] != 3:
        given = given.permute(0, 3, 1, 2)
    return given.contiguous()
