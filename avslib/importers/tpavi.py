"""AVSBench's TPAVI (tasks S4, MS3 and AVSS; backbones ResNet-50 and PVTv2-B5) into ours."""

from __future__ import annotations

from avslib.importers.key_map import Rule

CLIP_SECONDS = 5
"""The authors' code cuts whatever frames it is given into clips of five, the ten of AVSS too."""

BACKBONES = {"resnet": "resnet50", "pvt": "pvt_v2_b5"}
_PREFIXES = {"resnet.": "resnet50", "encoder_backbone.": "pvt_v2_b5"}


def _stages(theirs: str, ours: str, drop: int = 0) -> list[Rule]:
    """One rule for each of four stages: {i} is its number, from 1; {k} the same, from 0."""
    numbered = [(str(i), str(i - 1)) for i in (1, 2, 3, 4)]
    return [
        Rule(theirs.replace("{i}", i), ours.replace("{i}", i).replace("{k}", k), drop) for i, k in numbered
    ]


RULES: tuple[Rule, ...] = (
    # The unit of the coarsest fusion block, and a copied half of the ResNet, are never called.
    Rule(r"path4\.resConfUnit1\.", None),
    Rule(r"resnet\.layer[34]_2\.", None),
    Rule(r"resnet\.(layer[34])_1\.", r"visual.net.\1."),
    Rule(r"resnet\.(conv1|bn1|layer1|layer2)\.", r"visual.net.\1."),
    Rule(r"encoder_backbone\.patch_embed1\.", "visual.net.patch_embed."),
    *_stages(r"encoder_backbone\.patch_embed{i}\.", "visual.net.stages.{k}.downsample."),
    *_stages(
        r"encoder_backbone\.block{i}\.(\d+)\.mlp\.dwconv\.dwconv\.",
        r"visual.net.stages.{k}.blocks.\1.mlp.dwconv.",
    ),
    *_stages(r"encoder_backbone\.block{i}\.", "visual.net.stages.{k}.blocks."),
    *_stages(r"encoder_backbone\.norm{i}\.", "visual.net.stages.{k}.norm."),
    *_stages(r"conv{i}\.conv2d_list\.", "necks.{k}.branches."),
    *_stages(r"tpavi_b{i}\.align_channel\.", "interactions.{k}.align."),
    *_stages(r"tpavi_b{i}\.theta\.weight", "interactions.{k}.query.weight", drop=1),
    *_stages(r"tpavi_b{i}\.theta\.", "interactions.{k}.query."),
    *_stages(r"tpavi_b{i}\.phi\.weight", "interactions.{k}.key.weight", drop=3),
    *_stages(r"tpavi_b{i}\.phi\.", "interactions.{k}.key."),
    *_stages(r"tpavi_b{i}\.g\.weight", "interactions.{k}.value.weight", drop=1),
    *_stages(r"tpavi_b{i}\.g\.", "interactions.{k}.value."),
    *_stages(r"tpavi_b{i}\.W_z\.0\.weight", "interactions.{k}.out.weight", drop=1),
    *_stages(r"tpavi_b{i}\.W_z\.0\.", "interactions.{k}.out."),
    *_stages(r"tpavi_b{i}\.W_z\.1\.", "interactions.{k}.out_norm."),
    *_stages(r"tpavi_b{i}\.norm_layer\.", "interactions.{k}.norm."),
    *_stages(r"path{i}\.resConfUnit1\.", "decoder.blocks.{k}.take."),
    *_stages(r"path{i}\.resConfUnit2\.", "decoder.blocks.{k}.refine."),
    Rule(r"output_conv\.0\.", "decoder.reduce."),
    Rule(r"output_conv\.([24])\.", lambda m: f"decoder.score.{int(m[1]) - 2}."),
)
