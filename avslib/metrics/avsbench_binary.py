"""`avsbench-binary`: how S4 and MS3 have been scored since the AVSBench paper."""

from __future__ import annotations

import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.metrics.frames import FrameProtocol, Frames, check_labels
from avslib.metrics.statistics import THRESHOLDS, threshold_counts
from avslib.types import IGNORE

BETA_SQUARED = 0.3
SECONDS = 5  # frames in a clip of S4 and MS3


def mask_iou(logits: Tensor, foreground: Tensor) -> Tensor:
    """IoU of each frame: logits (N, H, W), foreground (N, H, W) bool -> (N,) float64.

    A pixel is marked when its sigmoid is above 0.5. A frame with nothing to find is scored by the
    share of its pixels that were left unmarked.
    """
    marked = logits.sigmoid() > 0.5
    # Counted where the masks are, divided on the CPU: Apple's GPUs have no float64.
    intersection = (marked & foreground).sum((1, 2)).cpu().double()
    union = (marked | foreground).sum((1, 2)).cpu().double()
    unmarked = (~marked).sum((1, 2)).cpu().double() / marked[:1].numel()
    return torch.where(foreground.any(2).any(1).cpu(), intersection / (union + 1e-7), unmarked)


def f_curve(logits: Tensor, foreground: Tensor) -> Tensor:
    """F (beta^2 = 0.3) at 255 thresholds: logits (N, H, W), foreground (N, H, W) bool -> (N, 255) float64.

    0 where nothing was hit.
    """
    marked, hit = (counts.cpu().double() for counts in threshold_counts(logits.sigmoid(), foreground))
    precision = hit / marked.clamp(min=1)  # (N, 255)
    recall = hit / foreground.sum((1, 2)).cpu().clamp(min=1).unsqueeze(1)  # (N, 255)
    f = (1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall)
    return f.nan_to_num(0.0)


def any_class(logits: Tensor) -> Tensor:
    """(N, K, H, W) -> (N, H, W): the logit of the probability of any class but 0; K = 1 as it is."""
    if logits.shape[1] == 1:
        return logits[:, 0]
    return logits[:, 1:].logsumexp(1) - logits[:, 0]


class AVSBenchBinary(FrameProtocol):
    """mIoU and F of binary masks, batch by batch (AVSBench paper, section 4; `avs_scripts/*/utils`).

    Frames are cut, in the order they come, into batches of `frames_per_batch`; the size of the
    batches that `update` is called with does not matter. Each batch gives one mIoU and one F; the
    result is the mean over batches. The traps:

    - **F depends on the batch size.** The curve of F over 255 thresholds is averaged over the frames
      of a batch, and only then its maximum is taken: the larger the batch, the lower F. The
      published test scripts use 4 clips of 5 frames (the default); some methods use 1 or 2.
    - Every batch weighs the same, so frames of a smaller last batch weigh more.
    - A frame with no foreground counts in mIoU (the share of pixels left unmarked: 1 if nothing was
      marked), and is skipped in F. A batch of such frames only adds an F of 0.
    - The last threshold is 1.0, the first 0.0: at the first every pixel is marked, so F is never
      below that of a mask that covers the picture.
    - Masks that are only black and white have no thresholds: their F is that of the mask itself (or of the
      whole picture, if that is higher), and lower than the F of the probabilities they were cut from.
    - No pixel can be ignored.

    frames_per_batch: in frames, not clips
    any_class:        of several logits a pixel, score the probability that it is any class but background
    Raises UserError when it is below 1.
    """

    sums = ("batches", "totals")

    def __init__(self, *, frames_per_batch: int = 4 * SECONDS, any_class: bool = False) -> None:
        if frames_per_batch < 1:
            raise UserError(f"frames_per_batch={frames_per_batch}; a batch holds at least 1 frame")
        self.frames_per_batch, self.any_class = frames_per_batch, any_class
        self.batches = 0
        self.totals = torch.zeros(2, dtype=torch.float64)  # mIoU and F, summed over whole batches
        # Frames of the batch under way: IoU, whether it has foreground, F at 255 thresholds
        self.pending = torch.zeros(0, 2 + len(THRESHOLDS), dtype=torch.float64)

    @property
    def name(self) -> str:
        """E.g. 'avsbench-binary (batch of 4 clips)'; in frames where that is no whole number of clips."""
        clips, rest = divmod(self.frames_per_batch, SECONDS)
        count, unit = (self.frames_per_batch, "frame") if rest or self.any_class else (clips, "clip")
        more = ", any class" if self.any_class else ""
        return f"avsbench-binary (batch of {count} {unit}{'s' if count > 1 else ''}{more})"

    def add(self, frames: Frames) -> None:
        """See `FrameProtocol`; a label above 0 is foreground."""
        frames = frames.only_valid()
        channels = frames.logits.shape[1]
        if channels != 1 and not self.any_class:
            raise UserError(
                f"avsbench-binary takes one logit a pixel, not {channels}; "
                "of two classes give logits[1] - logits[0]"
            )
        check_labels(frames.labels, IGNORE - 1, ignore=False, protocol="avsbench-binary")
        scores, foreground = any_class(frames.logits), frames.labels > 0  # (N, H, W)
        found = foreground.any(2).any(1).cpu()
        iou, curve = mask_iou(scores, foreground), f_curve(scores, foreground)
        self._append(torch.cat([iou.unsqueeze(1), found.unsqueeze(1), curve], dim=1))

    def merge(self, other: AVSBenchBinary) -> None:
        """See `FrameProtocol`. Equal to one process if all but one were given whole batches."""
        super().merge(other)
        self._append(other.pending)

    def compute(self) -> dict[str, float]:
        """{'mIoU', 'F'} in 0..1 so far; a last batch that is not full counts as a batch.

        Raises UserError when nothing was scored.
        """
        batches, totals = self.batches, self.totals
        if len(self.pending):
            batches, totals = batches + 1, totals + _score_batch(self.pending)
        if not batches:
            raise UserError(f"{self.name}: no frame was scored; is the data set empty?")
        miou, f = (totals / batches).tolist()
        return {"mIoU": miou, "F": f}

    def _append(self, frames: Tensor) -> None:
        """Add frames (N, 2 + 255) and fold every batch that is now full into the totals."""
        pending = torch.cat([self.pending, frames])
        while len(pending) >= self.frames_per_batch:
            self.totals = self.totals + _score_batch(pending[: self.frames_per_batch])
            self.batches += 1
            pending = pending[self.frames_per_batch :]
        self.pending = pending.clone()  # not a view that keeps all the frames alive


def _score_batch(frames: Tensor) -> Tensor:
    """(2,) mIoU and F of one batch of frames (N, 2 + 255)."""
    iou, found, curves = frames[:, 0], frames[:, 1] > 0, frames[:, 2:]
    f = curves[found].mean(0).max() if bool(found.any()) else torch.zeros((), dtype=torch.float64)
    return torch.stack([iou.mean(), f])
