"""Supervised InfoNCE with several positives: CAVP's equation 4, after Khosla et al., 2020."""

from __future__ import annotations

from torch import Tensor


def info_nce(embeddings: Tensor, positives: Tensor, negatives: Tensor, *, temperature: float = 0.1) -> Tensor:
    """A scalar: the mean over anchors of -1/|P| sum_p log(exp(z z_p / t) / (exp(z z_p / t) + sum_n exp(z z_n / t))).

    embeddings: (M, C) of length 1: every row is an anchor and may be a positive or negative of the others
    positives, negatives: (M, M) bool, row i those of anchor i; its own place counts for nothing

    An anchor without positives adds 0 to the mean; without negatives its terms are 0.
    """
    response = embeddings @ embeddings.T / temperature  # M M
    positives = positives.clone().fill_diagonal_(False)
    denied = response.masked_fill(~negatives, float("-inf")).logsumexp(dim=1, keepdim=True)  # M 1
    terms = response.logaddexp(denied) - response  # M M
    count = positives.sum(dim=1)  # M
    return ((terms * positives).sum(dim=1) / count.clamp(min=1)).sum() / max(1, len(embeddings))
