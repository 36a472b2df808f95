from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from model_tester import ModelTester, SwitchTester, TinyVisualEncoder, logits, wake
from torch import Tensor

from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.layers.recording import recording
from avslib.methods.tpavi.criterion import TPAVICriterion
from avslib.methods.tpavi.interaction import TemporalPixelwiseInteraction
from avslib.methods.tpavi.model import TPAVI


def tiny(**options: object) -> TPAVI:
    return TPAVI(visual=TinyVisualEncoder(), audio=SmallAudioEncoder(), width=16, inner=8, **options)  # type: ignore[arg-type]


class TestJoint(ModelTester):
    build = staticmethod(tiny)
    criterion = TPAVICriterion


class TestEachSecondAlone(SwitchTester):
    build = staticmethod(lambda: tiny(seconds_together=1))
    criterion = TPAVICriterion


class TestWithoutTheFinestMap(SwitchTester):
    build = staticmethod(lambda: tiny(stages=(2, 3, 4)))
    criterion = TPAVICriterion


class TestSemanticAsTheAuthorsHaveIt(SwitchTester):
    build = staticmethod(lambda: tiny(classes=5, seconds_together=5, audio_bias=False, skip_after_relu=True))
    criterion = TPAVICriterion
    classes = 5


def block(**options: object) -> TemporalPixelwiseInteraction:
    torch.manual_seed(0)
    sizes = {"width": 6, "inner": 4, "audio_dim": 5}
    return wake(TemporalPixelwiseInteraction(**{**sizes, **options})).eval()  # type: ignore[arg-type,return-value]


def inputs(clips: int = 2, seconds: int = 5, frames: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    maps = torch.randn(clips, frames or seconds, 6, 3, 4)
    return maps, torch.randn(clips, seconds, 5), torch.ones(clips, seconds, dtype=torch.bool)


@pytest.mark.parametrize("together", [None, 1, 2])
@pytest.mark.parametrize("frames", [5, 1])
def test_one_matrix_is_the_literal_product(together: int | None, frames: int) -> None:
    maps, audio, valid = inputs(frames=frames)
    valid[0, 3:] = False
    results = []
    for literal in (True, False):
        leaves = maps.clone().requires_grad_(), audio.clone().requires_grad_()
        out, _ = block(seconds_together=together, literal=literal)(*leaves, valid)
        out[valid].square().sum().backward()
        results.append((out[valid], leaves[0].grad, leaves[1].grad))
    for ours, literal_one in zip(*results):
        torch.testing.assert_close(ours, literal_one, rtol=1e-4, atol=1e-5)


def test_the_literal_product_is_the_papers() -> None:
    """y(p) = 1/(THW) sum over q of <query(p), key(q)> value(q), written with loops."""
    maps, audio, valid = inputs(clips=1, seconds=2)
    module = block()
    query, value = module.query(maps[0]), module.value(maps[0])  # T I h w
    key = module.key(module.align(audio[0]))  # T I
    y = torch.zeros_like(query)
    for t in range(2):
        for s in range(2):
            response = torch.einsum("ihw,i->hw", query[t], key[s])  # the same for each of the places of s
            y[t] += response * value[s].sum(dim=(1, 2))[:, None, None] / (2 * 3 * 4)
    z = module.out_norm(module.out(y)) + maps[0]
    expected = module.norm(z.movedim(1, -1)).movedim(-1, 1)
    torch.testing.assert_close(module(maps, audio, valid)[0][0], expected)


def test_blocks_of_seconds_are_clips_of_their_own() -> None:
    maps, audio, valid = inputs(clips=1, seconds=10)
    whole, _ = block(seconds_together=5)(maps, audio, valid)
    parts, _ = block()(maps.view(2, 5, 6, 3, 4), audio.view(2, 5, 5), valid.view(2, 5))
    torch.testing.assert_close(whole[0], parts.flatten(0, 1))


def test_on_a_still_the_joint_form_cannot_tell_when() -> None:
    """All seconds of a still get one mask, whichever second sounds; alone, each second gets its own."""
    maps, audio, valid = inputs(frames=1)
    joint, _ = block()(maps, audio, valid)
    torch.testing.assert_close(joint, joint[:, :1].expand_as(joint))
    moved, _ = block()(maps, audio.roll(2, dims=1), valid)
    torch.testing.assert_close(moved, joint)
    alone, _ = block(seconds_together=1)(maps, audio, valid)
    assert (alone - alone[:, :1]).abs().amax() > 0.1


def test_different_sounds_with_one_matrix_give_one_mask() -> None:
    """Also on a video the sounds only enter through sum_t key(t) mean_value(t)^T, inner x inner numbers."""
    module = block()
    maps, audio, valid = inputs(clips=1)
    mean_value = module.value(maps[0]).mean(dim=(2, 3))  # T 4: one direction of time is left over
    hidden = torch.linalg.svd(mean_value.T).Vh[-1]  # T: its products with the values cancel
    other = audio + 3 * hidden[None, :, None] * torch.randn(5)
    assert (other - audio).abs().amax(dim=(0, 2)).min() > 0.1, "every second sounds different"
    torch.testing.assert_close(
        module(maps, audio, valid)[0], module(maps, other, valid)[0], rtol=1e-3, atol=1e-4
    )


def test_the_sound_changes_nothing_at_the_start() -> None:
    module = TemporalPixelwiseInteraction(width=6, inner=4, audio_dim=5).eval()
    maps, audio, valid = inputs()
    torch.testing.assert_close(module(maps, audio, valid)[0], module(maps, -audio, valid)[0])


def test_responses_are_recorded_only_when_asked() -> None:
    maps, audio, valid = inputs()
    module = block()
    with recording() as tape:
        module(maps, audio, valid)
    (response,) = tape["tpavi.response"]
    assert response.shape == (2, 5, 5, 3, 4)  # B, second of the pixel, second of the sound, h, w
    key = module.key(module.align(audio))
    expected = (module.query(maps[1, 2:3])[0] * key[1, 4, :, None, None]).sum(0)
    torch.testing.assert_close(response[1, 2, 4], expected)
    assert not response.requires_grad


def test_a_still_is_seen_once() -> None:
    model = tiny().eval()
    tester = TestJoint()
    logits(model, tester.batch(clips=2, seconds=7, still=True))
    assert model.visual.pictures == 2


def test_padded_frames_have_no_logits() -> None:
    batch = TestJoint().batch(clips=1, seconds=2)
    result = logits(tiny().eval(), replace(batch, valid=torch.tensor([[True, False]])))
    assert result[0, 0].abs().sum() > 0 and not result[0, 1].any()


def test_extras_hold_the_maps_the_authors_loss_sees() -> None:
    batch = TestJoint().batch(clips=1, seconds=2)
    with torch.inference_mode():
        plain = tiny().eval()(batch).extras
        reference = tiny(skip_after_relu=True).eval()(batch).extras
    assert [tuple(plain[f"map{i}"].shape) for i in (1, 2, 3, 4)] == [(1, 2, 16, n, n) for n in (16, 8, 4, 2)]
    assert plain["audio1"].shape == (1, 2, 16)
    assert plain["map1"].min() < 0 and reference["map1"].min() == 0
