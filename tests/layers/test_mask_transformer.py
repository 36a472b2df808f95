"""The pixel decoder and the masked-attention decoder against Hugging Face's Mask2Former, and what they owe besides."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from avslib.layers.masked_attention import MaskedAttentionDecoder, Memory, memory_of, outside
from avslib.layers.pixel_decoder import DeformablePixelDecoder
from avslib.layers.positions import sine_positions
from avslib.methods.key_map import KeyMap
from avslib.methods.reference_case import fill

CHANNELS = [8, 12, 16, 20]
SIZES = [(26, 35), (13, 18), (7, 9), (4, 5)]
DIM, QUERIES, LAYERS = 32, 7, 4

PIXEL_DECODER = KeyMap(
    [
        ("level_embed", "encoder.levels"),
        ("input_projections.", "project."),
        ("encoder.layers.{n}.self_attn.sampling_offsets.", "encoder.layers.{n}.attention.offsets."),
        ("encoder.layers.{n}.self_attn.attention_weights.", "encoder.layers.{n}.attention.weights."),
        ("encoder.layers.{n}.self_attn.value_proj.", "encoder.layers.{n}.attention.value."),
        ("encoder.layers.{n}.self_attn.output_proj.", "encoder.layers.{n}.attention.out."),
        ("encoder.layers.{n}.self_attn_layer_norm.", "encoder.layers.{n}.norm1."),
        ("encoder.layers.{n}.fc1.", "encoder.layers.{n}.feed.0."),
        ("encoder.layers.{n}.fc2.", "encoder.layers.{n}.feed.3."),
        ("encoder.layers.{n}.final_layer_norm.", "encoder.layers.{n}.norm2."),
        ("adapter_1.", "lateral."),
        ("layer_1.", "smooth."),
        ("mask_projection.", "out."),
    ]
)
DECODER = KeyMap(
    [
        ("level_embed.weight", "levels"),
        ("decoder.layers.{n}.cross_attn_layer_norm.", "layers.{n}.norm1."),
        ("decoder.layers.{n}.cross_attn.", "layers.{n}.cross."),
        ("decoder.layers.{n}.self_attn_layer_norm.", "layers.{n}.norm2."),
        ("decoder.layers.{n}.self_attn.", "layers.{n}.own."),
        ("decoder.layers.{n}.fc1.", "layers.{n}.feed.0."),
        ("decoder.layers.{n}.fc2.", "layers.{n}.feed.3."),
        ("decoder.layers.{n}.final_layer_norm.", "layers.{n}.norm3."),
        ("decoder.layernorm.", "norm."),
        ("decoder.mask_predictor.mask_embedder.0.0.", "embed.0."),
        ("decoder.mask_predictor.mask_embedder.1.0.", "embed.2."),
        ("decoder.mask_predictor.mask_embedder.2.0.", "embed.4."),
        ("queries_embedder.weight", "places"),
        ("queries_features.weight", "queries"),
    ]
)


def filled(module: nn.Module) -> Any:
    for name, parameter in module.named_parameters():
        parameter.data.copy_(fill(name, parameter.shape))
    return module.eval()


@pytest.fixture(scope="module")
def theirs() -> tuple[Any, Any, Any]:
    """(their module, pixel decoder, transformer)"""
    mask2former = pytest.importorskip("transformers.models.mask2former.modeling_mask2former")
    config = mask2former.Mask2FormerConfig(
        feature_size=DIM, mask_feature_size=DIM, hidden_dim=DIM, encoder_feedforward_dim=24, encoder_layers=2,
        dim_feedforward=40, decoder_layers=LAYERS + 1, num_attention_heads=4, num_queries=QUERIES, dropout=0.0,
    )  # fmt: skip
    pixel = filled(mask2former.Mask2FormerPixelDecoder(config, feature_channels=CHANNELS))
    return mask2former, pixel, filled(mask2former.Mask2FormerTransformerModule(DIM, config))


def maps() -> list[Tensor]:
    return [fill(f"map {c}", (2, c, *size)) * c for c, size in zip(CHANNELS, SIZES)]


def pixel_decoder() -> DeformablePixelDecoder:
    return DeformablePixelDecoder(CHANNELS, dim=DIM, layers=2, heads=4, hidden=24)


def translated(key_map: KeyMap, module: Any) -> dict[str, Tensor]:
    """Their parameters under our names; where they keep query, key and value apart, ours are one tensor."""
    state = key_map.translate(dict(module.named_parameters()))
    assert not state.unknown
    names = [name for name in state.state if ".q_proj." in name]
    for name in names:
        parts = [state.state.pop(name.replace("q_proj", f"{part}_proj")) for part in "qkv"]
        state.state[name.replace("q_proj.", "in_proj_")] = torch.cat(parts)
    return state.state


def test_the_pixel_decoder_equals_hugging_face(theirs: tuple[Any, Any, Any]) -> None:
    ours = pixel_decoder()
    ours.load_state_dict(translated(PIXEL_DECODER, theirs[1]))
    pixels, refined = ours.eval()(maps())
    other = theirs[1](maps(), return_dict=True)
    torch.testing.assert_close(pixels, other.mask_features, rtol=0, atol=1e-5)
    assert len(refined) == 3
    for mine, their in zip(refined, other.multi_scale_features):
        torch.testing.assert_close(mine, their, rtol=0, atol=1e-5)


def test_the_decoder_equals_hugging_face(theirs: tuple[Any, Any, Any]) -> None:
    """Masks after each layer; classes are linear in what is compared here, their normed queries."""
    state = translated(DECODER, theirs[2])
    places, queries = state.pop("places"), state.pop("queries")
    ours = MaskedAttentionDecoder(classes=2, dim=DIM, layers=LAYERS, heads=4, hidden=40).eval()
    ours.load_state_dict(state, strict=False)
    levels = [fill(f"level {size}", (2, DIM, *size)) * DIM for size in SIZES[:0:-1]]
    pixels = fill("pixels", (2, DIM, *SIZES[0])) * DIM
    mine = ours(queries.expand(2, -1, -1), places, [memory_of(x) for x in levels], pixels)
    other = theirs[2](levels, pixels)
    assert len(mine) == LAYERS + 1
    for prediction, masks, normed in zip(
        mine, other.masks_queries_logits, other.intermediate_hidden_states, strict=True
    ):
        torch.testing.assert_close(prediction["mask_logits"], masks, rtol=0, atol=1e-5)
        classes = ours.classify(normed.transpose(0, 1))
        torch.testing.assert_close(prediction["class_logits"], classes, rtol=0, atol=1e-5)
    closed = outside(mine[1]["mask_logits"], SIZES[2])
    assert closed is not None and 0.1 < closed.float().mean() < 0.9, "the masks bound something"


def test_normalised_positions_equal_hugging_face(theirs: tuple[Any, Any, Any]) -> None:
    embed = theirs[0].Mask2FormerSinePositionEmbedding(num_position_features=16, normalize=True)
    expected = embed(torch.Size((1, DIM, 5, 7)), torch.device("cpu"), torch.float32)[0]
    mine = sine_positions(5, 7, dim=DIM, like=torch.zeros(1), normalised=True)
    torch.testing.assert_close(mine, expected, rtol=0, atol=1e-5)


def test_a_query_looks_at_its_mask_and_an_empty_mask_everywhere() -> None:
    masks = torch.full((1, 3, 4, 4), -1.0)
    masks[0, 0, :2, :2] = 1.0
    masks[0, 1] = 1.0
    closed = outside(masks, (2, 2))
    assert closed is not None
    assert closed[0].tolist() == [[False, True, True, True], [False] * 4, [False] * 4]
    assert outside(masks, None) is None


def test_what_lies_outside_of_the_mask_changes_nothing_and_all_of_a_sound_counts() -> None:
    torch.manual_seed(0)
    decoder = filled(MaskedAttentionDecoder(classes=2, memories=1, dim=8, layers=1, heads=2, hidden=8))
    queries, places = torch.randn(1, 1, 8), torch.randn(1, 8)
    embedding = decoder.embed(decoder.norm(queries))[0, 0]
    pixels = torch.zeros(1, 8, 4, 4)
    pixels[0, :, :, :2], pixels[0, :, :, 2:] = embedding[:, None, None], -embedding[:, None, None]
    x = torch.randn(1, 8, 4, 4)
    other = x.clone()
    other[..., 2:] = torch.randn(1, 8, 4, 2)
    for masked in (True, False):
        before, after = (
            decoder(queries, places, [memory_of(picture, masked=masked)], pixels)[-1]["class_logits"]
            for picture in (x, other)
        )
        assert torch.allclose(before, after, atol=1e-6) == masked


def test_memories_may_be_maps_and_tokens() -> None:
    torch.manual_seed(0)
    decoder = MaskedAttentionDecoder(classes=3, memories=2, dim=8, layers=3, heads=2, hidden=8)
    memories = [Memory(torch.randn(2, 5, 8)), memory_of(torch.randn(2, 8, 3, 2))]
    predictions = decoder(torch.randn(2, 4, 8), torch.randn(4, 8), memories, torch.randn(2, 8, 6, 4))
    shapes = {tuple(p["class_logits"].shape) + tuple(p["mask_logits"].shape) for p in predictions}
    assert len(predictions) == 4 and shapes == {(2, 4, 4, 2, 4, 6, 4)}


def test_the_start_of_the_pixel_decoder() -> None:
    decoder = pixel_decoder()
    assert decoder.encoder.levels.std() > 0.5, "attention's own start came last"
    assert not decoder.project[0][0].bias.any() and decoder.smooth[0].bias is None  # type: ignore[index]
    assert not any(layer.attention.weights.weight.any() for layer in decoder.encoder.layers)
