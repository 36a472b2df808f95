"""TPAVI, the AVSBench baseline: Zhou et al., "Audio-Visual Segmentation", ECCV 2022.

New in the paper: at each of four stages every pixel of every frame is compared with the sound of every second
(eq. 2, `interaction.TemporalPixelwiseInteraction`); a decoder turns the four maps into a mask; a loss pulls the
masked visual features towards the sound (eq. 3, `criterion.audio_visual_mapping`, for MS3 and AVSS).

    frames (B, T, 3, H, W) -> visual encoder -> neck     maps (B, T, C, h, w) at four strides
    sound  (B, T, A, F, M) -> audio encoder              tokens (B, T, 1, D)
    maps, tokens -> interaction, a stage each            maps (B, T, C, h, w)
    maps -> fusion decoder                               logits (B, T, K, H, W)
"""

from avslib.methods.method import Method
from avslib.methods.tpavi.checkpoint import AUTHORS_CODE
from avslib.methods.tpavi.cost import COSTS
from avslib.methods.tpavi.model import TPAVI
from avslib.methods.tpavi.recipe import PUBLISHED, recipe

METHOD = Method(
    name="tpavi",
    title="TPAVI",
    paper="Zhou et al., Audio-Visual Segmentation, ECCV 2022",
    build=TPAVI,
    recipe=recipe,
    published=PUBLISHED,
    authors=AUTHORS_CODE,
    costs=COSTS,
)
