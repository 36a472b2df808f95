"""CAVP: Chen et al., "Unraveling Instance Associations: A Closer Look for Audio-Visual Segmentation", CVPR 2024.

New in the paper: VPO, benchmarks of pictures and sounds put together, whose stereo sound points at its source; and
contrastive pairs (4.2): every picture is met a second time with the sound of another
(`learner.PairingLearner`), and pixels of one class under one sound are drawn together, pixels of the same object under
a sound that is not its own pushed away (`contrast.AudioVisualContrast`, eqs. 1-4). The network is DeepLabV3+
(`deeplab`) in which each pixel asks the sound (4.1, `visual_query_attention.VisualQueryAttention`).

    frames (B, T, 3, H, W) -> visual encoder              maps (N, C, h, w) at four strides
    coarse map -> pyramid, beside the fine map -> project  seen (N, C, h, w)
    sound (B, T, A, F, M) -> audio encoder                 one token a frame (B, T, L, D)
    seen, token -> attend                                  fused (B, T, C, h, w), attention (B, T, heads, h, w)
    fused -> head, enlarged                                logits (B, T, K, H, W)
"""

from avslib.methods.cavp.build import ENCODERS, TOKEN, build
from avslib.methods.cavp.checkpoint import AUTHORS_CODE
from avslib.methods.cavp.recipe import FIGURE_6, PUBLISHED, TRAINING, recipe
from avslib.methods.cost import Costs
from avslib.methods.method import Method

METHOD = Method(
    name="cavp",
    title="CAVP",
    paper="Chen et al., Unraveling Instance Associations: A Closer Look for Audio-Visual Segmentation, CVPR 2024",
    build=build,
    recipe=recipe,
    variants=FIGURE_6,
    recipe_variants=TRAINING,
    published=PUBLISHED,
    encoders=ENCODERS,
    authors=AUTHORS_CODE,
    costs=Costs(sound=(1, TOKEN)),
)
