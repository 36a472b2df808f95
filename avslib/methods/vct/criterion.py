"""VCT's loss: that of a set of masks after every layer, and of prototypes that resemble the sounds of their class."""

from __future__ import annotations

from torch import Tensor, nn

from avslib.losses.mask_targets import classes_present
from avslib.losses.prototype_audio import PrototypeAudioLoss
from avslib.losses.set_criterion import SetCriterion
from avslib.types import Batch, Prediction


class VCTCriterion(nn.Module):
    """{"class", "mask", "dice"} of `SetCriterion`, the background a class like others, and {"prototypes"} with `contrast`.

    contrast: the prototype-audio contrastive loss; the model then has to give "audio_embedding" (B, T, D) and
              "prototype_embedding" (K, D). A class is present where the frame's labels show it, 0 among them (the
              authors' code for AVSS)
    points:   in which masks are compared, see `SetCriterion`
    """

    def __init__(self, *, contrast: bool = False, points: int | None = 12544) -> None:
        super().__init__()
        self.masks = SetCriterion(points=points)
        self.prototypes = PrototypeAudioLoss() if contrast else None

    def forward(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """Prediction and batch -> {term: scalar}, unweighted."""
        terms: dict[str, Tensor] = self.masks(prediction, batch)
        if self.prototypes is not None:
            prototypes = prediction.extras["prototype_embedding"]
            present = classes_present(batch.labels, len(prototypes))
            sound = prediction.extras["audio_embedding"]
            terms["prototypes"] = self.prototypes(sound, prototypes, present, batch.annotated)
        return terms
