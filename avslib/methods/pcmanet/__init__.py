"""PCMANet: Wang et al., "Progressive Confident Masking Attention Network for Audio-Visual Segmentation", 2024.

New in the paper: at each of four stages the sound weighs the picture group by group (III-B,
`group_attention.AudioVisualGroupAttention`); sound and picture then ask each other, but only pixels that the stage
before was unsure about may ask (III-C, `query_selected_attention.QuerySelectedCrossAttention`; III-D and eq. 7,
`confidence_mask.ConfidenceInducedMask`); the answer guides the decoder (`guided_fusion.GuidedFusion`). Each stage
predicts a mask and each is trained (eqs. 9-11, `criterion.PCMANetCriterion`).

    frames (B, T, 3, H, W) -> visual encoder             maps (N, C, h, w) at four strides
    sound  (B, T, A, F, M) -> audio encoder -> hear      sound (B, T, C)
    from the coarsest stage on:
        map, sound -> group attention                    map (B, T, C, h, w), cosines (B, T, G, h, w)
        map, sound, unsure -> cross-attention            guide (N, C, h', w'), sound (B, T, C)
        map, result, guide -> fusion -> score            logits (N, K, h, w), unsure (N, h, w)
    logits of the finest stage, enlarged                 logits (B, T, K, H, W)
"""

from avslib.methods.method import Method
from avslib.methods.pcmanet.checkpoint import AUTHORS_CODE
from avslib.methods.pcmanet.cost import COSTS
from avslib.methods.pcmanet.model import PCMANet
from avslib.methods.pcmanet.recipe import PUBLISHED, VARIANTS, recipe

METHOD = Method(
    name="pcmanet",
    title="PCMANet",
    paper="Wang et al., Progressive Confident Masking Attention Network for Audio-Visual Segmentation, 2024",
    build=PCMANet,
    recipe=recipe,
    variants=VARIANTS,
    published=PUBLISHED,
    authors=AUTHORS_CODE,
    costs=COSTS,
)
