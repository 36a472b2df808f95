from __future__ import annotations

import pytest
import torch
from torch import nn

from avslib.methods.tpavi.fusion_decoder import FusionDecoder, ResidualConvUnit


@pytest.mark.parametrize("skip_after_relu", [True, False])
def test_the_skip_of_the_residual_unit(skip_after_relu: bool) -> None:
    """An in-place ReLU at the head of the branch is what takes the negative part from the skip."""
    torch.manual_seed(0)
    unit = ResidualConvUnit(width=4, skip_after_relu=skip_after_relu)
    branch = nn.Sequential(nn.ReLU(inplace=skip_after_relu), unit.conv1, nn.ReLU(), unit.conv2)
    x = torch.randn(2, 4, 5, 6)
    with torch.no_grad():
        ours, given = unit(x), x.clone()
        residual = branch(given)  # before `given` is read: it may have changed by then
        assert (given.min() < 0) != skip_after_relu
        torch.testing.assert_close(ours, residual + given)
        assert x.min() < 0, "our unit leaves its input as it was"


def test_decoder_sizes_and_parameters() -> None:
    decoder = FusionDecoder(width=16, classes=3)
    for size in ((64, 96), (45, 70), (33, 33)):
        maps = [torch.randn(2, 16, -(-size[0] // s), -(-size[1] // s)) for s in (4, 8, 16, 32)]
        logits = decoder(maps, size)
        assert logits.shape == (2, 3, *size)
    logits.sum().backward()
    assert all(p.grad is not None for p in decoder.parameters()), "no parameter is carried along unused"


def test_every_map_reaches_the_mask() -> None:
    torch.manual_seed(0)
    decoder = FusionDecoder(width=16)
    maps = [torch.randn(1, 16, n, n, requires_grad=True) for n in (16, 8, 4, 2)]
    decoder(maps, (64, 64)).square().sum().backward()
    assert all(m.grad is not None and m.grad.abs().sum() > 0 for m in maps)
