"""What a model has understood of the sound before it looks: the classification coverage score (CPM, section 4.5)."""

from __future__ import annotations

import torch

from avslib.losses.mask_targets import classes_present
from avslib.types import Batch, Prediction


class Coverage:
    """Jaccard index of the classes that queries name when they have heard, and those that sound; mean over classes.

    A class is named in a frame when it is the most probable of some query in the prediction's first layer. Counted over
    all valid frames; classes neither named nor sounding anywhere are left out, the background and "no object" always.
    The paper says "the Jaccard index" and no more.

    classes: K', background included
    """

    name = "coverage"

    def __init__(self, *, classes: int) -> None:
        self.counts = torch.zeros(3, classes - 1, dtype=torch.long)  # both, named, sounding

    def update(self, prediction: Prediction, batch: Batch) -> None:
        """Count a batch. prediction.layers[0] holds "class_logits" (B, T, Q, K' + 1)."""
        logits = prediction.layers[0]["class_logits"]
        classes = logits.shape[-1] - 1
        best = logits.argmax(dim=-1)  # B T Q
        named = torch.zeros(*best.shape[:2], classes + 1, dtype=torch.bool, device=best.device)
        named.scatter_(2, best, torch.ones_like(best, dtype=torch.bool))
        named = named[..., 1:classes] & batch.valid[..., None]
        sounding = classes_present(batch.labels, classes)[..., 1:] & batch.valid[..., None]
        self.counts += torch.stack([x.sum(dim=(0, 1)) for x in (named & sounding, named, sounding)]).cpu()

    def merge(self, other: Coverage) -> None:
        self.counts += other.counts

    def compute(self) -> dict[str, float]:
        """{"coverage": between 0 and 1}."""
        both, named, sounding = self.counts.double()
        union = named + sounding - both
        return {"coverage": float((both / union)[union > 0].mean()) if bool((union > 0).any()) else 0.0}
