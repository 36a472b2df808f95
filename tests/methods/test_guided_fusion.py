from __future__ import annotations

import torch
import torch.nn.functional as F
from model_fixtures import awake

from avslib.methods.pcmanet.guided_fusion import GuidedFusion


def test_three_maps_meet_at_the_finest_size() -> None:
    module = awake(GuidedFusion(width=4))
    torch.manual_seed(0)
    fine, coarse, guide = torch.randn(2, 4, 6, 7), torch.randn(2, 4, 3, 4), torch.randn(2, 4, 2, 2)
    up = [F.interpolate(x, (6, 7), mode="bilinear", align_corners=False) for x in (coarse, guide)]
    expected = module.merge(fine + module.coarse(up[0]) + module.guide(up[1]))  # type: ignore[misc]
    torch.testing.assert_close(module(fine, coarse, guide), expected)


def test_what_is_not_taken_has_no_parameters() -> None:
    sizes = [
        sum(p.numel() for p in GuidedFusion(width=4, takes_coarse=c, takes_guide=g).parameters())
        for c, g in ((False, False), (False, True), (True, True))
    ]
    assert sizes == [sizes[0], 2 * sizes[0], 3 * sizes[0]]
    alone = awake(GuidedFusion(width=4, takes_coarse=False, takes_guide=False))
    assert alone(torch.randn(1, 4, 3, 3), None, None).shape == (1, 4, 3, 3)
