"""The parts of VCT by hand: PPQG's three steps, the map that VGGish hears, the Siam-Encoder."""

from __future__ import annotations

import torch
from model_fixtures import awake
from model_tester import TinyVisualEncoder
from torch import nn

from avslib.layers.recording import recording
from avslib.methods.reference_case import fill
from avslib.methods.vct.pixel_grouping import PixelGrouping, one_hot
from avslib.methods.vct.prompting import AudioPrototypePrompt, PrototypeSpace
from avslib.methods.vct.query_generator import PPQG
from avslib.methods.vct.siam_encoder import SiamEncoder
from avslib.methods.vct.vggish_map import VGGishMap


def test_pixels_are_shared_out_and_queries_get_the_mean_of_theirs() -> None:
    grouping = awake(PixelGrouping(dim=8))
    queries, pixels = fill("queries", (2, 3, 8)), fill("pixels", (2, 10, 8))
    best = (grouping.query(queries) @ grouping.key(pixels).transpose(1, 2)).argmax(dim=1)
    expected = queries.clone()
    for n in range(2):
        for q in range(3):
            own = pixels[n, best[n] == q]
            mean = grouping.value(own).mean(dim=0) if len(own) else torch.zeros(8)
            expected[n, q] += grouping.out(mean)
    with recording() as tape:
        torch.testing.assert_close(grouping(queries, pixels), expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(tape["vct.group"][0], best)


def test_a_query_without_pixels_gets_none() -> None:
    grouping = awake(PixelGrouping(dim=8))
    queries = fill("queries", (1, 1, 8)).repeat(1, 2, 1)  # of equals the first takes all
    result = grouping(queries, fill("pixels", (1, 5, 8)))
    torch.testing.assert_close(result[0, 1], queries[0, 1] + grouping.out.bias)


def test_authors_divide_by_one_more() -> None:
    plain, spared = (awake(PixelGrouping(dim=8, spare=spare)) for spare in (0.0, 1.0))
    queries, pixels = fill("queries", (1, 1, 8)), fill("pixels", (1, 5, 8))  # all five are its own
    ours, theirs = (g(queries, pixels) - queries - g.out.bias for g in (plain, spared))
    torch.testing.assert_close(theirs, ours * 5 / 6)


def test_the_gradient_of_a_choice_is_that_of_its_softmax() -> None:
    scores = fill("scores", (1, 4, 6)).requires_grad_()
    weights = fill("weights", (1, 4, 6))
    choice = one_hot(scores, noisy=False)
    assert torch.equal(choice.round(), nn.functional.one_hot(scores.argmax(dim=1), 4).transpose(1, 2).float())
    (straight,) = torch.autograd.grad((choice * weights).sum(), scores)
    (soft,) = torch.autograd.grad((scores.softmax(dim=1) * weights).sum(), scores)
    torch.testing.assert_close(straight, soft)


def test_in_training_the_choice_is_drawn_by_the_softmax() -> None:
    torch.manual_seed(0)
    scores = torch.tensor([0.5, 0.3, 0.2]).log().view(1, 3, 1).expand(1, 3, 20_000)
    choice = one_hot(scores, noisy=True)
    assert set(choice.unique().tolist()) <= {0.0, 1.0} and bool((choice.sum(dim=1) == 1).all())
    torch.testing.assert_close(choice.mean(dim=2)[0], torch.tensor([0.5, 0.3, 0.2]), rtol=0, atol=0.02)


def test_other_sizes_are_fitted_to_the_grid() -> None:
    """Bilinear, for the aggregation alone: a constant map gives the same queries at any size."""
    generator = awake(PPQG(prompt=None, grouping=None, queries=3, grid=8, dim=8))
    generator.project = nn.Identity()
    value, sound = fill("value", (1, 8, 1, 1)), torch.zeros(1, 1, 8)
    small, large = (generator(value.expand(-1, -1, *size), sound) for size in ((8, 8), (5, 13)))
    torch.testing.assert_close(small, large)
    x = fill("x", (1, 8, 8, 8))
    torch.testing.assert_close(generator(x, sound), generator.aggregate(x.flatten(2)).transpose(1, 2))


def test_prototypes_are_asked_and_sounds_are_not() -> None:
    prompt = awake(AudioPrototypePrompt(prototypes=5, dim=8))
    queries = fill("queries", (2, 3, 8))
    heard, other = (prompt(queries, fill(name, (2, 4, 8))) for name in ("one", "other"))
    assert torch.equal(heard, other)
    weight, bias = prompt.attention.in_proj_weight, prompt.attention.in_proj_bias
    q, k, v = (
        nn.functional.linear(x, weight[i * 8 : i * 8 + 8], bias[i * 8 : i * 8 + 8])
        for i, x in enumerate((queries, prompt.prototypes, prompt.prototypes))
    )
    found = (q @ k.T / 8**0.5).softmax(dim=-1) @ v
    torch.testing.assert_close(heard, queries + prompt.attention.out_proj(found), rtol=1e-4, atol=1e-5)


def test_the_space_compares_by_cosines() -> None:
    space = awake(PrototypeSpace(dim=8))
    sound, prototypes = fill("sound", (2, 4, 8)), fill("prototypes", (3, 8))
    heard, known = space(sound, prototypes)
    cosine = nn.functional.cosine_similarity(
        space.sound(sound.mean(dim=1))[:, None], space.prototypes(prototypes)[None], dim=-1
    )
    torch.testing.assert_close(heard @ known.T, cosine)


def test_vggish_s_map_is_ordered_by_time_then_pitch_and_frozen() -> None:
    encoder = awake(VGGishMap(pretrained=False))
    sound = torch.zeros(1, 1, 96, 64)
    changed = sound.clone()
    changed[:, :, 85:, 59:] = 3.0  # late and high
    tokens = encoder(sound)
    moved = (encoder(changed) - tokens).abs().sum(dim=2)[0].view(6, 4)
    assert tokens.shape == (1, 24, 512) and moved[5, 3] > 0 and not moved[:3].any() and not moved[:, 0].any()
    assert not any(p.requires_grad for p in encoder.parameters())


def test_regions_are_added_as_much_as_they_matter() -> None:
    encoder = awake(SiamEncoder(visual=TinyVisualEncoder()))
    frames, regions = fill("frames", (2, 3, 64, 64)), fill("regions", (2, 3, 64, 64))
    maps, seen = encoder.visual(frames), encoder.visual(regions)
    for f, g, gate, result in zip(maps, seen, encoder.gates, encoder(maps, regions)):
        first, second = gate[0], gate[2]
        s = torch.sigmoid(second(first(g.mean(dim=(2, 3))).relu()))
        torch.testing.assert_close(result, f + s[:, :, None, None] * g)
