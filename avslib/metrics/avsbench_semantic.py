"""`avsbench-semantic`: how AVSBench-semantic (AVSS) has been scored since its paper."""

from __future__ import annotations

import torch

from avslib.errors import UserError
from avslib.metrics.frames import FrameProtocol, Frames, decide
from avslib.metrics.statistics import confusion

BETA_SQUARED = 0.3


class AVSBenchSemantic(FrameProtocol):
    """Per-class IoU and F, averaged over the frames that show the class (AVSBench-semantic paper;
    `avs_scripts/avss/utils/compute_color_metrics.py`).

    In each frame every class has an IoU and an F of the best class at each pixel (no thresholds).
    They are summed over frames; a class counts a frame when it is labelled *or predicted* there.
    The traps:

    - A few stray pixels of a class that is not there add a frame with IoU 0 to that class. A mean
      over frames is far more sensitive to such noise than `dataset-level` is.
    - A class that never occurs scores 0 and is part of the mean over classes; so is background.
    - `mIoU_drop_last` leaves out the *last* class. The authors' log calls it the score without
      background, which is class 0.
    - Padded frames count: model and labels are blank there, so each adds an IoU and an F of 1 to the
      background. `count_padded_frames=False` leaves them out.
    - No pixel can be ignored.

    classes: K, background included
    Raises UserError when it is below 2.
    """

    settings, sums = ("classes",), ("iou_sum", "f_sum", "count")

    def __init__(self, *, classes: int = 71, count_padded_frames: bool = True) -> None:
        if classes < 2:
            raise UserError(f"classes={classes}; background and at least one class make 2")
        self.classes, self.count_padded_frames = classes, count_padded_frames
        self.iou_sum = torch.zeros(classes, dtype=torch.float64)
        self.f_sum = torch.zeros(classes, dtype=torch.float64)
        self.count = torch.zeros(classes, dtype=torch.float64)

    @property
    def name(self) -> str:
        """'avsbench-semantic', and whether padded frames were left out."""
        return "avsbench-semantic" + ("" if self.count_padded_frames else " (without padded frames)")

    def add(self, frames: Frames) -> None:
        """See `FrameProtocol`; but padded frames are blank in labels and prediction, or left out."""
        if not self.count_padded_frames:
            frames = frames.only_valid()
        blank = ~frames.valid.view(-1, 1, 1)
        frames = Frames(frames.logits, frames.labels.masked_fill(blank, 0), frames.valid)
        predicted, labels = decide(frames, self.classes, ignore=False, protocol=self.name)
        tables = confusion(predicted.masked_fill(blank, 0), labels, self.classes).cpu().double()  # (N, K, K)
        hit = tables.diagonal(dim1=1, dim2=2)  # (N, K)
        labelled, marked = tables.sum(2), tables.sum(1)  # (N, K)
        union = labelled + marked - hit
        precision, recall = hit / marked.clamp(min=1), hit / labelled.clamp(min=1)
        f = (1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall)
        self.iou_sum = self.iou_sum + (hit / union.clamp(min=1)).sum(0)
        self.f_sum = self.f_sum + f.nan_to_num(0.0).sum(0)
        self.count = self.count + (union > 0).sum(0)

    def per_class(self) -> dict[str, list[float]]:
        """{'IoU': K values, 'F': K values}; 0 for a class that never occurred."""
        seen = self.count.clamp(min=1)
        return {"IoU": (self.iou_sum / seen).tolist(), "F": (self.f_sum / seen).tolist()}

    def compute(self) -> dict[str, float]:
        """{'mIoU', 'F', 'mIoU_drop_last'} in 0..1 so far. Raises UserError when nothing was scored."""
        if not bool(self.count.any()):
            raise UserError(f"{self.name}: no frame was scored; is the data set empty?")
        iou, f = self.per_class()["IoU"], self.per_class()["F"]
        mean, without_last = sum(iou) / self.classes, sum(iou[:-1]) / (self.classes - 1)
        return {"mIoU": mean, "F": sum(f) / self.classes, "mIoU_drop_last": without_last}
