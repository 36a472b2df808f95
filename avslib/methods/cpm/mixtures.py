"""How the embeddings of each class are distributed: CPM's class-conditional distribution model (CCDM, equations 1 to 4)."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from avslib.errors import UserError, check_number
from avslib.methods.cpm.gaussians import NOTHING, VALUES, estimate, log_density
from avslib.methods.cpm.sinkhorn import balanced_assignment

Covariance = Literal["diagonal", "full"]
Assignment = Literal["soft", "sinkhorn"]
Score = Literal["mixture", "max"]
Start = Literal["data", "random"]
About = Literal["estimate", "mean"]

FIRST_STEPS = 10
"""Of EM, when a class is fitted for the first time."""


class Fit(NamedTuple):
    """Mixtures of some classes: means (G, M, D), variances (G, M, D) or covariances (G, M, D, D), weights (G, M)."""

    means: Tensor
    spread: Tensor
    weights: Tensor


class ClassMixtures(nn.Module):
    """M Gaussians for each of C classes, fitted by EM to remembered embeddings; all in buffers, which get no gradient.

    covariance: "diagonal" as in GMMSeg, the code that the paper cites; "full" is equation 2: C x M x D x D numbers, and a
                Cholesky factor of each whenever densities are asked for
    assignment: "soft" is equation 3; "sinkhorn" is GMMSeg's: one component each, in about equal parts
    score:      of a class: "mixture" is equation 2's sum with mixing weights, "max" GMMSeg's best component without them
    start:      "data": the first fit of a class is taken whole; "random": means begin as draws of N(0, I), and every fit moves
                them by the momentum. So classes lie apart from the first step on (GMMSeg)
    about:      what variances are taken about: the new "estimate" of the mean (GMMSeg), or the "mean" that momentum lets lag
                behind it: without momentum the same. A mean that has not arrived yet is then wide, and promises nothing
    momentum:   of means and mixing weights, at every update
    covariance_momentum: of variances; 0 replaces them, as in GMMSeg (which averages standard deviations)
    floor:      added to every variance, at every step of EM
    iterations: steps of EM in an update, before the momentum
    """

    means: Tensor
    variances: Tensor
    covariances: Tensor
    weights: Tensor
    fitted: Tensor

    def __init__(
        self, *, classes: int, components: int = 3, dim: int = 256, covariance: Covariance = "diagonal",
        assignment: Assignment = "soft", score: Score = "mixture", start: Start = "data", about: About = "estimate",
        momentum: float = 0.999,
        covariance_momentum: float = 0.0, floor: float = 1e-2, iterations: int = 1,
    ) -> None:  # fmt: skip
        super().__init__()
        _check_counts(classes=classes, components=components, dim=dim, iterations=iterations)
        _check_choice("covariance", covariance, get_args(Covariance))
        _check_choice("assignment", assignment, get_args(Assignment))
        _check_choice("score", score, get_args(Score))
        _check_choice("start", start, get_args(Start))
        _check_choice("about", about, get_args(About))
        _check_shares(momentum=momentum, covariance_momentum=covariance_momentum)
        if not floor > 0:
            raise UserError(f"floor {floor}: give a number above 0, or equal embeddings have no density")
        self.start, self.about = start, about
        self.components, self.floor, self.iterations = components, floor, iterations
        self.covariance, self.assignment, self.score = covariance, assignment, score
        self.momentum, self.covariance_momentum = momentum, covariance_momentum
        spread = torch.ones(classes, components, dim)
        small = 1.0 if start == "random" else 0.02
        self.register_buffer("means", small * torch.randn(classes, components, dim))
        self.register_buffer(*("covariances", spread.diag_embed()) if self.full else ("variances", spread))
        self.register_buffer("weights", torch.full((classes, components), 1 / components))
        self.register_buffer("fitted", torch.zeros(classes, dtype=torch.bool))

    @property
    def full(self) -> bool:
        return self.covariance == "full"

    @property
    def spread(self) -> Tensor:
        """(C, M, D) variances or (C, M, D, D) covariances."""
        return self.covariances if self.full else self.variances

    def component_log_prob(self, x: Tensor) -> Tensor:
        """x (R, D) -> (R, C, M): log N(x; mu_cm, Sigma_cm), in float32 at least, with a gradient to x."""
        with torch.autocast("cpu" if x.is_meta else x.device.type, enabled=False):
            x = x.to(torch.promote_types(x.dtype, torch.float32))
            means, spread = (buffer.flatten(0, 1).to(x.dtype) for buffer in (self.means, self.spread))
            return log_density(x, means, spread).view(-1, *self.weights.shape)

    def log_likelihood(self, x: Tensor) -> Tensor:
        """x (R, D) -> (R, C): log p(x | c)."""
        densities = self.component_log_prob(x)
        if self.score == "max":
            return densities.amax(dim=2)
        return (densities + _log(self.weights).to(densities.dtype)).logsumexp(dim=2)

    def log_posterior(self, x: Tensor) -> Tensor:
        """x (R, D) -> (R, C): log p(c | x), all classes being equally likely before (equation 1)."""
        return self.log_likelihood(x).log_softmax(dim=1)

    @torch.no_grad()
    def sample(self, classes: Tensor) -> Tensor:
        """classes (n,) -> (n, D): a component by the mixing weights, then a draw from it."""
        if not len(classes):
            return self.means.new_zeros(0, self.means.shape[2])
        return self.sample_component(classes, torch.multinomial(self.weights[classes], 1).squeeze(1))

    @torch.no_grad()
    def sample_component(self, classes: Tensor, components: Tensor) -> Tensor:
        """classes (n,), components (n,) -> (n, D)."""
        means, spread = self.means[classes, components], self.spread[classes, components]
        noise = torch.randn_like(means)
        if self.full:
            noise = (torch.linalg.cholesky(spread) @ noise[..., None]).squeeze(2)
        else:
            noise = spread.sqrt() * noise
        return means + noise

    @torch.no_grad()
    def update(self, embeddings: Tensor, held: Tensor) -> None:
        """Fit once more to embeddings (C, S, D), of which the first held (C,) of each class count.

        A class with fewer than M of them stays as it is. With `start` "data" a class takes its first estimate whole, after
        `FIRST_STEPS` from embeddings that lie far apart, without chance: all processes find the same. Components that get
        nothing keep means and variances. Embeddings with NaN or infinity are passed over.
        """
        known = torch.arange(embeddings.shape[1], device=held.device) < held[:, None]
        known = known & embeddings.sum(dim=2).isfinite()  # C S
        ready = known.sum(dim=1) >= self.components
        size = max(1, VALUES // max(embeddings[0].numel(), self.spread[0].numel()))
        with torch.autocast(embeddings.device.type, enabled=False):
            anew = ready & ~self.fitted & (self.start == "data")
            for chosen, first in ((anew, True), (ready & ~anew, False)):
                which = chosen.nonzero().flatten()
                for start in range(0, len(which), size):
                    some = which[start : start + size]
                    x = embeddings[some].masked_fill(~known[some, :, None], 0)
                    self._fit(some, x.to(torch.promote_types(x.dtype, torch.float32)), known[some], first)
        self.fitted |= ready

    def _fit(self, some: Tensor, x: Tensor, known: Tensor, first: bool) -> None:
        """EM for the classes `some` (G,), from x (G, S, D), of which known (G, S) count; into the buffers."""
        before = Fit(*(buffer[some].to(x.dtype) for buffer in (self.means, self.spread, self.weights)))
        fit = self._far_apart(x, known) if first else before
        for _ in range(FIRST_STEPS if first else self.iterations):
            fit = self._step(fit, x, known)
        slow, swift = (0.0, 0.0) if first else (self.momentum, self.covariance_momentum)
        if self.about == "mean":
            fit = fit._replace(spread=fit.spread + self._behind(slow * (before.means - fit.means)))
        for buffer, old, new, kept in zip(
            (self.means, self.spread, self.weights), before, fit, (slow, swift, slow)
        ):
            buffer[some] = (kept * old + (1 - kept) * new).to(buffer.dtype)

    def _behind(self, gap: Tensor) -> Tensor:
        """Gaps (G, M, D) of means behind their estimates -> what they add to the spread."""
        return gap[..., None] * gap[..., None, :] if self.full else gap.square()

    def _step(self, fit: Fit, x: Tensor, known: Tensor) -> Fit:
        """One step of EM. Mixing weights sum to 1 in each class: N_cm / |F_c|, where equation 4 prints |F|."""
        densities = log_density(x, fit.means, fit.spread)  # G S M
        if self.assignment == "sinkhorn":
            shares = balanced_assignment(densities, known)
        else:
            shares = (densities + _log(fit.weights)[:, None]).softmax(dim=2) * known[..., None]
        counts, means, spread = estimate(x, shares, self.floor, full=self.full)
        some = (counts > NOTHING)[..., None]
        means = means.where(some, fit.means)
        spread = spread.where(some[..., None] if self.full else some, fit.spread)
        return Fit(means, spread, counts / counts.sum(dim=1, keepdim=True))

    def _far_apart(self, x: Tensor, known: Tensor) -> Fit:
        """Means: the embedding farthest from the class's mean, then those farthest from all chosen; its variances for all."""
        ones = known[..., None].to(x.dtype)
        _, middle, spread = estimate(x, ones, self.floor, full=False)  # G 1 D
        far, nearest = (x - middle).square().sum(dim=2), x.new_full(known.shape, torch.inf)
        chosen: list[Tensor] = []
        for _ in range(self.components):
            place = far.masked_fill(~known, -1).argmax(dim=1)
            chosen.append(x[torch.arange(len(x), device=x.device), place][:, None])
            far = nearest = nearest.minimum((x - chosen[-1]).square().sum(dim=2))
        spread = spread.expand(-1, self.components, -1)
        weights = x.new_full(spread.shape[:2], 1 / self.components)
        return Fit(torch.cat(chosen, dim=1), spread.diag_embed() if self.full else spread, weights)


def _check_counts(**counts: int) -> None:
    for name, value in counts.items():
        check_number(name, value, 1)


def _check_shares(**shares: float) -> None:
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise UserError(f"{name} {value}: give a number from 0 (replace) to 1 (keep)")


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UserError(f"unknown {name} {value!r}; choose one of {', '.join(known)}")


def _log(weights: Tensor) -> Tensor:
    """Finite for a component that has got nothing."""
    return weights.clamp(min=torch.finfo(weights.dtype).tiny).log()
