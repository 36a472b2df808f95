"""CPM's distributions of classes: densities, EM by equations 3 and 4, and GMMSeg's way of both, written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from avslib.errors import UserError
from avslib.methods.cpm.mixtures import ClassMixtures
from avslib.methods.cpm.sinkhorn import balanced_assignment

KINDS = ("diagonal", "full")


def mixtures(classes: int = 4, dim: int = 6, **options: Any) -> ClassMixtures:
    """Random ones, far from the origin, with unequal spreads and weights."""
    torch.manual_seed(0)
    found = ClassMixtures(classes=classes, dim=dim, **options)
    found.means += 3 + torch.randn_like(found.means)
    found.weights.copy_(torch.rand_like(found.weights).softmax(dim=1))
    if found.full:
        roots = torch.randn_like(found.covariances)
        found.covariances.copy_(roots @ roots.mT / dim + 0.1 * torch.eye(dim))
    else:
        found.variances.copy_(torch.rand_like(found.variances) + 0.05)
    found.fitted.fill_(True)
    return found


def distribution(own: ClassMixtures, label: int) -> tuple[Any, MixtureSameFamily]:
    """torch's own components and mixture of one class."""
    components: Any
    if own.full:
        components = MultivariateNormal(own.means[label], own.covariances[label])
    else:
        components = Independent(Normal(own.means[label], own.variances[label].sqrt()), 1)
    return components, MixtureSameFamily(Categorical(own.weights[label]), components)


def planted(number: int = 600, dim: int = 4) -> tuple[Tensor, Tensor]:
    """(1, number, dim) of three components, half, a third and a sixth of them; and their means (3, dim)."""
    torch.manual_seed(1)
    means = 4 * torch.eye(3, dim)
    of = torch.arange(number) % 6
    component = torch.where(of < 3, 0, torch.where(of < 5, 1, 2))
    return (means[component] + 0.5 * torch.randn(number, dim))[None], means


def all_of(embeddings: Tensor) -> Tensor:
    return torch.full((len(embeddings),), embeddings.shape[1])


def state(own: ClassMixtures) -> dict[str, Tensor]:
    return {name: buffer.clone() for name, buffer in own.state_dict().items()}


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor], **close: float) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], **close)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", (6, 256))
def test_densities_are_those_of_torch_and_scikit_learn(kind: Any, dim: int) -> None:
    own = mixtures(dim=dim, covariance=kind)
    x = 3 + 2 * torch.randn(50, dim)
    found, classes = own.component_log_prob(x), own.log_likelihood(x)
    for label in range(4):
        components, mixture = distribution(own, label)
        torch.testing.assert_close(
            found[:, label], components.log_prob(x[:, None]), rtol=1e-5, atol=1e-3 if dim > 6 else 1e-4
        )
        torch.testing.assert_close(
            classes[:, label], mixture.log_prob(x), rtol=1e-5, atol=1e-3 if dim > 6 else 1e-4
        )
        theirs = GaussianMixture(3, covariance_type="diag" if kind == "diagonal" else "full")
        theirs.means_, theirs.weights_ = (
            own.means[label].double().numpy(),
            own.weights[label].double().numpy(),
        )
        precisions = (
            torch.linalg.inv(own.spread[label].double()) if own.full else 1 / own.spread[label].double()
        )
        theirs.precisions_cholesky_ = (
            np.linalg.cholesky(precisions.numpy()) if own.full else precisions.sqrt().numpy()
        )
        np.testing.assert_allclose(classes[:, label], theirs.score_samples(x.double().numpy()), rtol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_densities_keep_their_digits_far_from_the_origin(kind: Any) -> None:
    own = mixtures(covariance=kind)
    own.means += 1000
    x = own.means[0, 0] + torch.randn(20, 6)
    exact = own.double().component_log_prob(x.double())
    torch.testing.assert_close(own.float().component_log_prob(x), exact.float(), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("values", (1, 700))
def test_blocks_change_nothing(values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    own, embeddings = mixtures(covariance="full", momentum=0.5), torch.randn(4, 30, 6)
    x = torch.randn(5, 6, requires_grad=True)
    other = mixtures(covariance="full", momentum=0.5)

    def work(each: ClassMixtures) -> tuple[Tensor, Tensor]:
        found = each.log_likelihood(x)
        each.update(embeddings, all_of(embeddings))  # before the way back
        return found, torch.autograd.grad(found.sum(), x)[0]

    expected = work(own)
    for module in ("gaussians", "mixtures"):
        monkeypatch.setattr(f"avslib.methods.cpm.{module}.VALUES", values)
    torch.testing.assert_close(work(other), expected)
    assert_same(state(own), state(other))


def test_the_score_max_is_the_best_component_without_mixing_weights() -> None:
    own = mixtures(score="max")
    x = torch.randn(7, 6)
    assert torch.equal(own.log_likelihood(x), own.component_log_prob(x).amax(dim=2))


def test_the_posterior_is_equation_1() -> None:
    own = mixtures()
    x = 3 + torch.randn(7, 6)
    densities = own.double().log_likelihood(x.double()).exp()
    expected = densities / densities.sum(dim=1, keepdim=True)
    torch.testing.assert_close(own.float().log_posterior(x).exp(), expected.float(), atol=1e-5, rtol=1e-4)


def sinkhorn_written_out(scores: Tensor) -> Tensor:
    """GMMSeg's: (n, M) -> (n, M), as its code goes step by step."""
    plan = torch.exp(scores / scores.abs().max() / 0.05).T
    plan = plan / plan.sum()
    for _ in range(3):
        for m in range(len(plan)):
            plan[m] = plan[m] / plan[m].sum() / len(plan)
        for n in range(plan.shape[1]):
            plan[:, n] = plan[:, n] / plan[:, n].sum() / plan.shape[1]
    return torch.nn.functional.one_hot(plan.argmax(dim=0), len(plan)).float()


def test_the_balanced_assignment_is_gmmseg_s() -> None:
    torch.manual_seed(0)
    scores = 40 * torch.randn(5, 60, 3) - torch.tensor([300.0, 330, 320])
    known = torch.arange(60) < torch.tensor([60, 3, 0, 31, 1])[:, None]
    scores[~known] = torch.nan
    found = balanced_assignment(scores, known)
    for label in (0, 1, 3, 4):
        assert torch.equal(found[label, known[label]], sinkhorn_written_out(scores[label, known[label]]))
    assert not found[~known].any()


def test_the_balanced_assignment_gives_each_component_its_part() -> None:
    torch.manual_seed(0)
    scores = torch.randn(1, 3000, 3) - torch.tensor([0, 0.3, 0.6])
    alone = torch.nn.functional.one_hot(scores.argmax(dim=2), 3).sum(dim=1)
    found = balanced_assignment(scores, torch.ones(1, 3000, dtype=torch.bool))
    assert torch.equal(found.sum(dim=2), torch.ones(1, 3000))
    assert (found.sum(dim=1) - 1000).abs().max() < 100 < 250 < (alone - 1000).abs().max()


def test_an_update_with_gmmseg_s_options_is_gmmseg_s() -> None:
    """Without the normalization of means to length 1: here embeddings have no such length."""
    own = mixtures(assignment="sinkhorn")
    before, embeddings = state(own), 3 + torch.randn(4, 40, 6)
    densities = own.component_log_prob(embeddings.flatten(0, 1)).view(4, 40, 4, 3)
    own.update(embeddings, all_of(embeddings))
    for label in range(4):
        shares = sinkhorn_written_out(densities[label, :, label])
        for m in range(3):
            queue = embeddings[label, shares[:, m] > 0]
            mean = queue.sum(dim=0) / len(queue)
            variance = ((queue - mean) ** 2).sum(dim=0) / len(queue) + 1e-2
            torch.testing.assert_close(own.means[label, m], 0.999 * before["means"][label, m] + 0.001 * mean)
            torch.testing.assert_close(own.variances[label, m], variance)
            torch.testing.assert_close(
                own.weights[label, m], 0.999 * before["weights"][label, m] + 0.001 * len(queue) / 40
            )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", (1, 5))
def test_soft_em_is_scikit_learn_s(kind: Any, steps: int) -> None:
    own = mixtures(classes=2, covariance=kind, momentum=0, iterations=steps).double()
    own.weights /= own.weights.sum(dim=1, keepdim=True)
    embeddings = 3 + 2 * torch.randn(2, 80, 6, dtype=torch.float64)
    before, held = state(own), torch.tensor([80, 50])
    embeddings[1, 50:] = torch.nan
    own.update(embeddings, held)
    for label in range(2):
        spread = before["covariances" if own.full else "variances"][label]
        theirs = GaussianMixture(
            3, covariance_type="diag" if kind == "diagonal" else "full", max_iter=steps, tol=0, reg_covar=1e-2,
            weights_init=before["weights"][label].numpy(), means_init=before["means"][label].numpy(),
            precisions_init=(torch.linalg.inv(spread) if own.full else 1 / spread).numpy(),
        )  # fmt: skip
        with pytest.warns(UserWarning, match="converge"):
            theirs.fit(embeddings[label, : held[label]].numpy())
        np.testing.assert_allclose(own.means[label], theirs.means_, rtol=1e-6)
        np.testing.assert_allclose(own.weights[label], theirs.weights_, rtol=1e-6)
        np.testing.assert_allclose(own.spread[label], theirs.covariances_, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("assignment", ("soft", "sinkhorn"))
def test_the_first_fit_finds_planted_components(kind: Any, assignment: Any) -> None:
    embeddings, means = planted()
    own = ClassMixtures(classes=1, dim=4, covariance=kind, assignment=assignment)
    own.update(embeddings, all_of(embeddings))
    if assignment == "sinkhorn":  # equal parts, whatever was planted
        assert (own.weights - 1 / 3).abs().max() < 0.15
        return
    nearest = torch.cdist(means, own.means[0])
    order = nearest.argmin(dim=1)
    assert sorted(order.tolist()) == [0, 1, 2] and nearest.amin(dim=1).max() < 0.15
    torch.testing.assert_close(own.weights[0, order], torch.tensor([1 / 2, 1 / 3, 1 / 6]), atol=0.01, rtol=0)
    variances = own.spread.diagonal(dim1=-2, dim2=-1) if own.full else own.variances
    assert (variances - 0.26).abs().max() < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_the_likelihood_does_not_fall(kind: Any) -> None:
    own = mixtures(classes=1, covariance=kind, momentum=0, floor=1e-9).double()
    embeddings = 3 + 2 * torch.randn(1, 100, 6, dtype=torch.float64)
    seen = [own.log_likelihood(embeddings[0]).sum()]
    for _ in range(15):
        own.update(embeddings, all_of(embeddings))
        seen.append(own.log_likelihood(embeddings[0]).sum())
    rises = torch.stack(seen).diff()
    assert (rises > -1e-6).all() and rises[0] > 10


@pytest.mark.parametrize("kind", KINDS)
def test_momentum_keeps_what_was_there(kind: Any) -> None:
    embeddings, _ = planted()
    replaced, kept = (
        mixtures(classes=1, dim=4, covariance=kind, momentum=m, covariance_momentum=c)
        for m, c in ((0, 0), (0.9, 0.6))
    )
    before = state(kept)
    for own in (replaced, kept):
        own.update(embeddings, all_of(embeddings))
    shares = {"means": 0.9, "weights": 0.9, "covariances": 0.6, "variances": 0.6}
    for name, now in state(kept).items():
        if name != "fitted":
            expected = shares[name] * before[name] + (1 - shares[name]) * state(replaced)[name]
            torch.testing.assert_close(now, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_classes_with_too_few_embeddings_stay_as_they_are(kind: Any) -> None:
    """71 classes, three of them seen; one once, one twice: three components need three."""
    torch.manual_seed(0)
    own = ClassMixtures(classes=71, dim=6, covariance=kind)
    before, held = state(own), torch.zeros(71, dtype=torch.long)
    held[[4, 20, 70]], held[7], held[8] = torch.tensor([3, 9, 5]), 1, 2
    embeddings = torch.randn(71, 9, 6)
    embeddings[torch.arange(9) >= held[:, None]] = torch.nan
    own.update(embeddings, held)
    assert own.fitted.nonzero().flatten().tolist() == [4, 20, 70]
    for name, now in state(own).items():
        assert torch.equal(now[~own.fitted], before[name][~own.fitted])
        assert name == "fitted" or not torch.equal(now[own.fitted], before[name][own.fitted])
    assert own.log_posterior(torch.randn(9, 6)).isfinite().all() and own.sample(held[:3]).isfinite().all()
    torch.testing.assert_close(own.weights.sum(dim=1), torch.ones(71))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("assignment", ("soft", "sinkhorn"))
def test_odd_embeddings_leave_finite_numbers(kind: Any, assignment: Any) -> None:
    """All equal, all zero, one of NaN, one huge."""
    own = ClassMixtures(classes=4, dim=6, covariance=kind, assignment=assignment, momentum=0.5)
    embeddings = torch.randn(4, 10, 6)
    embeddings[0], embeddings[1] = embeddings[0, 0], 0
    embeddings[2, 3, 1], embeddings[3, 2] = torch.nan, 100
    for _ in range(4):
        own.update(embeddings, torch.full((4,), 10))
        assert all(buffer.isfinite().all() for buffer in own.buffers())
        assert own.log_posterior(embeddings[3]).isfinite().all()
    same = ClassMixtures(classes=1, dim=6, covariance=kind, assignment=assignment)
    same.update(embeddings[2, torch.arange(10) != 3][None], torch.tensor([9]))
    own.fitted.fill_(False)
    own.update(embeddings, torch.full((4,), 10))
    torch.testing.assert_close(own.means[2], same.means[0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_component_that_gets_nothing_stays(kind: Any) -> None:
    own = mixtures(classes=1, covariance=kind, momentum=0)
    own.means[0, 1] = 1e4
    before, embeddings = state(own), 3 + torch.randn(1, 20, 6)
    own.update(embeddings, all_of(embeddings))
    assert torch.equal(own.means[0, 1], before["means"][0, 1]) and own.weights[0, 1] == 0
    torch.testing.assert_close(
        own.spread[0, 1], (before["covariances"] if own.full else before["variances"])[0, 1]
    )
    assert own.log_likelihood(embeddings[0]).isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_reaches_embeddings_and_no_buffer(kind: Any) -> None:
    own = mixtures(covariance=kind)
    x = (3 + torch.randn(5, 6)).double().requires_grad_()
    own.double()
    assert not list(own.parameters()) and torch.autograd.gradcheck(own.log_posterior, x)
    own.update((x * 1).view(1, 5, 6).expand(4, -1, -1), torch.full((4,), 5))
    assert not any(buffer.requires_grad for buffer in own.buffers())
    assert not own.sample(torch.tensor([0])).requires_grad


@pytest.mark.parametrize("kind", KINDS)
def test_classes_can_be_permuted(kind: Any) -> None:
    own, other = (mixtures(covariance=kind, momentum=0.5) for _ in range(2))
    order, x = torch.tensor([2, 0, 3, 1]), torch.randn(5, 6)
    embeddings, held = torch.randn(4, 12, 6), torch.tensor([12, 0, 5, 3])
    other.load_state_dict({name: buffer[order] for name, buffer in own.state_dict().items()})
    own.update(embeddings, held)
    other.update(embeddings[order], held[order])
    assert_same({name: buffer[order] for name, buffer in own.state_dict().items()}, state(other))
    torch.testing.assert_close(own.log_posterior(x)[:, order], other.log_posterior(x))


@pytest.mark.parametrize("kind", KINDS)
def test_it_computes_in_float32_under_autocast(kind: Any) -> None:
    own, other = (mixtures(covariance=kind) for _ in range(2))
    x, embeddings = torch.randn(5, 6).bfloat16(), torch.randn(4, 8, 6).bfloat16()
    expected = own.log_posterior(x.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = own.log_posterior(x)
        own.update(embeddings, all_of(embeddings))
    other.update(embeddings.float(), all_of(embeddings))
    assert found.dtype == torch.float32 and torch.equal(found, expected)
    assert_same(state(own), state(other), rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_of_the_mixture(kind: Any) -> None:
    own = mixtures(covariance=kind)
    for label in (0, 3):
        drawn = own.sample(torch.full((40_000,), label))
        _, mixture = distribution(own, label)
        torch.testing.assert_close(drawn.mean(dim=0), mixture.mean, atol=0.04, rtol=0)
        torch.testing.assert_close(drawn.var(dim=0), mixture.variance, atol=0.06, rtol=0.03)
        own_part = own.sample_component(torch.full((40_000,), label), torch.full((40_000,), 1))
        covariance = own.spread[label, 1] if own.full else own.spread[label, 1].diag()
        torch.testing.assert_close(own_part.T.cov(), covariance, atol=0.05, rtol=0.03)
        torch.testing.assert_close(own_part.mean(dim=0), own.means[label, 1], atol=0.04, rtol=0)
    assert own.sample(torch.tensor([], dtype=torch.long)).shape == (0, 6)


@pytest.mark.parametrize("kind", KINDS)
def test_fits_are_of_no_chance_and_can_be_saved(kind: Any) -> None:
    embeddings = torch.randn(4, 12, 6)
    one = ClassMixtures(classes=4, dim=6, covariance=kind)
    two = ClassMixtures(classes=4, dim=6, covariance=kind)  # other random means
    random = torch.get_rng_state()
    for own in (one, two):
        own.update(embeddings, all_of(embeddings))
    assert torch.equal(torch.get_rng_state(), random)
    assert_same(state(one), state(two), rtol=0, atol=0)
    again = ClassMixtures(classes=4, dim=6, covariance=kind)
    again.load_state_dict(one.state_dict())
    for own in (one, again):
        own.update(embeddings + 1, all_of(embeddings))
    assert_same(state(one), state(again), rtol=0, atol=0)


class Largest(TorchDispatchMode):
    """The most numbers of any tensor that an operation gives."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for tensor in pytree.tree_leaves(found):
            self.numbers = max(self.numbers, tensor.numel() if isinstance(tensor, Tensor) else 0)
        return found


def test_densities_make_no_tensor_of_rows_by_gaussians_by_dimensions() -> None:
    own, x = mixtures(classes=10, dim=32), torch.randn(100, 32)
    with Largest() as largest:
        own.component_log_prob(x)
    assert largest.numbers <= max(100 * 2 * 32, 100 * 30)


def test_an_update_makes_nothing_much_larger_than_the_memory() -> None:
    for kind in KINDS:
        own, embeddings = mixtures(covariance=kind), torch.randn(4, 500, 6)
        own.fitted[0] = False
        with Largest() as largest:
            own.update(embeddings, all_of(embeddings))
        assert largest.numbers <= embeddings.numel() * (3 if own.full else 2)


@pytest.mark.parametrize(
    "options, told",
    [
        ({"covariance": "tied"}, "diagonal, full"),
        ({"assignment": "hard"}, "soft, sinkhorn"),
        ({"score": "sum"}, "mixture, max"),
        ({"components": 0}, "components 0"),
        ({"classes": 0}, "classes 0"),
        ({"iterations": 0}, "iterations 0"),
        ({"momentum": 1.5}, "momentum 1.5"),
        ({"covariance_momentum": -1}, "covariance_momentum -1"),
        ({"floor": 0}, "floor 0"),
    ],
)
def test_bad_options_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        ClassMixtures(**{"classes": 2, **options})


def test_from_a_random_start_every_fit_moves_by_the_momentum() -> None:
    torch.manual_seed(0)
    mixtures = ClassMixtures(classes=4, components=2, dim=6, start="random", momentum=0.9)
    before, x = mixtures.means.clone(), torch.randn(4, 30, 6)
    assert before.std() > 0.5, "classes lie apart from the first step on"
    mixtures.update(x, torch.tensor([30, 30, 1, 0]))
    other = ClassMixtures(classes=4, components=2, dim=6, momentum=0.0)
    other.load_state_dict({**mixtures.state_dict(), "means": before, "variances": torch.ones(4, 2, 6),
                           "weights": torch.full((4, 2), 0.5), "fitted": torch.ones(4, dtype=torch.bool)})  # fmt: skip
    other.update(x, torch.tensor([30, 30, 1, 0]))
    torch.testing.assert_close(mixtures.means, 0.9 * before + 0.1 * other.means)
    assert mixtures.fitted.tolist() == [True, True, False, False]
    with pytest.raises(UserError, match="unknown start"):
        ClassMixtures(classes=2, start="zero")  # type: ignore[arg-type]


@pytest.mark.parametrize("covariance", ["diagonal", "full"])
def test_variances_about_a_mean_that_lags_behind(covariance: Any) -> None:
    """One component: the mean of (x - mu)(x - mu)^T about the mu that is kept, and the floor."""
    torch.manual_seed(0)
    mixtures = ClassMixtures(
        classes=1, components=1, dim=3, start="random", about="mean", momentum=0.8, covariance=covariance
    )
    x = 2 * torch.randn(1, 40, 3) + 1
    mixtures.update(x, torch.tensor([40]))
    apart = x[0] - mixtures.means[0, 0]
    due = apart.T @ apart / 40 + 1e-2 * torch.eye(3)
    found = mixtures.spread[0, 0]
    torch.testing.assert_close(found, due if covariance == "full" else due.diagonal(), rtol=1e-4, atol=1e-5)
