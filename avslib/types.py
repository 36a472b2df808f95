"""The three things that move through the house: a `Clip`, a `Batch` of clips, a `Prediction`.

Shape letters, the same everywhere: B clips, T frames, N = B*T, C channels, D embedding, H W pixels,
Q queries, K classes (0 = background), A audio channels, S samples, M mel bins, F spectrogram frames, L tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

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
    extras:      named tensors that one method needs, e.g. a clean sound beside a mixed one; stacked by collate

    Raises UserError when the shapes do not agree or the waveform holds NaN or infinity.
    """

    frames: Tensor
    waveform: Tensor
    sample_rate: int
    labels: Tensor
    annotated: Tensor
    valid: Tensor
    identifier: str
    extras: dict[str, Tensor] = field(default_factory=dict)

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
    extras:    (B, ...) each, as in `Clip`
    """

    frames: Tensor
    sound: Tensor
    labels: Tensor
    annotated: Tensor
    valid: Tensor
    identifiers: tuple[str, ...] = ()
    extras: dict[str, Tensor] = field(default_factory=dict)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch with every tensor on `device`."""
        every: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **_converted(every, lambda x: x.to(device, non_blocking=True)))


@dataclass(frozen=True)
class Prediction:
    """What every model returns.

    logits: (B, T, K, H, W); K = 1 for binary tasks (a sigmoid follows), else a softmax over classes
    extras: named tensors that the paper's loss needs; each model documents its own
    layers: one dict of named tensors for each further layer or stage that this loss supervises
    """

    logits: Tensor
    extras: dict[str, Tensor] = field(default_factory=dict)
    layers: tuple[dict[str, Tensor], ...] = ()

    def in_float32(self) -> Prediction:
        """The same in float32: under bf16 losses and scores still need its range. float64 stays."""
        return Prediction(**_converted(vars(self), _single))


class Clips(Sized, Protocol):
    """A data set: `len(clips)`, and `clips[i] -> Clip`, a pure function of i."""

    def __getitem__(self, index: int, /) -> Clip: ...


FrontEnd = Callable[..., Tensor]
"""`front_end(waveform (A, S), sample_rate, frames=T) -> (T, A', F, M)`."""

Criterion = Callable[[Prediction, Batch], dict[str, Tensor]]
"""`criterion(prediction, batch) -> {term: scalar}`, unweighted."""


class ScoringProtocol(Protocol):
    """A named way to score: logits (B, T, K, H, W), labels (B, T, H, W), valid (B, T)."""

    @property
    def name(self) -> str: ...

    def update(self, logits: Tensor, labels: Tensor, valid: Tensor | None = None) -> None: ...

    def merge(self, other: Any, /) -> None: ...

    def compute(self) -> dict[str, float]: ...


class PredictionScorer(Protocol):
    """What counts more of a prediction than its logits: of one method, say, which of its layers knows what."""

    @property
    def name(self) -> str: ...

    def update(self, prediction: Prediction, batch: Batch) -> None: ...

    def merge(self, other: Any, /) -> None: ...

    def compute(self) -> dict[str, float]: ...


def _single(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def _converted(value: Any, convert: Callable[[Tensor], Tensor]) -> Any:
    """`convert` applied to every tensor in a dict or tuple, however deep."""
    if isinstance(value, Tensor):
        return convert(value)
    if isinstance(value, dict):
        return {name: _converted(item, convert) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_converted(item, convert) for item in value)
    return value
