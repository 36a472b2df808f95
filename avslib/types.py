"""The three things that move through the house: a `Clip`, a `Batch` of clips, a `Prediction`.

Shape letters, the same everywhere: B clips, T frames, N = B*T, C channels, D embedding, H W pixels,
Q queries, K classes (0 = background), A audio channels, S samples, M mel bins, F spectrogram frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

from avslib.errors import UserError

IGNORE = 255
"""Label of a pixel that neither trains nor scores."""


@dataclass(frozen=True)
class Clip:
    """One video clip with its sound, as a reader gives it.

    frames:      (T, 3, H, W) uint8; or (1, 3, H, W): a still that is looked at for all T seconds
    waveform:    (A, S) float32 in [-1, 1], A = 1 mono or 2 stereo (left, right)
    sample_rate: of the waveform, in hertz
    labels:      (T, H, W) long: 0 background, 1..K-1 the class that sounds, 255 ignore.
                 Binary sets (S4, MS3) use 0 and 1
    annotated:   (T,) bool, True where `labels` may be used for training
    valid:       (T,) bool, False where the frame is padding
    identifier:  unique name of the clip in its data set

    Raises UserError when the shapes do not agree or the waveform holds NaN or infinity.
    """

    frames: Tensor
    waveform: Tensor
    sample_rate: int
    labels: Tensor
    annotated: Tensor
    valid: Tensor
    identifier: str

    def __post_init__(self) -> None:
        seconds = self.labels.shape[0]
        if self.frames.shape[0] not in (1, seconds):
            raise UserError(
                f"{self.identifier}: {self.frames.shape[0]} frames but {seconds} label maps; "
                "give one frame per label map, or a single still"
            )
        if self.frames.shape[-2:] != self.labels.shape[-2:]:
            raise UserError(
                f"{self.identifier}: frames are {tuple(self.frames.shape[-2:])} but masks "
                f"{tuple(self.labels.shape[-2:])}; resize both to one size"
            )
        if not bool(torch.isfinite(self.waveform.sum())):  # a sum is finite only if every sample is
            raise UserError(f"{self.identifier}: the waveform holds NaN or infinity; re-extract the audio")


@dataclass(frozen=True)
class Batch:
    """Stacked clips, ready for a model.

    frames:    (B, T, 3, H, W), or (B, 1, 3, H, W) for stills, which models encode once and hear T
               times. uint8 pixels (the visual encoder normalises them), or float already normalised
    sound:     (B, T, A, F, M) the front end's picture of each second
    labels:    (B, T, H, W) long; annotated and valid: (B, T) bool, as in `Clip`
    """

    frames: Tensor
    sound: Tensor
    labels: Tensor
    annotated: Tensor
    valid: Tensor
    identifiers: tuple[str, ...] = ()

    def to(self, device: torch.device | str) -> Batch:
        """The same batch with every tensor on `device`."""
        moved = {
            f.name: getattr(self, f.name).to(device, non_blocking=True)
            for f in fields(self)
            if isinstance(getattr(self, f.name), Tensor)
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class Prediction:
    """What every model returns.

    logits: (B, T, K, H, W); K = 1 for binary tasks (a sigmoid follows), else a softmax over classes
    extras: named tensors that the paper's loss needs; each model documents its own
    """

    logits: Tensor
    extras: dict[str, Tensor] = field(default_factory=dict)
