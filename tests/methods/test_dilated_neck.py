from __future__ import annotations

import torch

from avslib.methods.tpavi.dilated_neck import DilatedNeck


def test_sum_of_dilated_branches() -> None:
    torch.manual_seed(0)
    neck = DilatedNeck(channels=3, width=5, dilations=(1, 4))
    x = torch.randn(2, 3, 7, 9)
    assert neck(x).shape == (2, 5, 7, 9)
    torch.testing.assert_close(neck(x), neck.branches[0](x) + neck.branches[1](x))


def test_reach_of_a_dilation() -> None:
    """With dilation 3 a pixel sees its neighbours three places away, and none between."""
    neck = DilatedNeck(channels=1, width=1, dilations=(3,))
    x = torch.zeros(1, 1, 9, 9)
    x[0, 0, 4, 4] = 1
    seen = (neck(x) - neck(torch.zeros_like(x)))[0, 0] != 0
    expected = torch.zeros(9, 9, dtype=torch.bool)
    expected[1::3, 1::3] = True
    assert torch.equal(seen, expected)


def test_starts_small() -> None:
    neck = DilatedNeck(channels=64, width=64)
    assert all(0.009 < float(branch.weight.detach().std()) < 0.011 for branch in neck.branches)
