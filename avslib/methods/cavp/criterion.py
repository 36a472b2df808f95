"""CAVP's loss: cross-entropy, and the contrast of pixels under their own and under exchanged sounds (eq. 5)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from avslib.losses.auxiliary import overlap_loss, response_loss
from avslib.losses.mask_loss import mask_loss
from avslib.methods.cavp.contrast import AudioVisualContrast, Pairing
from avslib.types import Batch, Prediction


class CAVPCriterion(nn.Module):
    """{"mask"} and, but with `contrast` None, {"contrast"}.

    contrast: "pairing" is the paper's; "supcon" contrasts the paired maps alone (Table 5); None leaves it out
    views:    pixels of a class, see `AudioVisualContrast`
    overlap, response: also {"overlap"} and {"response"}, which are not the paper's: they let a schedule of minutes arrive

    A prediction without exchanged sounds (in validation) has no contrast.
    """

    def __init__(
        self,
        *,
        contrast: Literal["pairing", "supcon"] | None = "pairing",
        views: int = 512,
        skips_rare: bool = False,
        overlap: bool = False,
        response: bool = False,
    ) -> None:
        super().__init__()
        self.kind, self.overlap, self.response = contrast, overlap, response
        self.contrast = AudioVisualContrast(
            views=views, skips_rare=skips_rare, mismatched=contrast == "pairing"
        )

    def forward(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """Prediction and batch -> {term: scalar}, unweighted."""
        terms = {"mask": mask_loss(prediction.logits, batch.labels, batch.annotated)}
        if self.overlap:
            terms["overlap"] = overlap_loss(prediction.logits, batch.labels, batch.annotated)
        if self.response:
            terms["response"] = response_loss(prediction, batch)
        if self.kind is not None and "shuffled" in prediction.extras:
            extras = prediction.extras
            paired = Pairing(extras["embedding"].flatten(0, 1), batch.labels.flatten(0, 1))
            shuffled = Pairing(extras["shuffled"].flatten(0, 1), extras["shuffled_labels"].flatten(0, 1))
            terms["contrast"] = self.contrast(paired, shuffled)
        return terms
