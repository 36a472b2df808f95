"""CAVP's checkpoints (AVSBench, ResNet-50 and VGGish; VPO, ResNet-50 and ResNet-18) into ours."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from avslib.encoders.resnet_audio import ResNetAudio
from avslib.encoders.vggish import VGGish
from avslib.encoders.visual import VisualEncoder
from avslib.errors import UserError
from avslib.layers.recording import recording
from avslib.methods.authors_code import AuthorsCode
from avslib.methods.cavp.model import CAVP
from avslib.methods.key_map import KeyMap
from avslib.methods.reference_case import ReferenceCase

ASPP, BLOCK = "segment.aspp.", "cross_att.blocks.0."
KEY_MAP = KeyMap(
    [
        ("backbone.backbone.", "visual.net."),
        (ASPP + "map_convs.", "pyramid.views."),
        (ASPP + "map_bn.", "pyramid.views_norm."),
        (ASPP + "red_conv.", "pyramid.narrow."),
        (ASPP + "global_pooling_conv.", "pyramid.overview."),
        (ASPP + "global_pooling_bn.", "pyramid.overview_norm."),
        (ASPP + "pool_red_conv.", "pyramid.narrow_overview."),
        (ASPP + "red_bn.", "pyramid.norm."),
        ("segment.reduce.", "low."),
        ("segment.upsample.last_conv.", "head.refine."),
        ("segment.upsample.classifier.", "head.classify."),
        ("visual_projector.fc1.", "project.0."),
        ("visual_projector.fc2.", "project.2."),
        ("cross_att.patch_embed_v.proj.", "attend.see."),
        ("cross_att.patch_embed_a.proj.", "attend.hear."),
        (BLOCK + "norm1.", "attend.norm."),
        (BLOCK + "attn.q.", "attend.query."),
        (BLOCK + "attn.k.", "attend.key."),
        (BLOCK + "attn.v.", "attend.value."),
        (BLOCK + "attn.proj.", "attend.out."),
        (BLOCK + "norm2.", "attend.mlp_norm."),
        (BLOCK + "mlp.fc1.", "attend.mlp.0."),
        (BLOCK + "mlp.fc2.", "attend.mlp.2."),
        ("cross_att.norm.", "attend.last_norm."),
        ("audio_backbone.backbone.features.", "audio.features."),
        ("audio_backbone.backbone.embeddings.", "audio.embeddings."),
        ("audio_backbone.backbone.", "audio.net."),
    ],
    dead=("cross_att.pos_embed_", "audio_backbone.cls_head."),
)


def build(state: Mapping[str, Tensor]) -> CAVP:
    """Our model for the authors' `state`, weights not loaded."""
    classifier = state.get("segment.upsample.classifier.weight")
    if classifier is None:
        raise UserError("cavp: no entry segment.upsample.classifier.weight; is it the authors' model?")
    first = state.get("audio_backbone.backbone.conv1.weight")  # a ResNet-18 hears VPO; else it is VGGish
    if first is not None and first.shape[1] != 2:
        raise UserError("cavp: a network with one ear; only those with two can be imported for VPO")
    return CAVP(
        visual=VisualEncoder(
            name="deeplab_resnet50", pretrained=False, output_stride=16 if first is None else 8
        ),
        audio=VGGish(pretrained=False, frozen=False, dim=304)
        if first is None
        else ResNetAudio(pretrained=False),
        classes=len(classifier),
    )


def one_logit(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A classifier of background and foreground as one logit, their difference: the same probability."""
    names = [f"segment.upsample.classifier.{part}" for part in ("weight", "bias")]
    if any(len(state.get(name, ())) != 2 for name in names):
        return state
    return state | {name: state[name][1:] - state[name][:1] for name in names}


def inputs(case: ReferenceCase) -> tuple[Tensor, Tensor]:
    """The case's frames (N, 1, 3, H, W) and log-mels (N, 1, 1, 96, 64), which are between -1 and 1."""
    frames, sound = case.tensor("frames"), case.tensor("logmel").clamp(-1, 1)
    if frames.ndim != 4 or sound.ndim != 4 or len(frames) != len(sound):
        raise UserError(
            f"frames {tuple(frames.shape)} and logmel {tuple(sound.shape)}: give (N, 3, H, W) and (N, A, F, M)"
        )
    return frames[:, None], sound[:, None]


def outputs(model: CAVP, frames: Tensor, sound: Tensor) -> dict[str, Tensor]:
    """What the authors' model gives for `inputs`, by the names that cases use."""
    tokens = model.audio(sound.flatten(0, 1)).unflatten(0, sound.shape[:2])  # N 1 L D
    seen = model.see(frames.flatten(0, 1))
    valid = torch.ones(frames.shape[:2], dtype=torch.bool)
    with recording() as tape:
        fused, response = model.fuse(seen, tokens)  # N 1 C h w
        prediction = model.score(fused, response, valid, frames.shape[-2:])
    attention = tape["cavp.attention"][0]  # N 1 heads h w
    return {
        "pred": prediction.logits[:, 0], "fused": fused[:, 0], "visual": seen,
        "audio": tokens[:, 0, 0, :, None, None], "attn_v": attention[:, 0].flatten(2).unsqueeze(-1),
    }  # fmt: skip


AUTHORS_CODE = AuthorsCode(
    key_map=KEY_MAP,
    backbones=("avss", "vpo"),
    build=build,
    inputs=inputs,
    outputs=outputs,
    prepared=one_logit,
)
