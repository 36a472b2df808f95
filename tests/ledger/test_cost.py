from __future__ import annotations

import pickle
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from avslib.errors import UserError
from avslib.ledger import cost_table
from avslib.ledger.cost import Cost, Costed, count, measure, multiply_adds
from avslib.ledger.cost_table import TABLE
from avslib.methods import METHODS
from avslib.methods.cost import PublishedCost, Unused
from avslib.methods.networks import paper_model


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1, groups=1)
        self.linear = nn.Linear(128, 16, bias=False)

    def segment(self, frames: Tensor, tokens: Tensor, valid: Tensor) -> Tensor:
        x = self.conv(frames.flatten(0, 1)).mean(dim=(2, 3))  # 5 8
        return x.transpose(0, 1) @ self.linear(tokens)[0, :, 0]  # an activation by an activation: 8 5 16


class Convolution(nn.Conv2d):
    """Importable by another process, which the tests' own classes need not be."""

    def __init__(self) -> None:
        super().__init__(3, 4, 3, stride=8)

    def segment(self, frames: Tensor, tokens: Tensor, valid: Tensor) -> Tensor:
        return self(frames.flatten(0, 1))


def test_by_hand() -> None:
    found = count(Costed("small", "none", Small))
    conv, linear = 5 * 8 * 112 * 112 * 27, 5 * 16 * 128
    assert found.parameters == 8 * 27 + 8 + 16 * 128
    assert found.multiply_adds == conv + linear
    assert found.flops == 2 * (conv + linear + 8 * 5 * 16), "attention's products are in here only"


def test_groups_transposed_convolutions_and_attention() -> None:
    layers = nn.ModuleList(
        [nn.Conv2d(4, 8, 3, groups=4), nn.ConvTranspose2d(4, 2, 2, stride=2), nn.MultiheadAttention(8, 2)]
    )
    with multiply_adds(layers) as counts:
        layers[0](torch.randn(2, 4, 5, 5))
        layers[1](torch.randn(2, 4, 5, 5))
        layers[2](torch.randn(3, 1, 8), key=torch.randn(7, 1, 8), value=torch.randn(7, 1, 8))
        nn.ReLU()(torch.randn(2))
    assert counts == [2 * 8 * 9 * 9, 2 * 25 * 4 * 2 * 4, (3 + 7 + 7 + 3) * 64]
    layers[0](torch.randn(2, 4, 5, 5))
    assert len(counts) == 3, "nothing is counted after the block"


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: f"{entry.method}-{entry.backbone}")
def test_the_papers_counts_are_found_again(entry: Costed) -> None:
    """Within 0.5 %: ours plus what the authors' code carries for nothing."""
    found, paper = count(entry), entry.published
    assert found.flops > 2 * found.multiply_adds > 0
    if paper is None:
        return
    parameters = (found.parameters + found.unused.parameters) / 1e6
    products = (found.multiply_adds + found.unused.multiply_adds) / 1e9
    assert parameters == pytest.approx(paper.parameters, rel=0.005)
    assert products == pytest.approx(paper.multiply_adds, rel=0.005)


def test_pcmanet_counts_what_masking_would_leave_out() -> None:
    """Same parameters, whether masking is on or off."""
    method = METHODS["pcmanet"]
    assert method.costs.changes == {"masking": False}
    build = partial(paper_model, network=method.build, pretrained=False)
    with torch.device("meta"):
        sizes = [sum(p.numel() for p in build(masking=masking).parameters()) for masking in (True, False)]
    assert sizes[0] == sizes[1]


def test_every_method_is_in_the_table_with_its_backbones() -> None:
    lines = [(entry.method, entry.backbone, entry.published) for entry in TABLE]
    assert lines == [
        (method.title, backbone, method.costs.published.get(backbone))
        for method in METHODS.values()
        for backbone in method.backbones
    ]
    assert {entry.method for entry in TABLE if entry.published} == {"TPAVI", "PCMANet"}


def test_measuring() -> None:
    memory, seconds = measure(Costed("small", "none", Small), rounds=2)
    assert memory is not None and memory >= 0 and seconds > 0


def test_memory_is_a_dash_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avslib.ledger.provenance.peak_of_process", lambda: None)
    assert measure(Costed("small", "none", Small), rounds=1)[0] is None
    known = Cost(1, 1, 1, Unused(0, 0, ""), memory_mb=None, seconds=0.5)
    monkeypatch.setattr(cost_table, "cost", lambda entry, device: known)
    assert cost_table.cost_table(entries=[Costed("x", "y", Small)]).splitlines()[-1].split()[-3:] == [
        "-",
        "10.00",
        "-",
    ]


@pytest.mark.parametrize("device", ["nonsense", *(["cuda"] if not torch.cuda.is_available() else [])])
def test_a_device_that_is_not_there_is_told_before_anything_is_counted(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost_table, "count", lambda _: pytest.fail("counted"))
    for call in (lambda: cost_table.cost_table(device=device), lambda: measure(TABLE[0], device)):
        with pytest.raises(UserError, match=f"--device {device}: not to be had here") as error:
            call()
        assert str(error.value).isprintable()


def test_a_measurement_has_a_process_of_its_own() -> None:
    """Which is sent the entry, so every entry of the table must survive the journey."""
    for entry in TABLE:
        assert pickle.loads(pickle.dumps(entry)).method == entry.method
    found = cost_table.cost(Costed("conv", "none", Convolution), "cpu")
    assert found.seconds and found.memory_mb is not None


def test_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    unused = Unused(1_000_000, 2_000_000_000, "why")
    known = Cost(3_000_000, 5_000_000_000, 11_000_000_000, unused, memory_mb=7.4, seconds=0.5)
    monkeypatch.setattr(cost_table, "cost", lambda entry, device: known)
    paper = PublishedCost(4.01, 7.002, 9.5, "a table")
    entries = [Costed("ours", "resnet50", Small, published=paper), Costed("new", "odd", Small)]
    text = cost_table.cost_table(entries=entries, markdown=True)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    numbers = ["3.00", "4.00", "4.01", "5.00", "7.00", "7.002", "11.0", "7", "10.00", "9.50"]
    assert rows[2] == ["ours", "ResNet-50", *numbers]
    assert rows[3] == ["new", "odd", "3.00", "-", "-", "5.00", "-", "-", "11.0", "7", "10.00", "-"]
    assert len(cost_table.cost_table(entries=entries).splitlines()) == 3
