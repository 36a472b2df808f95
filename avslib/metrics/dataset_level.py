"""`dataset-level`: one confusion matrix over every pixel of the data set, as in Pascal VOC and in CAVP."""

from __future__ import annotations

import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.metrics.frames import FrameProtocol, Frames, decide
from avslib.metrics.statistics import confusion


class DatasetLevel(FrameProtocol):
    """IoU, F, false discovery rate and pixel accuracy of the summed pixels (CAVP paper, section 5;
    `utils/eval_utils.py`).

    The headline number of this book is `IoU`: all foreground against background, whatever the class.
    It needs no threshold sweep, does not depend on the batch size, and a frame weighs as many pixels
    as it shows. The traps:

    - Large objects weigh more than small ones, and a silent frame adds only its false alarms.
    - mIoU includes the background, and a class that is neither labelled nor predicted counts as 0.
      F and the false discovery rate leave such a class out of their mean: the means are not over the
      same classes.
    - The false discovery rate is averaged over classes, the background's included, and a class that
      is never predicted is left out of it.
    - Pixels labelled 255 are left out.

    classes:   K, background included; 2 for binary masks
    threshold: a single logit marks the pixel when its sigmoid is above this
    Raises UserError when `classes` is not in 2..255 or `threshold` not in 0..1.
    """

    name = "dataset-level"
    settings, sums = ("classes", "threshold"), ("confusion",)

    def __init__(self, *, classes: int = 2, threshold: float = 0.5) -> None:
        if not 2 <= classes <= 255:
            raise UserError(f"classes={classes}; give 2..255, background included (255 means ignore)")
        if not 0 <= threshold <= 1:
            raise UserError(f"threshold={threshold}; a probability lies in 0..1")
        self.classes, self.threshold = classes, threshold
        self.confusion = torch.zeros(classes, classes, dtype=torch.long)  # [label, predicted]

    def add(self, frames: Frames) -> None:
        """See `FrameProtocol`."""
        predicted, labels = decide(
            frames.only_valid(), self.classes, ignore=True, protocol=self.name, threshold=self.threshold
        )  # (N, H, W)
        self.confusion = self.confusion + confusion(predicted, labels, self.classes).sum(0).cpu()

    def per_class(self) -> dict[str, list[float]]:
        """{'IoU', 'F', 'F1', 'FDR'}: K values each, background first.

        IoU is 0 for a class that never occurred; F, F1 and FDR are NaN where there is nothing to divide by.
        """
        table = self.confusion.double()
        hit = table.diagonal()
        false_alarm, missed = table.sum(0) - hit, table.sum(1) - hit  # (K,) pixels each
        return {
            "IoU": (hit / (hit + false_alarm + missed).clamp(min=1)).tolist(),
            "F": _f(hit, false_alarm, missed, 0.3).tolist(),
            "F1": _f(hit, false_alarm, missed, 1.0).tolist(),
            "FDR": (false_alarm / (false_alarm + hit)).tolist(),
        }

    def compute(self) -> dict[str, float]:
        """{'IoU', 'mIoU', 'F', 'F1', 'FDR', 'pixel_acc'} in 0..1 so far; F has beta^2 = 0.3.

        IoU is 0 where no foreground is labelled or predicted. Raises UserError when nothing was scored.
        """
        table = self.confusion.double()
        pixels = table.sum()
        if not pixels:
            raise UserError("dataset-level: no pixel was scored; is the data set empty, or all ignored?")
        union = pixels - table[0, 0]  # foreground in the labels or in the prediction
        means = {
            name: float(torch.tensor(values, dtype=torch.float64).nanmean())
            for name, values in self.per_class().items()
        }
        return {
            "IoU": float(table[1:, 1:].sum() / union.clamp(min=1)),
            "mIoU": means.pop("IoU"),
            **means,
            "pixel_acc": float(table.diagonal().sum() / pixels),
        }


def _f(hit: Tensor, false_alarm: Tensor, missed: Tensor, beta_squared: float) -> Tensor:
    """(K,) F; NaN where a class is neither labelled nor predicted."""
    weighted = (1 + beta_squared) * hit
    return weighted / (weighted + beta_squared * missed + false_alarm)
