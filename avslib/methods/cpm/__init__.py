"""CPM: Chen et al., "CPM: Class-conditional Prompting Machine for Audio-visual Segmentation", ECCV 2024.

New in the paper: mixtures of Gaussians describe what the queries of each class become (eqs. 1-4, `mixtures.ClassMixtures`).
They classify, and prompts drawn from them are asked, in training alone, for the masks of their class (VCP, eq. 6), for
its part of a spectrogram that noise was added to (ACP, eq. 5), and to hear what resembles its pixels (PCL, eqs. 7-9):
`learner.PromptingLearner`. The authors' code is not public; this follows the paper, and claims no equality.

    frames (B, T, 3, H, W) -> visual encoder -> pixel decoder   pixels (N, D, h, w); maps at strides 32, 16, 8
    sound (B, T, A, F, M) -> audio encoder -> hear               sound (N, L, D), a map at stride 4
    queries (Q, D) or prompts (M, D), sound -> AudioDecoder      (N, Q, D)
    and the maps -> VisualDecoder                                after each layer: classes (N, Q, K + 1), masks (N, Q, h, w)
    classes x masks, the best query of each class                logits (B, T, K, H, W)
"""

from avslib.methods.cost import Costs
from avslib.methods.cpm.build import ENCODERS, build
from avslib.methods.cpm.recipe import PUBLISHED, VARIANTS, recipe
from avslib.methods.method import Method

METHOD = Method(
    name="cpm",
    title="CPM",
    paper="Chen et al., CPM: Class-conditional Prompting Machine for Audio-visual Segmentation, ECCV 2024",
    build=build,
    recipe=recipe,
    variants=VARIANTS,
    published=PUBLISHED,
    backbones=("resnet50",),
    encoders=ENCODERS,
    costs=Costs(sound=(24 * 16, 256), changes={"passes": ()}),
)
