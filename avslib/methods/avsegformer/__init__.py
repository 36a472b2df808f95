"""AVSegFormer: Gao et al., "AVSegFormer: Audio-Visual Segmentation with Transformer", AAAI 2024.

New in the paper: the sound becomes queries of a transformer decoder (3.5, `query_generator.QueryGenerator`), and it
weighs the channels of the map from which masks are read (eq. 2, `mixer.AudioVisualMixer`); every decoder layer
has to give a mask of its own while training (3.6, `mask_reformer.MaskReformer`). Each second is looked at and
listened to alone.

    frames (B, T, 3, H, W) -> visual encoder -> deformable encoder    memory (N, L, D), pixels (N, D, h, w)
    sound  (B, T, A, F, M) -> audio encoder -> align                  sound (N, 1, D)
    sound -> query generator                                          queries (N, Q, D)
    pixels, sound -> mixer                                            pixels (N, D, h, w)
    queries, memory -> decoder layers; each layer -> mask reformer    queries; masks (B, T, h, w)
    pixels, queries -> mask head (eq. 3)                              logits (B, T, K, H, W)
"""

from avslib.methods.avsegformer.build import build
from avslib.methods.avsegformer.checkpoint import AUTHORS_CODE
from avslib.methods.avsegformer.recipe import PUBLISHED, TABLE_2, recipe
from avslib.methods.method import Method

METHOD = Method(
    name="avsegformer",
    title="AVSegFormer",
    paper="Gao et al., AVSegFormer: Audio-Visual Segmentation with Transformer, AAAI 2024",
    build=build,
    recipe=recipe,
    variants=TABLE_2,
    published=PUBLISHED,
    authors=AUTHORS_CODE,
)
