from __future__ import annotations

import pytest
import torch
from model_fixtures import awake
from torch import Tensor

from avslib.methods.pcmanet.query_selected_attention import QuerySelectedCrossAttention

Inputs = tuple[Tensor, Tensor, Tensor, Tensor]


@pytest.fixture
def inputs() -> Inputs:
    torch.manual_seed(0)
    maps, sound = torch.randn(2, 3, 8, 4, 5), torch.randn(2, 3, 8)
    selected = torch.rand(2, 3, 4, 5) < torch.tensor([0.2, 0.7]).view(2, 1, 1, 1)
    return maps, sound, torch.ones(2, 3, dtype=torch.bool), selected


def block(**options: object) -> QuerySelectedCrossAttention:
    return awake(QuerySelectedCrossAttention(width=8, heads=2, **options))  # type: ignore[arg-type]


def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(Q, C), (P, C), (P, C) -> (Q, C), two heads, as the paper's eq. 2."""
    heads = []
    for q, k, v in zip(query.chunk(2, 1), key.chunk(2, 1), value.chunk(2, 1)):
        heads.append((q @ k.T / 4**0.5).softmax(dim=1) @ v)
    return torch.cat(heads, dim=1)


def literal(module: QuerySelectedCrossAttention, inputs: Inputs, clip: int) -> tuple[Tensor, Tensor]:
    """Equations 3 and 4 for one clip: (T, C, h, w) and (T, C)."""
    maps, sound, _, selected = (x[clip] for x in inputs)
    tokens = module.embed(maps.flatten(2).transpose(1, 2)).flatten(0, 1)  # Thw C
    heard = module.hear(sound)
    seen, listening = module.norm(tokens), module.norm(heard)
    key, value = module.sound_key_value(listening).chunk(2, 1)
    rows = selected.flatten().nonzero()[:, 0]
    guide = tokens.clone()
    guide[rows] += module.out(attention(module.visual_query(seen[rows]), key, value))
    key, value = module.visual_key_value(seen).chunk(2, 1)  # type: ignore[misc]
    passed = heard + module.out(attention(module.sound_query(listening), key, value))  # type: ignore[misc]
    return guide.view(3, 20, 8).transpose(1, 2).reshape(3, 8, 4, 5), passed


def test_the_papers_equations(inputs: Inputs) -> None:
    module = block()
    guide, sound = module(*inputs)
    for clip in (0, 1):  # each has its own number of queries
        expected = literal(module, inputs, clip)
        torch.testing.assert_close(guide[clip], expected[0])
        torch.testing.assert_close(sound[clip], expected[1])


def test_no_mask_is_a_mask_of_ones(inputs: Inputs) -> None:
    module, (maps, sound, valid, selected) = block(), inputs
    torch.testing.assert_close(
        module(maps, sound, valid, None), module(maps, sound, valid, torch.ones_like(selected))
    )


def test_nothing_selected_leaves_the_tokens_alone(inputs: Inputs) -> None:
    maps, sound, valid, selected = inputs
    nothing = torch.zeros_like(selected)
    module, authors = block(), block(bias_on_unselected=True)
    guide, _ = module(maps, sound, valid, nothing)
    tokens = module.embed(maps.movedim(2, -1)).movedim(-1, 2)
    torch.testing.assert_close(guide, tokens)
    biased, _ = authors(maps, sound, valid, nothing)
    torch.testing.assert_close(biased, tokens + module.out.bias.view(8, 1, 1))


def test_only_as_many_queries_are_made_as_are_kept(inputs: Inputs) -> None:
    module, rows = block(), []
    module.visual_query.register_forward_hook(lambda _, x, out: rows.append(out.shape[1]))
    module(*inputs)
    assert rows == [int(inputs[3].flatten(1).sum(1).max())] and rows[0] < 60


def test_the_scrambled_layout_is_the_same_numbers_elsewhere(inputs: Inputs) -> None:
    ours, theirs = block()(*inputs)[0], block(scrambled_layout=True)(*inputs)[0]
    assert not torch.allclose(ours, theirs)
    torch.testing.assert_close(ours.flatten(3).transpose(2, 3).reshape(theirs.shape), theirs)


def test_gradients_through_what_was_selected(inputs: Inputs) -> None:
    for cut in (False, True):
        module = block(passes_sound=False, selection_without_gradient=cut)
        guide, sound = module(*inputs)
        assert sound is None
        guide.square().sum().backward()
        assert (module.visual_query.weight.grad is None) == cut
        assert (module.sound_key_value.weight.grad is None) == cut
        assert module.out.weight.grad is not None


def test_padded_seconds_are_neither_asked_nor_heard(inputs: Inputs) -> None:
    module, (maps, sound, valid, selected) = block(), inputs
    valid = torch.tensor([[True, True, False], [False] * 3])
    guide, passed = module(maps, sound, valid, selected)
    assert guide.isfinite().all() and passed.isfinite().all()
    short, alone = module(maps[:1, :2], sound[:1, :2], valid[:1, :2], selected[:1, :2])
    torch.testing.assert_close(guide[:1, :2], short)
    torch.testing.assert_close(passed[:1, :2], alone)
