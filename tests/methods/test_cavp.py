"""CAVP's network: what every model owes, the four activations of Fig. 6, and the dilated ResNet."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from model_fixtures import awake
from model_tester import ModelTester, SwitchTester, TinyVisualEncoder, logits, wake
from torch import Tensor

from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.encoders.visual import VisualEncoder
from avslib.errors import UserError
from avslib.layers.recording import recording
from avslib.methods.cavp.build import build, dilated
from avslib.methods.cavp.criterion import CAVPCriterion
from avslib.methods.cavp.model import CAVP
from avslib.methods.cavp.visual_query_attention import ACTIVATIONS, VisualQueryAttention
from avslib.methods.reference_case import fill
from avslib.types import Batch


def tiny(**options: Any) -> CAVP:
    return build(
        visual=TinyVisualEncoder(),
        audio=SmallAudioEncoder(),
        **{"width": 16, "low": 8, "heads": 2, **options},
    )


class Pictures(SwitchTester):
    """The pyramid's global view is one number a channel and picture, which batch norm must see twice in training.

    So in the authors' code; runs never train on one picture, as the last, partial batch is dropped.
    """

    def test_a_single_picture(self) -> None:
        one, two = (self.batch(clips=clips, seconds=1) for clips in (1, 2))
        self.assert_shape(one)
        model = self.model().train()
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            model(one)
        torch.stack(list(self.criterion()(model(two), two).values())).sum().backward()


class TestPaper(Pictures, ModelTester):
    build = staticmethod(tiny)
    criterion = CAVPCriterion


class TestSemantic(Pictures):
    build = staticmethod(partial(tiny, classes=5, embeddings=True))
    criterion = CAVPCriterion
    classes = 5


class TestSoftmax(Pictures):
    build = staticmethod(partial(tiny, activation="softmax"))
    criterion = CAVPCriterion


class TestMinMax(Pictures):
    build = staticmethod(partial(tiny, activation="min-max"))
    criterion = CAVPCriterion


class TestChannel(Pictures):
    build = staticmethod(partial(tiny, activation="channel"))
    criterion = CAVPCriterion


class TestCoarserMaps(Pictures):
    """The small model of the recipe."""

    build = staticmethod(partial(tiny, stages=(2, 4), dilations=(1, 2), embeddings=True))
    criterion = staticmethod(partial(CAVPCriterion, overlap=True, response=True))


class TestTwoEars(Pictures):
    build = staticmethod(
        lambda: build(
            visual=TinyVisualEncoder(),
            audio=SmallAudioEncoder(channels=2),
            width=16,
            low=8,
            heads=2,
            classes=4,
        )
    )
    criterion = CAVPCriterion
    classes = 4
    sound_shape = (2, 300, 64)


def batch(**sizes: Any) -> Batch:
    return TestPaper().batch(**sizes)


def attention_of(activation: str) -> Tensor:
    """(B, T, heads, P)"""
    with recording() as tape, torch.no_grad():
        wake(tiny(activation=activation)).eval()(batch())
    (attention,) = tape["cavp.attention"]
    assert attention.shape == (2, 3, 2, 16, 16)
    return attention.flatten(3)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_only_a_sigmoid_answers_for_every_place_alone(activation: str) -> None:
    """Half of the pixels are asked what all are asked."""
    attend = awake(VisualQueryAttention(width=16, sound_dim=6, heads=2, activation=activation))  # type: ignore[arg-type]
    x, sound = fill("pixels", (2, 10, 16)), fill("sound", (2, 6))
    with torch.no_grad():
        (all_fused, all_attention, _), (fused, attention, _) = attend(x, sound), attend(x[:, :5], sound)
    assert torch.allclose(attention, all_attention[:, :, :5], atol=1e-6) == (activation == "sigmoid")
    assert torch.allclose(fused, all_fused[:, :5], atol=1e-5) == (activation == "sigmoid")


def test_a_sigmoid_is_between_no_and_yes() -> None:
    attention = attention_of("sigmoid")
    assert 0 < attention.min() < attention.max() < 1
    assert attention.sum(dim=3).min() > 2, "places share nothing"


def test_the_response_is_what_the_sigmoid_is_of() -> None:
    attend = awake(VisualQueryAttention(width=16, sound_dim=6, heads=1))
    with torch.no_grad():
        _, attention, response = attend(fill("pixels", (2, 10, 16)), fill("sound", (2, 6)))
    torch.testing.assert_close(attention[:, 0], (response / 4).sigmoid())


def test_a_softmax_lets_places_share_one_sound() -> None:
    torch.testing.assert_close(attention_of("softmax").sum(dim=3), torch.ones(2, 3, 2))


def test_min_max_reaches_both_ends() -> None:
    attention = attention_of("min-max")
    assert torch.equal(attention.amin(dim=3), torch.zeros(2, 3, 2))
    torch.testing.assert_close(attention.amax(dim=3), torch.ones(2, 3, 2))


def test_channels_are_weighed_alike_everywhere() -> None:
    attention = attention_of("channel")
    assert torch.equal(attention.amin(dim=3), attention.amax(dim=3)) and attention.unique().numel() > 6
    torch.testing.assert_close(attention.mean(dim=(2, 3)), torch.ones(2, 3))  # one a channel, on average


def test_activations_differ_and_others_are_refused() -> None:
    results = [logits(wake(tiny(activation=activation)).eval(), batch()) for activation in ACTIVATIONS]
    assert all(not torch.allclose(results[0], other, atol=1e-3) for other in results[1:])
    with pytest.raises(
        UserError, match="unknown activation 'tanh'; choose one of sigmoid, softmax, min-max, channel"
    ):
        tiny(activation="tanh")


def test_a_still_is_seen_once() -> None:
    model = tiny().eval()
    logits(model, batch(clips=2, seconds=7, still=True))
    assert model.visual.pictures == 2


def test_padded_frames_have_no_logits() -> None:
    for valid in ([[True, False]], [[False, False]]):
        result = logits(wake(tiny()).eval(), replace(batch(clips=1, seconds=2), valid=torch.tensor(valid)))
        assert result.isfinite().all() and not result[~torch.tensor(valid)].any()


def test_embeddings_and_response_are_there_when_asked_for() -> None:
    with torch.no_grad():
        assert not tiny().eval()(batch()).extras
        extras = tiny(embeddings=True).eval()(batch()).extras
    shapes = {name: tuple(x.shape) for name, x in extras.items()}
    assert shapes == {"embedding": (2, 3, 16 + 8, 16, 16), "response": (2, 3, 16, 16)}


def test_the_size_follows_the_encoders() -> None:
    """The sound's width is the audio encoder's; over PVTv2 pyramid and head are narrow, as in the authors' code."""
    assert tiny().attend.hear.in_features == SmallAudioEncoder.dim
    with torch.device("meta"):
        pvt = build(visual=dilated(name="pvt_v2_b5", pretrained=False), audio=SmallAudioEncoder())
        wide = build(visual=dilated(name="resnet50", pretrained=False), audio=SmallAudioEncoder())
    assert [model.attend.query.in_features for model in (pvt, wide)] == [64 + 48, 256 + 48]
    assert wide.visual.name == "deeplab_resnet50"


@pytest.mark.parametrize(("output_stride", "sides"), [(16, [56, 28, 14, 14]), (8, [56, 28, 28, 28])])
def test_the_last_stage_looks_further_instead_of_halving(output_stride: int, sides: list[int]) -> None:
    with torch.device("meta"):
        encoder = VisualEncoder(name="deeplab_resnet50", pretrained=False, output_stride=output_stride).eval()
        maps = encoder(torch.empty(1, 3, 224, 224))
    assert [tuple(x.shape[1:]) for x in maps] == [(c, s, s) for c, s in zip((256, 512, 1024, 2048), sides)]
    last = [(block.conv2.dilation, block.conv2.padding) for block in encoder.net.layer4]
    assert last == [((d, d), (d, d)) for d in (2, 4, 8)]
    assert [m.out_channels for m in encoder.net.conv1 if isinstance(m, torch.nn.Conv2d)] == [64, 64, 128]


@pytest.mark.parametrize(
    ("name", "stride"),
    [("resnet50", 16), ("pvt_v2_b5", 8), ("efficientnet_lite0", 16), ("deeplab_resnet50", 32)],
)
def test_other_output_strides_are_refused(name: str, stride: int) -> None:
    with pytest.raises(
        UserError, match=f"output_stride={stride}: deeplab_resnet50 has 8 or 16, the others none"
    ):
        VisualEncoder(name=name, pretrained=False, output_stride=stride)
