"""VCT: Huang et al., "Revisiting Audio-Visual Segmentation with Vision-Centric Transformer", CVPR 2025.

New in the paper: the decoder's queries come from the picture, not from the sound (`query_generator.PPQG`): the map's pixels
are aggregated, prompted with audio prototypes (`prompting.AudioPrototypePrompt`), which a contrastive loss binds to
sounds, and shared out among the queries (`pixel_grouping.PixelGrouping`). The decoder is Mask2Former's, whose layers
look at the sound and at three maps in turn.

    frames (B, T, 3, H, W) -> visual encoder -> pixel decoder    pixels (N, D, h, w); maps at strides 32, 16, 8
    sound (B, T, A, F, M) -> audio encoder -> hear               sound (N, L, D)
    pixels -> PPQG                                               queries (N, Q, D)
    queries, sound, maps -> masked-attention layers              after each: classes (N, Q, K + 1), masks (N, Q, h, w)
    classes x masks, summed over queries                         logits (B, T, K, H, W)
"""

import math

from avslib.methods.cost import Costs
from avslib.methods.method import Method
from avslib.methods.vct.build import ENCODERS, build
from avslib.methods.vct.checkpoint import AUTHORS_CODE
from avslib.methods.vct.recipe import PUBLISHED, VARIANTS, recipe
from avslib.methods.vct.vggish_map import VGGishMap

METHOD = Method(
    name="vct",
    title="VCT",
    paper="Huang et al., Revisiting Audio-Visual Segmentation with Vision-Centric Transformer, CVPR 2025",
    build=build,
    recipe=recipe,
    variants=VARIANTS,
    published=PUBLISHED,
    backbones=("resnet50", "pvt_v2_b5", "swin_b"),
    encoders=ENCODERS,
    authors=AUTHORS_CODE,
    costs=Costs(sound=(math.prod(VGGishMap.grid), VGGishMap.dim), changes={"prompt": None}),
)
