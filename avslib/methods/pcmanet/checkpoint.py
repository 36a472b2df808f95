"""PCMANet (tasks S4, MS3, AVSS; backbones ResNet-50, PVTv2-B5) into ours."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.encoders.visual import VisualEncoder
from avslib.errors import UserError
from avslib.methods.authors_code import AuthorsCode
from avslib.methods.avsbench_keys import BACKBONES, ENCODERS, UNUSED_LAYERS, backbone_of
from avslib.methods.key_map import KeyMap, Translation
from avslib.methods.pcmanet.model import PCMANet
from avslib.methods.reference_case import ReferenceCase

CLIP_SECONDS = {"s4": 5, "ms3": 5, "avss": 10}
"""The authors' code cuts the frames it is given into clips of so many."""

SIDES = range(217, 225)
"""Pixels: the authors' code averages maps down to 7, 7, 14 and 28 places a side, which fit no other sizes."""

ATTENTION = "qsca{stage}.attn.transformer.layers.0.0."
QUERY, KEY_VALUE = "a_to_qkv.weight[query]", "a_to_qkv.weight[key, value]"


class PCMANetKeyMap(KeyMap):
    """A `KeyMap` that first cuts the joint projection of the sound into its query and its key and value.

    The finest stage's sound gets an answer that nothing uses, so its query has no place in ours.
    """

    def translate(self, state: Mapping[str, Tensor]) -> Translation:
        """Their state dict under our names."""
        parts: dict[str, Tensor] = {}
        for name, tensor in state.items():
            if name.endswith("a_to_qkv.weight") and tensor.ndim == 2:
                beginning, third = name.removesuffix("a_to_qkv.weight"), len(tensor) // 3
                parts[beginning + QUERY] = tensor[:third]
                parts[beginning + KEY_VALUE] = tensor[third:]
            else:
                parts[name] = tensor
        return super().translate(parts)


KEY_MAP = PCMANetKeyMap(
    [
        *ENCODERS,
        ("conv{stage}.", "reduce.{stage}."),
        ("aud_fc1.", "hear."),
        ("aud_fc.", "hear."),  # in the PVT model for MS3
        ("avga{stage}.seq1.", "align.{stage}.project."),
        ("avga{stage}.seq2.", "align.{stage}.merge."),
        ("avga{stage}.fc.", "align.{stage}.hear."),
        ("qsca{stage}.aud_fc.", "attend.{stage}.hear."),
        ("qsca{stage}.attn.to_patch_embedding.1.", "attend.{stage}.embed."),
        (ATTENTION + "norm.", "attend.{stage}.norm."),
        (ATTENTION + "fn.v_to_q.", "attend.{stage}.visual_query."),
        (ATTENTION + "fn.v_to_kv.", "attend.{stage}.visual_key_value."),
        (ATTENTION + "fn." + QUERY, "attend.{stage}.sound_query.weight"),
        (ATTENTION + "fn." + KEY_VALUE, "attend.{stage}.sound_key_value.weight"),
        (ATTENTION + "fn.to_out.0.", "attend.{stage}.out."),
        ("gf4.seq1.", "fuse.3.guide."),
        ("gf{stage}.seq1.", "fuse.{stage}.coarse."),
        ("gf{stage}.seq2.", "fuse.{stage}.guide."),
        ("gf{stage}.seq3.", "fuse.{stage}.merge."),
        ("output_conv{stage}.", "score.{stage}."),
    ],
    dead=(
        "gf4.seq2.",  # the coarsest stage has nothing coarser to take in
        ATTENTION.format(stage=1) + "fn.v_to_kv.",
        ATTENTION.format(stage=1) + "fn." + QUERY,
        *UNUSED_LAYERS,
    ),
)


def build(state: Mapping[str, Tensor]) -> PCMANet:
    """Our model with the switches that the authors' `state` asks for, weights not loaded, without a sound encoder.

    VGGish is not part of their state dict: `segment` takes its embedding, or set `audio` afterwards.
    """
    backbone = backbone_of(state, method="pcmanet")
    grouped, scores = state.get("avga1.seq1.0.weight"), state.get("output_conv1.3.weight")
    per_group = grouped.shape[1] if grouped is not None and grouped.ndim == 4 else 0
    return PCMANet(
        visual=VisualEncoder(name=backbone, pretrained=False),
        audio=nn.Identity(),
        classes=1 if scores is None else len(scores),
        groups=256 // per_group if per_group in (1, 2, 4, 8, 16, 32, 64, 128, 256) else 8,
        scrambled_layout=True,
        selection_without_gradient=True,
        bias_on_unselected=True,
    )


def inputs(case: ReferenceCase) -> tuple[Tensor, Tensor]:
    """The case's frames (B, T, 3, H, W) and embeddings (B, T, 128), which are never negative.

    Raises UserError when the authors' model would not take them.
    """
    if case.task not in CLIP_SECONDS:
        raise UserError(f"pcmanet has no task {case.task!r}, only {', '.join(CLIP_SECONDS)}")
    seconds = CLIP_SECONDS[case.task]
    frames, embedding = case.shape("frames"), case.shape("audio128")
    if len(frames) < 4 or frames[-3] != 3 or not set(frames[-2:]) <= set(SIDES):
        raise UserError(
            f"frames {frames} must be (N, 3, H, W) of {min(SIDES)} to {max(SIDES)} pixels: the authors' code "
            "averages to fixed sizes"
        )
    count = math.prod(frames[:-3])
    if count == 0 or count % seconds or embedding[-1:] != (128,) or math.prod(embedding[:-1]) != count:
        raise UserError(
            f"frames {frames} and audio128 {embedding} do not go together; the authors' model for {case.task} "
            f"takes clips of {seconds} frames and 128 numbers of sound a frame"
        )
    clips = (count // seconds, seconds)
    pictures = case.tensor("frames").reshape(*clips, *frames[-3:])
    return pictures, case.tensor("audio128").abs().reshape(*clips, 128)


def outputs(model: PCMANet, frames: Tensor, embedding: Tensor) -> dict[str, Tensor]:
    """What the authors' model gives for `inputs`, by the names that cases use."""
    prediction = model.segment(frames, embedding.unsqueeze(2), torch.ones(frames.shape[:2], dtype=torch.bool))
    size = frames.shape[-2:]
    coarse = {
        f"out{stage}": F.interpolate(layer["logits"].flatten(0, 1), size, mode="bilinear")
        for stage, layer in zip((4, 3, 2), prediction.layers)
    }
    return {"out1": prediction.logits.flatten(0, 1), **coarse}


AUTHORS_CODE = AuthorsCode(
    key_map=KEY_MAP, backbones=tuple(BACKBONES), build=build, inputs=inputs, outputs=outputs
)
