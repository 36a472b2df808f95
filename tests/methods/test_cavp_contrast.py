"""CAVP's contrast: the authors' numbers, its equations written out, and how pixels are drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from avslib.losses.drawn_pixels import at_size, drawn
from avslib.losses.info_nce import info_nce
from avslib.methods.cavp.contrast import AudioVisualContrast, Pairing
from avslib.types import IGNORE

GOLDEN = Path(__file__).parent.parent / "golden"
ALL = 10_000
"""More views than any class has pixels."""


@pytest.fixture(scope="module")
def arrays() -> dict[str, Tensor]:
    with np.load(GOLDEN / "losses.npz") as stored:
        return {
            name: torch.from_numpy(stored[name]) for name in ("match", "shuffle", "label", "label_shuffle")
        }


@pytest.fixture(scope="module")
def values() -> dict[str, float]:
    content: dict[str, float] = json.loads((GOLDEN / "losses.json").read_text(encoding="utf-8"))
    return content


def test_paired_foreground_equals_the_authors(arrays: dict[str, Tensor], values: dict[str, float]) -> None:
    labels = arrays["label"].where(arrays["label"] > 0, IGNORE)
    paired = Pairing(arrays["match"], labels)
    for views in (ALL, 512):
        loss = AudioVisualContrast(views=views, mismatched=False)(paired, paired)
        assert loss.item() == pytest.approx(values["cavp_info_nce_paired_foreground"], rel=1e-5)


def test_the_mean_of_draws_equals_the_authors(arrays: dict[str, Tensor], values: dict[str, float]) -> None:
    """Within five standard errors of their 200 draws and our 20 (our 200 agree too, and take a minute)."""
    torch.manual_seed(0)
    paired = Pairing(arrays["match"], arrays["label"])
    shuffled = Pairing(arrays["shuffle"], arrays["label_shuffle"])
    draws = torch.tensor([AudioVisualContrast(views=512)(paired, shuffled).item() for _ in range(20)])
    std = values["cavp_contrast_std"]
    error = std * (1 / 200 + 1 / 20) ** 0.5
    assert abs(draws.double().mean() - values["cavp_contrast_mean_of_200_draws"]) < 5 * error
    assert 0.4 * std < draws.std() < 1.8 * std


class Scene:
    """Three clips of three classes, with ignored pixels and more foreground than background; one clip is matched."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        kinds = torch.tensor([0, 1, 2, 3, 3, IGNORE])
        self.labels = kinds[torch.randint(len(kinds), (3, 6, 6), generator=generator)]
        self.match = [False, True, False]
        self.paired, self.shuffled = (
            torch.randn(3, 5, 6, 6, dtype=torch.float64, generator=generator).requires_grad_() for _ in "ab"
        )

    def pairings(self, order: list[int] | None = None) -> tuple[Pairing, Pairing]:
        order = order or [0, 1, 2]
        heard = torch.tensor(self.match)[:, None, None] | (self.labels == IGNORE)
        paired = Pairing(self.paired[order], self.labels[order])
        return paired, Pairing(self.shuffled[order], self.labels.where(heard, 0)[order])

    def gradients(self, loss: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(loss, (self.paired, self.shuffled))


def written_out(scene: Scene, temperature: float = 0.1) -> Tensor:
    """Equations 1 to 4, one pixel after the other. E^fg holds (z, class), E^bg holds (z, 0)."""
    foreground: list[tuple[Tensor, int]] = []
    background: list[tuple[Tensor, int]] = []
    for exchanged, maps in ((False, scene.paired), (True, scene.shuffled)):
        for clip in range(3):
            for place in range(36):
                z = maps[clip].flatten(1)[:, place]
                label = int(scene.labels[clip].flatten()[place])
                if label == IGNORE or (exchanged and label == 0):
                    continue  # E^unknown: something there may sound under the other sound
                heard = label > 0 and (not exchanged or scene.match[clip])
                (foreground if heard else background).append((z / z.norm(), label if heard else 0))
    total = torch.zeros((), dtype=torch.float64)
    every = foreground + background
    for i, (z, label) in enumerate(every):
        positives = [other for j, (other, own) in enumerate(every) if j != i and own == label]
        negatives = [other for other, own in every if own != label]
        against = torch.stack([(z @ other / temperature).exp() for other in negatives]).sum()
        near = [(z @ other / temperature).exp() for other in positives]
        if near:
            total = total - torch.stack([(p / (p + against)).log() for p in near]).mean()
    return total / len(every)


def test_it_is_equations_1_to_4_and_so_is_its_gradient() -> None:
    scene = Scene()
    assert (scene.labels == 0).sum() < (scene.labels.clamp(max=4) % 4 > 0).sum(), "else some would be drawn"
    loss, expected = AudioVisualContrast(views=ALL)(*scene.pairings()), written_out(scene)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    for ours, theirs in zip(scene.gradients(loss), scene.gradients(expected)):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)
        assert theirs.abs().max() > 1e-3


@pytest.mark.parametrize("pairs", [1, 300, 1000])  # an anchor at a time; two; seven
def test_blocks_of_anchors_change_nothing(monkeypatch: pytest.MonkeyPatch, pairs: int) -> None:
    scene, contrast = Scene(), AudioVisualContrast(views=ALL)
    loss = contrast(*scene.pairings())
    monkeypatch.setattr("avslib.losses.info_nce.PAIRS", pairs)
    blocks = contrast(*scene.pairings())
    assert blocks.item() == pytest.approx(loss.item(), rel=1e-12)
    for one, other in zip(scene.gradients(loss), scene.gradients(blocks)):
        torch.testing.assert_close(one, other)


def test_the_order_of_clips_does_not_matter() -> None:
    scene, contrast = Scene(), AudioVisualContrast(views=ALL)
    expected = contrast(*scene.pairings()).item()
    for order in ([2, 0, 1], [1, 0, 2]):
        assert contrast(*scene.pairings(order)).item() == pytest.approx(expected, rel=1e-12)


def test_kinds_of_anchors_and_their_number() -> None:
    """As many of the background, and under other sounds, as there are of the foreground, at most `views`."""
    labels = torch.zeros(1, 8, 8, dtype=torch.long)
    labels[0, 0, :5], labels[0, 1, :7] = 1, 2
    one, two = torch.ones(1, 2, 8, 8), torch.tensor([3.0, 4.0])[:, None, None].expand(1, 2, 8, 8)
    for views, foreground, count in ((ALL, [0, 5, 7], 12), (6, [0, 5, 6], 6)):
        anchors = AudioVisualContrast(views=views).anchors(Pairing(one, labels), Pairing(two, labels * 0))
        assert anchors[1][:-count].bincount().tolist() == [count, *foreground[1:]]
        assert not anchors[1][-count:].any(), "mismatched pixels are background now"
        torch.testing.assert_close(anchors[0].norm(dim=1), torch.ones(len(anchors[0])))
        torch.testing.assert_close(anchors[0][-count:], torch.tensor([[0.6, 0.8]]).expand(count, 2))


def test_what_supcon_and_skips_rare_leave_out() -> None:
    scene = Scene()
    paired, shuffled = scene.pairings()
    loss = AudioVisualContrast(views=ALL, mismatched=False)(paired, shuffled)
    (gradient,) = torch.autograd.grad(loss, scene.shuffled, allow_unused=True, retain_graph=True)
    assert gradient is None or not gradient.any(), "nothing is drawn from the exchanged sounds"
    assert torch.autograd.grad(loss, scene.paired)[0].any()
    sizes = [int((scene.labels == k).sum()) for k in (1, 2, 3)]
    views = max(sizes[0], sizes[1]) + 1  # class 3 alone has as many
    labels = AudioVisualContrast(views=views, skips_rare=True).anchors(paired, shuffled)[1]
    assert sizes[2] >= views and labels[:views].unique().tolist() == [3]
    own = AudioVisualContrast(views=views).anchors(paired, shuffled)[1]
    assert own[: sum(sizes[:2]) + views].bincount().tolist() == [0, *sizes[:2], views]


@pytest.mark.parametrize("label", [0, 1, IGNORE])
@pytest.mark.parametrize("mismatched", [True, False])
def test_without_contrast_the_loss_is_0_and_has_a_graph(label: int, mismatched: bool) -> None:
    """Nothing sounds, all of one class sounds, nothing is known."""
    maps = torch.randn(2, 4, 3, 3, requires_grad=True)
    pairing = Pairing(maps, torch.full((2, 6, 6), label))
    loss = AudioVisualContrast(mismatched=mismatched)(pairing, pairing)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6) and maps.grad is not None and maps.grad.isfinite().all()


def test_an_anchor_without_positives_adds_nothing() -> None:
    rows = F.normalize(torch.randn(3, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    two = (rows[0] @ rows[1] / 0.5).exp()
    expected = [(1 + (rows[i] @ rows[2] / 0.5).exp() / two).log() for i in (0, 1)]
    assert info_nce(rows, torch.tensor([7, 7, 0]), temperature=0.5).item() == pytest.approx(
        float(sum(expected)) / 3
    )


def test_up_to_so_many_of_each_group_are_drawn() -> None:
    groups = torch.tensor([2, 0, -1, 0, 5, 0, 2, -1, 0])
    for limit in (0, 1, 3, 9):
        chosen = drawn(groups, limit)
        assert len(chosen.unique()) == len(chosen) and (groups[chosen] >= 0).all()
        assert groups[chosen].bincount(minlength=6).tolist() == [min(limit, n) for n in (4, 0, 2, 0, 0, 1)]
    assert sorted(groups[drawn(groups, 3, least=2)].tolist()) == [0, 0, 0, 2, 2]
    assert groups[drawn(groups, 3, least=4)].tolist() == [0, 0, 0]
    for empty in (torch.empty(0, dtype=torch.long), torch.full((4,), -1)):
        assert drawn(empty, 3).shape == (0,) and drawn(empty, 3).dtype == torch.long


def test_every_pixel_is_drawn_as_often_as_another() -> None:
    torch.manual_seed(0)
    groups = torch.tensor([0, 1] * 20)
    counts = torch.stack([drawn(groups, 5) for _ in range(2000)]).flatten().bincount()
    assert len(counts) == 40 and (counts - 500).abs().max() < 5 * (2000 * 0.25 * 0.75) ** 0.5


def test_labels_are_brought_to_the_maps_size_without_mixing() -> None:
    labels = torch.tensor([0, 3, IGNORE, 1])[torch.randint(4, (2, 12, 8))]
    assert torch.equal(at_size(labels, (6, 4)), labels[:, ::2, ::2])
