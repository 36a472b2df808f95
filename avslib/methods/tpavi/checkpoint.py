"""AVSBench's TPAVI (tasks S4, MS3, AVSS; backbones ResNet-50, PVTv2-B5) into ours."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from avslib.encoders.visual import VisualEncoder
from avslib.errors import UserError
from avslib.methods.authors_code import AuthorsCode
from avslib.methods.avsbench_keys import BACKBONES, ENCODERS, UNUSED_LAYERS, backbone_of
from avslib.methods.key_map import KeyMap
from avslib.methods.reference_case import ReferenceCase
from avslib.methods.tpavi.model import TPAVI

CLIP_SECONDS = 5
"""The authors' code cuts the frames it is given into clips of five, the ten of an AVSS clip too."""

KEY_MAP = KeyMap(
    [
        *ENCODERS,
        ("conv{stage}.conv2d_list.", "necks.{stage}.branches."),
        ("tpavi_b{stage}.align_channel.", "interactions.{stage}.align."),
        ("tpavi_b{stage}.theta.", "interactions.{stage}.query."),
        ("tpavi_b{stage}.phi.", "interactions.{stage}.key."),
        ("tpavi_b{stage}.g.", "interactions.{stage}.value."),
        ("tpavi_b{stage}.W_z.0.", "interactions.{stage}.out."),
        ("tpavi_b{stage}.W_z.1.", "interactions.{stage}.out_norm."),
        ("tpavi_b{stage}.norm_layer.", "interactions.{stage}.norm."),
        ("path{stage}.resConfUnit1.", "decoder.blocks.{stage}.take."),
        ("path{stage}.resConfUnit2.", "decoder.blocks.{stage}.refine."),
        ("output_conv.0.", "decoder.reduce."),
        ("output_conv.2.", "decoder.score.0."),
        ("output_conv.4.", "decoder.score.2."),
    ],
    # The coarsest fusion block has no second input.
    dead=("path4.resConfUnit1.", *UNUSED_LAYERS),
)


def build(state: Mapping[str, Tensor]) -> TPAVI:
    """Our model with the switches that the authors' `state` asks for, weights not loaded, without a sound encoder.

    VGGish is not part of their state dict: `segment` takes its embedding, or set `audio` afterwards.
    """
    scores = state.get("output_conv.4.weight")
    return TPAVI(
        visual=VisualEncoder(name=backbone_of(state, method="tpavi"), pretrained=False),
        audio=nn.Identity(),
        classes=1 if scores is None else len(scores),
        seconds_together=CLIP_SECONDS,
        audio_bias="tpavi_b1.align_channel.bias" in state,
        skip_after_relu=True,
    )


def inputs(case: ReferenceCase) -> tuple[Tensor, Tensor]:
    """The case's frames (N, 3, H, W) and embeddings (N, 128), which are never negative.

    Raises UserError when the authors' model would not take them.
    """
    frames, embedding = case.shape("frames"), case.shape("audio128")
    if len(frames) < 4 or frames[-3] != 3 or min(frames[-2:]) < 32:
        raise UserError(f"frames {frames} must be (N, 3, H, W) of 32 pixels or more")
    count = math.prod(frames[:-3])
    if count == 0 or count % CLIP_SECONDS or embedding[-1:] != (128,) or math.prod(embedding[:-1]) != count:
        raise UserError(
            f"frames {frames} and audio128 {embedding} do not go together; the authors' model "
            f"takes clips of {CLIP_SECONDS} frames and 128 numbers of sound a frame"
        )
    return case.tensor("frames").flatten(0, -4), case.tensor("audio128").abs().flatten(0, -2)


def outputs(model: TPAVI, frames: Tensor, embedding: Tensor) -> dict[str, Tensor]:
    """What the authors' model gives for `inputs`, by the names that cases use."""
    valid = torch.ones(1, len(frames), dtype=torch.bool)
    # As one long clip: `seconds_together` cuts it into fives, as the authors' reshape does.
    prediction = model.segment(frames[None], embedding[None, :, None], valid)
    maps = {f"fmap{stage}": prediction.extras[f"map{stage + 1}"] for stage in range(4)}
    return {"pred": prediction.logits, **maps}


AUTHORS_CODE = AuthorsCode(
    key_map=KEY_MAP, backbones=tuple(BACKBONES), build=build, inputs=inputs, outputs=outputs
)
