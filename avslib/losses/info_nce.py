"""Supervised InfoNCE with several positives: CAVP's equation 4, after Khosla et al., 2020."""

from __future__ import annotations

from torch import Tensor, arange, stack
from torch.nn.functional import softplus
from torch.utils.checkpoint import checkpoint

PAIRS = 2**22
"""How many pairs are looked at together: 16 MB of cosines, which is faster than more. Blocks are computed again backwards."""


def info_nce(embeddings: Tensor, labels: Tensor, *, temperature: float = 0.1) -> Tensor:
    """A scalar: the mean over anchors of -1/|P| sum_p log(exp(z z_p / t) / (exp(z z_p / t) + sum_n exp(z z_n / t))).

    embeddings: (M, C) of length 1: every row is an anchor, and a positive or negative of the others
    labels:     (M,); positives are the other rows of the anchor's label, negatives those of other labels

    An anchor without positives adds 0 to the mean; without negatives its terms are 0. Memory grows with M, not with M x M.
    """
    count = len(embeddings)
    rows = max(1, PAIRS // max(1, count))
    if rows >= count:
        return _of_anchors(embeddings, labels, 0, count, temperature) / max(1, count)
    blocks = [
        checkpoint(
            _of_anchors, embeddings, labels, start, min(start + rows, count), temperature, use_reentrant=False
        )
        for start in range(0, count, rows)
    ]
    return stack(blocks).sum() / count


def _of_anchors(embeddings: Tensor, labels: Tensor, start: int, stop: int, temperature: float) -> Tensor:
    """The sum over anchors `start` to `stop`."""
    response = embeddings[start:stop] @ embeddings.T / temperature  # b M
    same = labels[start:stop, None] == labels
    places = arange(len(labels), device=labels.device)
    return _terms(response, same, same & (places != places[start:stop, None]))


def info_nce_between(
    anchors: Tensor, labels: Tensor, others: Tensor, their_labels: Tensor, *, temperature: float = 0.1
) -> Tensor:
    """The same where anchors (M, C) are not among what they are compared with, others (P, C): CPM's equation 9.

    labels (M,), their_labels (P,): positives are the others of the anchor's label. A scalar; 0 without anchors.
    """
    same = labels[:, None] == their_labels
    return _terms(anchors @ others.T / temperature, same, same) / max(1, len(anchors))


def _terms(response: Tensor, same: Tensor, positives: Tensor) -> Tensor:
    """(b, M) cosines over the temperature, which of them are of the anchor's label, and which count -> the sum over anchors.

    -log(e^p / (e^p + sum e^n)) is softplus(log sum e^n - p): asked of the positives alone, which are few.
    """
    denied = response.masked_fill(same, float("-inf")).logsumexp(dim=1)  # b
    counts = positives.sum(dim=1)
    gaps = denied.repeat_interleave(counts) - response.masked_select(positives)
    return (softplus(gaps) / counts.repeat_interleave(counts)).sum()
