"""Many Gaussians at once: their log-densities by products of matrices, and their estimate (CPM, equations 2 and 4)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

VALUES = 2**21
"""How many numbers of an intermediate are looked at together: 8 MB. With more a CPU waits for fresh memory."""

NOTHING = 1e-6
"""A Gaussian that gets less than this of one embedding gets nothing."""


def log_density(x: Tensor, means: Tensor, spread: Tensor) -> Tensor:
    """log N(x; mean, covariance), of every row under every Gaussian: (..., R, D), (..., K, D), spread -> (..., R, K).

    spread: variances (..., K, D), or covariances (..., K, D, D); in the dtype of x and means
    """
    centre = means.mean(dim=-2, keepdim=True)  # squares of distances from it lose few digits to cancellation
    x, means = x - centre, means - centre
    distances = _diagonal(x, means, spread) if spread.dim() == means.dim() else _full(x, means, spread)
    return -0.5 * (distances + x.shape[-1] * math.log(2 * math.pi))


def _diagonal(x: Tensor, means: Tensor, variances: Tensor) -> Tensor:
    """sum_d (x - mu)^2 / s^2 + log s^2, multiplied out: one product of matrices instead of R x K x D differences."""
    precise = variances.reciprocal()
    left = torch.cat([x.square(), x], dim=-1)  # ... R 2D
    right = torch.cat([precise, -2 * means * precise], dim=-1)  # ... K 2D
    of_gaussians = (means.square() * precise + variances.log()).sum(dim=-1)  # ... K
    return left @ right.mT + of_gaussians[..., None, :]


def _full(x: Tensor, means: Tensor, covariances: Tensor) -> Tensor:
    """|L^-1 (x - mu)|^2 + 2 log |L| for covariances L L^T. In blocks, computed again backwards, of `VALUES`."""
    factors = torch.linalg.cholesky(covariances)
    size = max(1, VALUES // max(1, x.numel()))
    found = []
    for start in range(0, means.shape[-2], size):
        some, own = means[..., start : start + size, :], factors[..., start : start + size, :, :]
        found.append(checkpoint(_whitened, x, some, own, use_reentrant=False, preserve_rng_state=False))
    return torch.cat(found, dim=-1)


def _whitened(x: Tensor, means: Tensor, factors: Tensor) -> Tensor:
    apart = (x[..., None, :, :] - means[..., None, :]).mT  # ... k D R
    white: Tensor = torch.linalg.solve_triangular(factors, apart, upper=False)
    lengths = white.square().sum(dim=-2)  # ... k R
    return lengths.mT + 2 * factors.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)[..., None, :]


def estimate(x: Tensor, shares: Tensor, floor: float, *, full: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Equation 4, for G groups: x (G, S, D), shares (G, S, M) -> counts (G, M), means (G, M, D), spread as above.

    floor: added to all variances. Spread is taken about the new means. What gets `NOTHING` comes out without meaning.
    """
    counts = shares.sum(dim=1)
    shares = shares / counts.clamp(min=NOTHING)[:, None]
    means = shares.mT @ x  # G M D
    spread = []
    for mean, share in zip(means.unbind(1), shares[..., None].unbind(2)):
        apart = x - mean[:, None]
        spread.append((share * apart).mT @ apart if full else (share * apart.square()).sum(dim=1))
    floors = floor * torch.eye(x.shape[-1], dtype=x.dtype, device=x.device) if full else floor
    return counts, means, torch.stack(spread, dim=1) + floors
