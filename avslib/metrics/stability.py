"""Does a query keep its class? The matching's stability score (CPM, section 4.5)."""

from __future__ import annotations

import torch
from torch import Tensor


def stability(assigned: Tensor) -> float:
    """STS: the mean over classes of the entropy, in nats, of which query the matching gave the class to.

    assigned: (C, Q), how often each query got each class, over a set of pictures. 0: each class always had the same query;
    log Q: any. Classes that did not occur do not count; 0 without any.
    """
    counts = assigned.double()
    counts = counts[counts.sum(dim=1) > 0]
    if not len(counts):
        return 0.0
    return float(torch.special.entr(counts / counts.sum(dim=1, keepdim=True)).sum(dim=1).mean())
