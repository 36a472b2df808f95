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

from avslib.methods.vct.build import AUTHORS, ENCODERS, build
from avslib.methods.vct.checkpoint import AUTHORS_CODE

__all__ = ["AUTHORS", "AUTHORS_CODE", "ENCODERS", "build"]
