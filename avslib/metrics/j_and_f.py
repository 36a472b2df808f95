"""`J&F`: region and contour, as video object segmentation is scored since DAVIS."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from avslib.errors import UserError
from avslib.metrics.frames import FrameProtocol, Frames, decide

TOLERANCE = 0.008
"""Of the picture's diagonal: contours that are no further apart agree (DAVIS, `bound_th`)."""
AT_ONCE = 32  # masks; the dilation holds each as float32


class JAndF(FrameProtocol):
    """Mean IoU of the regions (J) and F of the contours (Perazzi et al., "A Benchmark Dataset and Evaluation
    Methodology for Video Object Segmentation", CVPR 2016; counted as in the public DAVIS code).

    J is the IoU of the marked region. F compares outlines: precision is the share of the predicted outline
    that lies near the true one, recall the reverse, F their harmonic mean (beta = 1). The traps:

    - **What tables of AVS papers call J&F is something else**: half mIoU, half the F of `avsbench-binary`.
      That is `J&F-papers`. Nothing in it looks at contours.
    - "Near" is 0.8 % of the diagonal, rounded up: 3 pixels at 224 x 224, 2 at 128 x 128. Scores at two sizes
      cannot be compared.
    - A silent frame scores 1 if nothing is marked and 0 if a single pixel is; `avsbench-binary` would
      forgive that pixel.
    - A mask that covers the whole picture has no outline: in a silent frame its J is 0 and its F is 1.
    - DAVIS leaves out the first and the last frame and averages by clip first. Here every frame counts,
      and all count the same.
    - With more than two classes each class is an object. It is scored in the frames where it is labelled
      *or* predicted, and averaged over those; the mean over classes leaves out the background and what
      never occurs. There a rightly silent frame earns nothing.
    - No pixel can be ignored.

    classes: K, background included; 2 for binary masks
    Raises UserError when it is not in 2..255.
    """

    name = "J&F"
    settings, sums = ("classes",), ("frames", "j_sum", "f_sum", "count")

    def __init__(self, *, classes: int = 2) -> None:
        if not 2 <= classes <= 255:
            raise UserError(f"classes={classes}; give 2..255, background included")
        self.classes, self.frames = classes, 0
        self.j_sum = torch.zeros(classes, dtype=torch.float64)
        self.f_sum = torch.zeros(classes, dtype=torch.float64)
        self.count = torch.zeros(classes, dtype=torch.float64)

    def add(self, frames: Frames) -> None:
        """See `FrameProtocol`; one logit a pixel marks it when its sigmoid is above 0.5."""
        frames = frames.only_valid()
        predicted, labels = decide(frames, self.classes, ignore=False, protocol=self.name)  # (N, H, W)
        self.frames += len(labels)
        frame, label = self._objects(predicted, labels)  # (P,) each
        for at in range(0, len(frame), AT_ONCE):
            n, c = frame[at : at + AT_ONCE], label[at : at + AT_ONCE]
            marked, true = predicted[n] == c.view(-1, 1, 1), labels[n] == c.view(-1, 1, 1)  # (P, H, W)
            found, c = torch.stack([region_j(marked, true), contour_f(marked, true)]).cpu(), c.cpu()
            self.j_sum = self.j_sum.index_add(0, c, found[0])
            self.f_sum = self.f_sum.index_add(0, c, found[1])
            self.count = self.count.index_add(0, c, torch.ones_like(found[0]))

    def per_class(self) -> dict[str, list[float]]:
        """{'J': K values, 'F': K values}; NaN for the background and for what never occurred."""
        return {"J": (self.j_sum / self.count).tolist(), "F": (self.f_sum / self.count).tolist()}

    def compute(self) -> dict[str, float]:
        """{'J&F', 'J', 'F'} in 0..1 so far; 1 where nothing was to be found and nothing was marked.

        Raises UserError when nothing was scored.
        """
        if not self.frames:
            raise UserError("J&F: no frame was scored; is the data set empty?")
        seen = self.count > 0
        j, f = (
            float((total[seen] / self.count[seen]).mean()) if bool(seen.any()) else 1.0
            for total in (self.j_sum, self.f_sum)
        )
        return {"J&F": (j + f) / 2, "J": j, "F": f}

    def _objects(self, predicted: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """What is scored, as (frame, label) pairs: (P,) each. Binary: the foreground of every frame."""
        if self.classes == 2:
            every = torch.arange(len(labels), device=labels.device)
            return every, torch.ones_like(every)
        frame = torch.arange(len(labels), device=labels.device).view(-1, 1, 1) * self.classes  # (N, 1, 1)
        shown = torch.cat([(frame + labels).flatten(), (frame + predicted).flatten()]).bincount()
        pairs = shown.nonzero().flatten()
        pairs = pairs[pairs % self.classes > 0]
        return pairs // self.classes, pairs % self.classes


def region_j(marked: Tensor, true: Tensor) -> Tensor:
    """IoU of masks (N, H, W) bool -> (N,) float64; 1 where both are empty."""
    # Counted where the masks are, divided on the CPU: Apple's GPUs have no float64.
    union = (marked | true).sum((1, 2)).cpu().double()
    return torch.where(union > 0, (marked & true).sum((1, 2)).cpu() / union.clamp(min=1), 1.0)


def contour_f(marked: Tensor, true: Tensor) -> Tensor:
    """F of the outlines of masks (N, H, W) bool -> (N,) float64; 1 where neither has one, 0 where one has."""
    ours, theirs = contour(marked), contour(true)  # (N, H, W)
    length, due = ours.sum((1, 2)).cpu().double(), theirs.sum((1, 2)).cpu().double()  # (N,)
    radius = math.ceil(TOLERANCE * math.hypot(*marked.shape[1:]))
    precision = (ours & near(theirs, radius)).sum((1, 2)).cpu() / length  # (N,)
    recall = (theirs & near(ours, radius)).sum((1, 2)).cpu() / due  # (N,)
    f = 2 * precision * recall / (precision + recall)
    return torch.where((length == 0) & (due == 0), 1.0, f.nan_to_num(0.0))


def contour(masks: Tensor) -> Tensor:
    """(N, H, W) bool -> (N, H, W) bool: pixels that differ from the next one right, below, or below right.

    The picture's border is no contour: a mask that is cut off there is open.
    """
    wide = torch.cat([masks, masks[:, :, -1:]], dim=2)
    wide = torch.cat([wide, wide[:, -1:]], dim=1)  # (N, H + 1, W + 1)
    return (masks ^ wide[:, :-1, 1:]) | (masks ^ wide[:, 1:, :-1]) | (masks ^ wide[:, 1:, 1:])


def near(masks: Tensor, radius: int) -> Tensor:
    """(N, H, W) bool -> (N, H, W) bool: pixels at most `radius` pixels away from a marked one."""
    across = torch.arange(-radius, radius + 1, device=masks.device)
    disk = (across.square().unsqueeze(1) + across.square() <= radius**2).float()
    counts = F.conv2d(masks.unsqueeze(1).float(), disk[None, None], padding=radius)  # (N, 1, H, W)
    return counts.squeeze(1) > 0.5
