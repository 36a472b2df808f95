"""VCT's checkpoints (S4, MS3, AVSS; Swin-B with a Siam-Encoder, or a plain ResNet-50) into ours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from avslib.encoders.visual import VisualEncoder
from avslib.errors import UserError
from avslib.layers.masked_attention import semantic_scores
from avslib.methods.authors_code import AuthorsCode
from avslib.methods.key_map import KeyMap
from avslib.methods.reference_case import ReferenceCase
from avslib.methods.vct.build import AUTHORS
from avslib.methods.vct.build import build as vct
from avslib.methods.vct.model import VCT
from avslib.methods.vct.vggish_map import VGGishMap

SIAM, PIXELS, HEAD = "pre_sam_backbone.", "sem_seg_head.pixel_decoder.", "sem_seg_head.predictor."
LAYER, QUERIES = PIXELS + "transformer.encoder.layers.{n}.", HEAD + "visual_query_block."
CLASSES, MIXER = HEAD + "class_embed.bias", QUERIES + "query_mixer.layers."


def backbone_names(theirs: str, ours: str) -> list[tuple[str, str]]:
    """Of a Swin-B, where timm counts what shrinks a map to the stage after; and of a ResNet-50."""
    shrinks = [(f"{theirs}layers.{n}.downsample.", f"{ours}net.layers.{n + 1}.downsample.") for n in range(3)]
    return [
        *shrinks,
        (theirs + "layers.", ours + "net.layers."),
        (theirs + "patch_embed.", ours + "net.patch_embed."),
        (theirs + "norm{n}.", ours + "norms.{n}."),
        (theirs + "net.", ours + "net."),
    ]


KEY_MAP = KeyMap(
    [
        *backbone_names("backbone.", "visual."),
        *backbone_names(SIAM, "siam.visual."),
        ("scale_factor_module.{n}.fc1.", "siam.gates.{n}.0."),
        ("scale_factor_module.{n}.fc2.", "siam.gates.{n}.2."),
        ("audio_backbone.features.", "audio.features."),
        ("sem_seg_head.audio_transformation.embeddings.", "hear."),
        (PIXELS + "input_proj.", "pixel_decoder.project."),
        (PIXELS + "transformer.level_embed", "pixel_decoder.encoder.levels"),
        (LAYER + "self_attn.sampling_offsets.", "pixel_decoder.encoder.layers.{n}.attention.offsets."),
        (LAYER + "self_attn.attention_weights.", "pixel_decoder.encoder.layers.{n}.attention.weights."),
        (LAYER + "self_attn.value_proj.", "pixel_decoder.encoder.layers.{n}.attention.value."),
        (LAYER + "self_attn.output_proj.", "pixel_decoder.encoder.layers.{n}.attention.out."),
        (LAYER + "linear1.", "pixel_decoder.encoder.layers.{n}.feed.0."),
        (LAYER + "linear2.", "pixel_decoder.encoder.layers.{n}.feed.3."),
        (LAYER + "norm", "pixel_decoder.encoder.layers.{n}.norm"),
        (PIXELS + "mask_features.", "pixel_decoder.out."),
        (PIXELS + "adapter_1.norm.", "pixel_decoder.lateral.1."),
        (PIXELS + "adapter_1.", "pixel_decoder.lateral.0."),
        (PIXELS + "layer_1.norm.", "pixel_decoder.smooth.1."),
        (PIXELS + "layer_1.", "pixel_decoder.smooth.0."),
        (HEAD + "transformer_cross_attention_layers.{n}.multihead_attn.", "decoder.layers.{n}.cross."),
        (HEAD + "transformer_cross_attention_layers.{n}.norm.", "decoder.layers.{n}.norm1."),
        (HEAD + "transformer_self_attention_layers.{n}.self_attn.", "decoder.layers.{n}.own."),
        (HEAD + "transformer_self_attention_layers.{n}.norm.", "decoder.layers.{n}.norm2."),
        (HEAD + "transformer_ffn_layers.{n}.linear1.", "decoder.layers.{n}.feed.0."),
        (HEAD + "transformer_ffn_layers.{n}.linear2.", "decoder.layers.{n}.feed.3."),
        (HEAD + "transformer_ffn_layers.{n}.norm.", "decoder.layers.{n}.norm3."),
        (HEAD + "decoder_norm.", "decoder.norm."),
        (HEAD + "level_embed.weight", "decoder.levels"),
        (HEAD + "class_embed.", "decoder.classify."),
        *((f"{HEAD}mask_embed.layers.{n}.", f"decoder.embed.{2 * n}.") for n in range(3)),
        (HEAD + "query_feat.weight", "learned"),
        (HEAD + "query_embed.weight", "places"),
        (HEAD + "audio_proj.", "space.sound."),
        (HEAD + "proto_proj.", "space.prototypes."),
        (QUERIES + "pre_proj.", "generator.project."),
        *((f"{MIXER}{n}.", f"generator.aggregate.{2 * n}.") for n in range(3)),
        (QUERIES + "prototype.weight", "generator.prompt.prototypes"),
        (QUERIES + "pre_attn.multihead_attn.", "generator.prompt.attention."),
        (QUERIES + "pre_attn.norm.", "generator.prompt.norm."),
        (QUERIES + "assign_attn.q_proj.", "generator.grouping.query."),
        (QUERIES + "assign_attn.k_proj.", "generator.grouping.key."),
        (QUERIES + "assign_attn.v_proj.", "generator.grouping.value."),
        (QUERIES + "assign_attn.proj.", "generator.grouping.out."),
    ],
    # The linear layers of VGGish are never asked; the loss is no part of the network.
    dead=("audio_backbone.embeddings.", "criterion."),
)


def build(state: Mapping[str, Tensor]) -> VCT:
    """Our model for the authors' `state`, switched as theirs, weights not loaded."""
    for name in (CLASSES, HEAD + "query_feat.weight", MIXER + "0.weight"):
        if name not in state:
            raise UserError(f"vct: no entry {name}; is it the authors' model?")
    classes, prototypes = len(state[CLASSES]) - 1, state.get(QUERIES + "prototype.weight")
    backbone = partial(
        VisualEncoder,
        name="swin_b" if "backbone.patch_embed.proj.weight" in state else "resnet50",
        pretrained=False,
    )
    return vct(
        visual=backbone(),
        audio=VGGishMap(pretrained=False),
        siam=backbone if any(name.startswith(SIAM) for name in state) else None,
        classes=classes if classes > 2 else 1,
        prompt=None if prototypes is None else "prototypes",
        prototypes=None if prototypes is None else len(prototypes),
        queries=len(state[HEAD + "query_feat.weight"]),
        grid=math.isqrt(state[MIXER + "0.weight"].shape[-1]),
        **AUTHORS,
    )


def prepared(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without the tables of which pixel of a window is where from which: they follow from the window's size."""
    return {name: x for name, x in state.items() if not name.endswith("relative_position_index")}


def inputs(case: ReferenceCase) -> tuple[Tensor, Tensor]:
    """The case's frames (N, 3, H, W), from pixels, and log-mels (N, 1, 96, 64), of which there may be more."""
    frames, sound = case.tensor("frames"), case.tensor("logmel")
    if frames.ndim != 4 or sound.ndim != 4 or len(frames) > len(sound):
        raise UserError(
            f"frames {tuple(frames.shape)} and logmel {tuple(sound.shape)}: give (N, 3, H, W) and (N, A, F, M)"
        )
    mean = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
    std = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)
    return ((frames * 50 + 120).clamp(0, 255) - mean) / std, sound[: len(frames)]


def outputs(model: VCT, frames: Tensor, sound: Tensor) -> dict[str, Tensor]:
    """What the authors' model gives for `inputs`, by the names that cases use."""
    tokens = model.audio(sound)  # N L D
    valid = torch.ones(1, len(frames), dtype=torch.bool)
    extras = model.segment(frames[None], tokens[None], valid).extras
    last = {name: extras[name][0] for name in ("class_logits", "mask_logits")}
    found = {
        "head.pred_logits": last["class_logits"], "head.pred_masks": last["mask_logits"],
        "sem_seg": semantic_scores(last, frames.shape[-2:]),
        "head_input.1": tokens.transpose(1, 2),
        **{f"head_input.0.res{i}": x for i, x in enumerate(model.visual(frames), start=2)},
    }  # fmt: skip
    if "prototype_embedding" in extras:
        found["head.feats.proto_feat"] = extras["prototype_embedding"].expand(len(frames), -1, -1)
    return found


AUTHORS_CODE = AuthorsCode(
    key_map=KEY_MAP,
    backbones=("r50", "swinb"),
    build=build,
    inputs=inputs,
    outputs=outputs,
    prepared=prepared,
)
