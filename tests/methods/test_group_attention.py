from __future__ import annotations

import torch
import torch.nn.functional as F
from model_fixtures import awake

from avslib.layers.recording import recording
from avslib.methods.pcmanet.group_attention import Addition, AudioVisualGroupAttention


def test_each_group_is_weighed_by_its_cosine() -> None:
    """The paper's words, written with loops."""
    module = awake(AudioVisualGroupAttention(width=12, groups=3))
    torch.manual_seed(0)
    maps, sound = torch.randn(2, 3, 12, 4, 5), torch.randn(2, 3, 12)
    projected, heard = module.project(maps.flatten(0, 1)), module.hear(sound).flatten(0, 1)
    parts, cosines = [], []
    for group in projected.chunk(3, dim=1):
        cosine = F.cosine_similarity(group, heard[:, :, None, None].expand_as(group), dim=1, eps=1e-12)
        cosines.append(cosine)
        parts.append(group * cosine[:, None])
    with recording() as tape:
        ours, cosines_given = module(maps, sound)
    torch.testing.assert_close(ours.flatten(0, 1), module.merge(torch.cat(parts, dim=1)))
    (attention,) = tape["pcmanet.attention"]
    torch.testing.assert_close(attention.flatten(0, 1), torch.stack(cosines, dim=1))
    assert torch.equal(attention, cosines_given)
    assert attention.min() >= 0 and attention.max() <= 1 + 1e-6


def test_one_group_and_as_many_as_channels() -> None:
    for groups in (1, 12):
        module = awake(AudioVisualGroupAttention(width=12, groups=groups))
        assert module(torch.randn(1, 2, 12, 3, 3), torch.randn(1, 2, 12))[0].shape == (1, 2, 12, 3, 3)


def test_silent_channels_do_no_harm() -> None:
    module = awake(AudioVisualGroupAttention(width=4, groups=2))
    module.hear[1].bias.data.fill_(-1e3)  # the ReLU gives exactly 0
    out, _ = module(torch.randn(1, 1, 4, 2, 2, requires_grad=True), torch.zeros(1, 1, 4))
    out.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())


def test_addition() -> None:
    maps, sound = torch.randn(1, 1, 4, 2, 2), torch.randn(1, 3, 4)
    out, cosines = Addition()(maps, sound)
    assert cosines is None
    assert out.shape == (1, 3, 4, 2, 2)
    torch.testing.assert_close(out[0, 2, :, 1, 0], maps[0, 0, :, 1, 0] + sound[0, 2])
