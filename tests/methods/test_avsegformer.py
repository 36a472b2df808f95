from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from model_tester import ModelTester, SwitchTester, TinyVisualEncoder, logits, wake

from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.layers.recording import recording
from avslib.methods.avsegformer.criterion import AVSegFormerCriterion
from avslib.methods.avsegformer.mask_head import MaskHead
from avslib.methods.avsegformer.mask_reformer import MaskReformer
from avslib.methods.avsegformer.mixer import AudioVisualMixer, CrossAttentionMixer
from avslib.methods.avsegformer.model import AVSegFormer
from avslib.methods.avsegformer.query_generator import QueryGenerator

DIM, QUERIES = 16, 5


def generator(**options: Any) -> QueryGenerator:
    return QueryGenerator(**{"dim": DIM, "queries": QUERIES, "heads": 2, "hidden": 8, **options})


def mixer(**options: Any) -> AudioVisualMixer:
    return AudioVisualMixer(dim=DIM, heads=2, **options)


def tiny(classes: int = 1, convolutions: bool = False, **parts: Any) -> AVSegFormer:
    parts = {"queries": generator(), "mixer": mixer(), "reformer": MaskReformer(dim=DIM), **parts}
    count = parts["queries"].queries
    head = MaskHead(dim=DIM, queries=count, hidden=24, classes=classes, convolutions=convolutions)
    return AVSegFormer(
        visual=TinyVisualEncoder(), audio=SmallAudioEncoder(), head=head, dim=DIM, heads=2, layers=2, hidden=24, points=2,
        **parts,
    )  # fmt: skip


class TestPaper(ModelTester):
    build = staticmethod(tiny)
    criterion = AVSegFormerCriterion


class TestAuxiliary(SwitchTester):
    build = staticmethod(lambda: tiny(auxiliary=True))
    criterion = staticmethod(lambda: AVSegFormerCriterion(auxiliary=True))


class TestSemanticAsTheAuthorsHaveIt(SwitchTester):
    build = staticmethod(
        lambda: tiny(
            classes=7, convolutions=True, queries=generator(layers=2), mixer=mixer(gate=True), reformer=None
        )
    )
    criterion = staticmethod(lambda: AVSegFormerCriterion(of_mask_feature=True))
    classes = 7


TABLE_2 = {
    "one query": lambda: tiny(queries=generator(queries=1)),
    "no learnable queries": lambda: tiny(queries=generator(learnable=False)),
    "no mixer": lambda: tiny(mixer=None),
    "CRA": lambda: tiny(mixer=CrossAttentionMixer(dim=DIM, heads=2)),
    "AR": lambda: tiny(reformer=MaskReformer(dim=DIM, attention_only=QUERIES)),
}


@pytest.mark.parametrize("row", TABLE_2)
def test_every_row_of_table_2_trains_all_it_has(row: str) -> None:
    torch.manual_seed(0)
    model = wake(TABLE_2[row]()).train()
    batch = SwitchTester().batch(clips=1, seconds=2)
    terms = AVSegFormerCriterion()(model(batch), batch)
    torch.stack(list(terms.values())).sum().backward()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]


def test_without_a_reformer_there_is_one_term() -> None:
    model, batch = tiny(reformer=None), SwitchTester().batch(clips=1)
    assert AVSegFormerCriterion(intermediate=False)(model(batch), batch).keys() == {"mask"}


def test_queries_are_the_sound_and_what_is_learned() -> None:
    sound = torch.randn(3, 1, DIM)
    repeated = generator(learnable=False)
    assert torch.equal(repeated(sound), sound.expand(-1, QUERIES, -1)) and not list(repeated.parameters())
    both = generator()
    torch.testing.assert_close(both(sound)[1, 2] - sound[1, 0], both.learned[2])  # type: ignore[index]


def test_equal_queries_stay_equal() -> None:
    """Without learned ones, 300 queries are one query, 300 times: nothing in the decoder tells them apart."""
    model = wake(tiny(queries=generator(learnable=False))).eval()
    with recording() as tape:
        logits(model, SwitchTester().batch(clips=1))
    for attention in tape["avsegformer.attention"]:
        torch.testing.assert_close(attention, attention[:, :1].expand_as(attention))


@pytest.mark.parametrize("gate", [False, True])
def test_the_mixer_is_equation_2(gate: bool) -> None:
    torch.manual_seed(0)
    module = wake(mixer(gate=gate))
    pixels, sound = torch.randn(1, DIM, 3, 4), torch.randn(1, 1, DIM)
    flat = pixels[0].flatten(1).T  # hw D
    key, value = module.key_value(flat).chunk(2, dim=-1)  # type: ignore[operator]
    query, parts = module.query(sound[0, 0]), []  # type: ignore[operator]
    for head in (slice(0, 8), slice(8, 16)):
        parts.append((key[:, head] @ query[head] / 8**0.5).softmax(0) @ value[:, head])
    weight = module.out(torch.cat(parts))[:, None, None]  # type: ignore[operator]
    expected = pixels[0] * weight.sigmoid() if gate else pixels[0] + pixels[0] * weight
    torch.testing.assert_close(module(pixels, sound)[0], expected)


def test_the_cross_attention_mixer_adds_the_same_everywhere() -> None:
    torch.manual_seed(0)
    pixels = torch.randn(1, DIM, 3, 4)
    added = CrossAttentionMixer(dim=DIM, heads=2)(pixels, torch.randn(1, 1, DIM)) - pixels
    torch.testing.assert_close(added, added[:, :, :1, :1].expand_as(added))


def test_seconds_know_nothing_of_each_other() -> None:
    model, batch = wake(tiny()).eval(), SwitchTester().batch(clips=1, seconds=4)
    swapped = replace(batch, frames=batch.frames.flip(1), sound=batch.sound.flip(1))
    torch.testing.assert_close(logits(model, swapped).flip(1), logits(model, batch), rtol=1e-3, atol=1e-4)


def test_what_is_recorded_and_given_to_the_loss() -> None:
    model, batch = tiny(auxiliary=True).eval(), SwitchTester().batch(clips=2, seconds=3, still=True)
    with torch.inference_mode(), recording() as tape:
        prediction = model(batch)
    extras = prediction.extras
    assert {name: tuple(x.shape) for name, x in extras.items()} == {
        "mask_feature": (2, 3, DIM, 16, 16),
        "response1": (2, 3, 8, 8),
        "response2": (2, 3, 8, 8),
        "response3": (2, 3, 16, 16),
    }
    assert [tuple(layer["mask"].shape) for layer in prediction.layers] == [(2, 3, 16, 16)] * 2
    assert [tuple(x.shape) for x in tape["avsegformer.attention"]] == [(6, QUERIES, 64 + 16 + 4)] * 2
    assert tape["avsegformer.channels"][0].shape == (6, DIM)
    mixed = tape["avsegformer.unmixed"][0] * tape["avsegformer.channels"][0][:, :, None, None]
    torch.testing.assert_close(mixed, extras["mask_feature"].flatten(0, 1))


def test_a_still_is_seen_once() -> None:
    model = tiny().eval()
    logits(model, SwitchTester().batch(clips=2, seconds=7, still=True))
    assert model.visual.pictures == 2


def test_padded_frames_have_no_logits() -> None:
    batch = SwitchTester().batch(clips=1, seconds=2)
    result = logits(wake(tiny()).eval(), replace(batch, valid=torch.tensor([[True, False]])))
    assert result[0, 0].abs().sum() > 0 and not result[0, 1].any()


def test_what_all_sounds_share_can_be_taken_off() -> None:
    """`standardised`: an audio encoder that adds the same to every sound changes nothing."""
    model = tiny(standardised=True)
    heard = torch.randn(6, 128)
    same = model.standard(5 * heard + 9)
    torch.testing.assert_close(model.standard(heard), same, rtol=1e-3, atol=1e-4)
    assert isinstance(tiny().standard, torch.nn.Identity) and not list(model.standard.parameters())
