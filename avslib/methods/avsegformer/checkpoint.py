"""AVSegFormer's checkpoints (S4, MS3, AVSS; ResNet-50, PVTv2-B5; VGGish inside) into ours."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from avslib.encoders.vggish import VGGish
from avslib.encoders.visual import VisualEncoder
from avslib.errors import UserError
from avslib.methods.authors_code import AuthorsCode
from avslib.methods.avsbench_keys import encoder_names
from avslib.methods.avsegformer.mask_head import MaskHead
from avslib.methods.avsegformer.mixer import AudioVisualMixer
from avslib.methods.avsegformer.model import AVSegFormer
from avslib.methods.avsegformer.query_generator import QueryGenerator
from avslib.methods.key_map import KeyMap
from avslib.methods.reference_case import ReferenceCase

BACKBONES = {"backbone.conv1.": "resnet50", "backbone.patch_embed1.": "pvt_v2_b5"}
"""A beginning that only this backbone's names have -> our name."""

NAMES = ("res50", "pvt2", "resnet", "pvt")
"""How cases call them; which one it is, the weights' names tell."""

GENERATOR, ENCODER, DECODER = (
    "head.query_generator.",
    "head.transformer.encoder.",
    "head.transformer.decoder.",
)

KEY_MAP = KeyMap(
    [
        *encoder_names("backbone.", "backbone."),
        ("vggish.", "audio."),
        ("audio_proj.", "align."),
        ("head.level_embed", "encoder.levels"),
        ("head.learnable_query.weight", "queries.learned"),
        (GENERATOR + "query.weight", "queries.start"),
        (GENERATOR + "layers.{n}.self_attn.", "queries.layers.{n}.own."),
        (GENERATOR + "layers.{n}.cross_attn.", "queries.layers.{n}.cross."),
        (GENERATOR + "layers.{n}.ffn.0.", "queries.layers.{n}.feed.0."),
        (GENERATOR + "layers.{n}.ffn.2.", "queries.layers.{n}.feed.3."),
        (GENERATOR + "layers.{n}.norm", "queries.layers.{n}.norm"),
        (ENCODER + "layers.{n}.self_attn.sampling_offsets.", "encoder.layers.{n}.attention.offsets."),
        (ENCODER + "layers.{n}.self_attn.attention_weights.", "encoder.layers.{n}.attention.weights."),
        (ENCODER + "layers.{n}.self_attn.value_proj.", "encoder.layers.{n}.attention.value."),
        (ENCODER + "layers.{n}.self_attn.output_proj.", "encoder.layers.{n}.attention.out."),
        (ENCODER + "layers.{n}.linear1.", "encoder.layers.{n}.feed.0."),
        (ENCODER + "layers.{n}.linear2.", "encoder.layers.{n}.feed.3."),
        (ENCODER + "layers.{n}.norm", "encoder.layers.{n}.norm"),
        (DECODER + "layers.{n}.self_attn.", "decoder.{n}.own."),
        (DECODER + "layers.{n}.cross_attn.", "decoder.{n}.cross."),
        (DECODER + "layers.{n}.linear1.", "decoder.{n}.feed.0."),
        (DECODER + "layers.{n}.linear2.", "decoder.{n}.feed.3."),
        (DECODER + "layers.{n}.norm", "decoder.{n}.norm"),
        ("head.in_proj.", "project."),
        ("head.lateral_conv.", "lateral."),
        ("head.out_conv.", "smooth."),
        ("head.fusion_block.q_proj.", "mixer.query."),
        ("head.fusion_block.kv_proj.", "mixer.key_value."),
        ("head.fusion_block.proj.", "mixer.out."),
        ("head.mlp.layers.0.", "head.mlp.0."),
        ("head.mlp.layers.1.", "head.mlp.2."),
        ("head.mlp.layers.2.", "head.mlp.4."),
        ("head.fc.", "head.score."),
    ],
    # Half of the ResNet is a copy that nothing calls; fpn and attn_fc are what is left of intermediate masks.
    dead=("backbone.layer3_2.", "backbone.layer4_2.", "head.fpn.", "head.attn_fc."),
)


def build(state: Mapping[str, Tensor]) -> AVSegFormer:
    """Our model with the switches that the authors' `state` asks for, weights not loaded."""
    names = [ours for beginning, ours in BACKBONES.items() if any(n.startswith(beginning) for n in state)]
    if len(names) != 1:
        raise UserError(
            f"avsegformer: the names begin with neither {' nor '.join(BACKBONES)}; is it AVSegFormer's model?"
        )
    dim = _size(state, "audio_proj.weight", 0, 256)
    queries = _size(state, "head.learnable_query.weight", 0, 300)
    return AVSegFormer(
        visual=VisualEncoder(name=names[0], pretrained=False),
        audio=VGGish(pretrained=False),
        queries=QueryGenerator(dim=dim, queries=queries, layers=_count(state, GENERATOR)),
        head=MaskHead(
            dim=dim, queries=queries, classes=_size(state, "head.fc.4.weight", 0, 1), convolutions=True
        ),
        mixer=AudioVisualMixer(dim=dim, gate=True),
        reformer=None,
        dim=dim,
        layers=_count(state, DECODER),
    )


def inputs(case: ReferenceCase) -> tuple[Tensor, Tensor]:
    """The case's frames (N, 3, H, W) and log-mels (N, 1, 96, 64).

    Raises UserError when the authors' model would not take them.
    """
    frames, sound = case.shape("frames"), case.shape("logmel")
    if len(frames) < 4 or frames[-3] != 3 or min(frames[-2:]) < 32:
        raise UserError(f"frames {frames} must be (N, 3, H, W) of 32 pixels or more")
    if sound[-2:] != (96, 64) or math.prod(sound) != math.prod(frames[:-3]) * 96 * 64 or not math.prod(sound):
        raise UserError(f"frames {frames} and logmel {sound} do not go together; give one (96, 64) a frame")
    return case.tensor("frames").flatten(0, -4), case.tensor("logmel").reshape(-1, 1, 96, 64)


def outputs(model: AVSegFormer, frames: Tensor, sound: Tensor) -> dict[str, Tensor]:
    """What the authors' model gives for `inputs`, by the names that cases use."""
    valid = torch.ones(1, len(frames), dtype=torch.bool)
    prediction = model.segment(frames[None], model.audio(sound)[None], valid)
    return {"pred": prediction.logits, "mask_feature": prediction.extras["mask_feature"]}


def _size(state: Mapping[str, Tensor], name: str, axis: int, default: int) -> int:
    """A missing entry is named when the weights are loaded."""
    return state[name].shape[axis] if name in state and state[name].ndim else default


def _count(state: Mapping[str, Tensor], prefix: str) -> int:
    """How many layers have names that begin with `prefix`."""
    return len(
        {name.removeprefix(prefix).split(".")[1] for name in state if name.startswith(prefix + "layers.")}
    )


AUTHORS_CODE = AuthorsCode(key_map=KEY_MAP, backbones=NAMES, build=build, inputs=inputs, outputs=outputs)
