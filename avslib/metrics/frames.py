"""What a protocol is given, checked once and laid out as N frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.types import IGNORE

P = TypeVar("P", bound="FrameProtocol")


@dataclass(frozen=True)
class Frames:
    """N frames to score: logits (N, K, H, W) float32, labels (N, H, W) long, valid (N,) bool."""

    logits: Tensor
    labels: Tensor
    valid: Tensor

    def only_valid(self) -> Frames:
        """Without the frames that are padding."""
        return Frames(self.logits[self.valid], self.labels[self.valid], self.valid[self.valid])


class FrameProtocol(ABC):
    """What the protocols do alike: they take frames, and add what another process counted.

    settings: the attributes that must be equal for that;  sums: those that are added
    """

    settings: ClassVar[tuple[str, ...]] = ()
    sums: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def name(self) -> str: ...

    @abstractmethod
    def add(self, frames: Frames) -> None:
        """Score frames that `update` has checked."""

    def update(self, logits: Tensor, labels: Tensor, valid: Tensor | None = None) -> None:
        """Score more frames.

        logits (B, T, K, H, W) with labels (B, T, H, W) and valid (B, T); or (N, K, H, W) with (N, H, W) and (N,);
        or, for one logit a pixel, (N, H, W) with (N, H, W). One logit a pixel passes for two classes, of which any
        label above 0 is the second. Frames that are not `valid` are left out; no `valid` means all are.

        Raises UserError on shapes that do not fit, another number of logits than the protocol takes, logits that
        are not finite, labels that are no integers or no class of it, and for 255 where no pixel can be ignored.
        """
        self.add(as_frames(logits, labels, valid))

    def merge(self: P, other: P) -> None:
        """Add what another process scored. Raises UserError when it did not score the same way."""
        mine, theirs = (
            ", ".join((one.name, *(f"{name}={getattr(one, name)}" for name in one.settings)))
            for one in (self, other)
        )
        if mine != theirs:
            raise UserError(f"cannot merge {mine} with {theirs}; score one way")
        for name in self.sums:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def as_frames(logits: Tensor, labels: Tensor, valid: Tensor | None = None) -> Frames:
    """N frames out of what `FrameProtocol.update` takes, checked but for the values of the labels."""
    if logits.dim() == 5:
        logits = logits.flatten(0, 1)  # (N, K, H, W)
        labels = labels.flatten(0, 1) if labels.dim() == 4 else labels  # (N, H, W)
    elif logits.dim() == 3:
        logits = logits.unsqueeze(1)  # (N, 1, H, W)
    if logits.dim() != 4 or labels.dim() != 3 or (*logits.shape[:1], *logits.shape[2:]) != labels.shape:
        raise UserError(
            f"logits of {tuple(logits.shape)} do not fit labels of {tuple(labels.shape)}; "
            "one label map a frame, of the logits' height and width"
        )
    if labels.is_floating_point() or labels.is_complex():
        raise UserError(f"labels are {labels.dtype}; give class indices as integers")
    if not bool(torch.isfinite(logits).all()):
        raise UserError("the logits hold NaN or infinity; the model has diverged")
    valid = torch.ones(len(labels), dtype=torch.bool) if valid is None else valid.flatten().bool()
    if len(valid) != len(labels):
        raise UserError(f"{len(valid)} valid flags for {len(labels)} frames; give one a frame")
    device = logits.device
    return Frames(logits.detach().float(), labels.long().to(device), valid.to(device))


def check_labels(labels: Tensor, highest: int, *, ignore: bool, protocol: str) -> None:
    """Raise UserError unless every label is in 0..highest, or 255 where the protocol can ignore pixels."""
    wrong = (labels < 0) | (labels > highest)
    if ignore:
        wrong &= labels != IGNORE
    elif bool((labels == IGNORE).any()):
        raise UserError(
            f"{protocol} cannot leave out pixels, but the labels hold {IGNORE} (ignore); "
            "use dataset-level, or mark frames without annotation in `valid`"
        )
    if bool(wrong.any()):
        raise UserError(f"{protocol}: label {int(labels[wrong][0])} is outside 0..{highest}")


def decide(
    frames: Frames, classes: int, *, ignore: bool, protocol: str, threshold: float = 0.5
) -> tuple[Tensor, Tensor]:
    """The class of each pixel, predicted and true: (N, H, W) long each, checked.

    One logit a pixel passes for two classes: it marks where its sigmoid is above `threshold`, and any label
    above 0 is foreground. Raises UserError for another number of logits, or labels that do not fit.
    """
    channels, labels = frames.logits.shape[1], frames.labels
    if channels != classes and (channels, classes) != (1, 2):
        raise UserError(f"{protocol} of {classes} classes got {channels} logits a pixel")
    if channels > 1:
        check_labels(labels, classes - 1, ignore=ignore, protocol=protocol)
        return frames.logits.max(dim=1).indices, labels  # argmax gives the same and takes three times as long
    check_labels(labels, IGNORE - 1, ignore=ignore, protocol=protocol)
    marked = (frames.logits[:, 0].sigmoid() > threshold).long()
    return marked, torch.where((labels > 0) & (labels != IGNORE), 1, labels)
