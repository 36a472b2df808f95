"""Prompting-based contrastive learning (PCL): what a prompt has heard against the pixels of its class (CPM, eqs. 7-9)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import normalize

from avslib.losses.drawn_pixels import at_size, drawn, embeddings_at
from avslib.losses.info_nce import info_nce_between
from avslib.types import IGNORE


def heard_by(masks: Tensor, sound: Tensor) -> Tensor:
    """f(k), eq. 7: masks (N, M, L) logits, sound (N, L, D) -> (N, M, D), the mean of the sound where a mask's sigmoid is
    above its mean. A mask that is the same everywhere takes all."""
    shares = masks.sigmoid()
    kept = shares > shares.mean(dim=-1, keepdim=True)
    kept = kept | ~kept.any(dim=-1, keepdim=True)
    weights = kept.to(sound.dtype)
    return weights @ sound / weights.sum(dim=-1, keepdim=True)


def prompt_contrast(
    heard: Tensor,
    classes: Tensor,
    pixels: Tensor,
    labels: Tensor,
    *,
    views: int = 512,
    temperature: float = 0.1,
) -> Tensor:
    """-> a scalar. Anchors are sounds, what they are compared with are pixels, of the whole batch.

    heard:   (N, M, D), of classes (N, M); -1 for places that hold no prompt
    pixels:  (N, D, h, w); labels: (N, H, W), of which IGNORE is left out
    views:   how many pixels of a class are drawn, the background among them. Neither this nor the temperature is in the
             paper; both are CAVP's
    """
    small = at_size(labels, (pixels.shape[-2], pixels.shape[-1])).flatten()
    places = drawn(small.where(small != IGNORE, -1), views)
    asked = classes >= 0
    seen = normalize(embeddings_at(pixels, places), dim=1)
    return info_nce_between(
        normalize(heard[asked], dim=1), classes[asked], seen, small[places], temperature=temperature
    )
