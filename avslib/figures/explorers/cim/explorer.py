"""The CIM explorer: which places PCMANet is unsure about, what they cost, and what AVGA attends to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from avslib.data import SOUNDS
from avslib.errors import UserError
from avslib.figures.colours import OKABE_ITO, PREDICTION, TRUTH, VALUES
from avslib.figures.explorers.frame import Explorer, canvas, choice, slider
from avslib.figures.explorers.packing import colour_bytes, first_second, mask_sheet, quantise
from avslib.figures.html import Floats, Masks, Pixels, picture_uri
from avslib.figures.live import Live

THRESHOLDS = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""The values of c that the slider stops at."""

LOGIT_RANGE = 10.0
"""Logits are kept with 8 bits between -10 and 10, which is beyond the largest c."""

CAPTION = (
    "Confidence-induced masking. Vermilion places are those that the chosen stage is unsure about: only they "
    "may ask the sound at the next finer stage. Move c, and watch the share of queries that is kept and what "
    "they cost. Move the training, and watch the network make up its mind. The other views show how much each "
    "place agrees with the sound in AVGA, group by group."
)


@dataclass(frozen=True)
class Looked:
    """One model at one moment of its training, looking at one scene; stages run from coarse to fine.

    logits:    of each stage, (T, h, w)
    attention: AVGA's cosines of each stage, (T, G, h, w)
    """

    logits: Sequence[Floats]
    attention: Sequence[Floats]


class CIMExplorer(Explorer):
    """An explorer of masks and attention over training time, stage, second and threshold.

    picture: (3, H, W) uint8, a still;  truth: (T, H, W) bool
    moments: {name: Looked}, in the order of training; names as "step 48"
    stages:  the encoder's stage of each entry, coarse to fine, e.g. (4, 3, 2)
    costs:   for each stage, multiply-adds of its QSCA as (fixed, added by keeping all queries)
    start:   c at first, one of `THRESHOLDS`

    The coarsest stage keeps all its queries. Raises UserError when the arrays do not agree.
    """

    name = "cim-explorer"

    def __init__(
        self,
        *,
        picture: Pixels,
        truth: Masks,
        moments: Mapping[str, Looked],
        stages: Sequence[int],
        costs: Sequence[tuple[float, float]],
        start: float = 0.99,
        caption: str = CAPTION,
        alt: str | None = None,
        licence: str | None = None,
    ) -> None:
        self.picture, self.truth = picture, np.asarray(truth, bool)
        self.moments, self.stages, self.costs = dict(moments), list(stages), list(costs)
        self.start = start
        self._check()
        super().__init__(caption=caption, alt=alt or self._alt(), licence=licence)

    @classmethod
    def live(
        cls, compute: Callable[[str], Mapping[str, Looked]], *, sounds: Sequence[str] = SOUNDS, **shown: Any
    ) -> Live:
        """For a notebook with a kernel: a menu of sounds, for each of which `compute(sound)` gives the moments.

        shown: the other arguments of the explorer
        """
        return Live(lambda sound: cls(moments=compute(sound), **shown), sound=sounds)

    def _check(self) -> None:
        seconds, size = len(self.truth), self.picture.shape[1:]
        if self.truth.shape != (seconds, *size):
            raise UserError(f"truth: masks are {self.truth.shape}, not {(seconds, *size)}; resize them")
        if self.start not in THRESHOLDS:
            raise UserError(f"start={self.start}: choose one of {', '.join(map(str, THRESHOLDS))}")
        if not self.moments or len(self.costs) != len(self.stages):
            raise UserError(f"{len(self.moments)} moments, {len(self.costs)} costs for stages {self.stages}")
        for name, looked in self.moments.items():
            if not len(looked.logits) == len(looked.attention) == len(self.stages):
                raise UserError(f"{name}: give logits and attention of each of the stages {self.stages}")
            for logits, cosines in zip(looked.logits, looked.attention):
                if logits.shape != (seconds, *cosines.shape[2:]) or len(cosines) != seconds:
                    raise UserError(
                        f"{name}: logits {logits.shape} and attention {cosines.shape} must be "
                        f"({seconds}, h, w) and ({seconds}, G, h, w)"
                    )

    def _alt(self) -> str:
        return (
            f"A picture with a grid over it: the places that a stage is unsure about, for stages "
            f"{', '.join(map(str, self.stages))}, {len(self.truth)} seconds and {len(self.moments)} moments of "
            "training; beside it the share of queries kept, over training, and their cost."
        )

    @property
    def groups(self) -> int:
        """G of AVGA."""
        return int(next(iter(self.moments.values())).attention[0].shape[1])

    def data(self) -> dict[str, Any]:
        return {
            "pictures": [picture_uri(self.picture), picture_uri(mask_sheet(self.truth), exact=True)],
            "seconds": len(self.truth),
            "groups": self.groups,
            "stages": self.stages,
            "costs": self.costs,
            "thresholds": list(THRESHOLDS),
            "range": LOGIT_RANGE,
            "colours": colour_bytes(VALUES),
            "truth": TRUTH,
            "unsure": PREDICTION,
            "lines": [OKABE_ITO[i] for i in (0, 1, 2, 3)],
            "moments": [
                {
                    "name": name,
                    "logits": [quantise(logits, signed=True, top=LOGIT_RANGE) for logits in looked.logits],
                    "attention": [_flat(cosines) for cosines in looked.attention],
                }
                for name, looked in self.moments.items()
            ],
        }

    def body(self) -> str:
        height, width = self.picture.shape[1:]
        scale = max(1, round(512 / width))
        views = ["unsure places", "AVGA, all groups", *(f"group {g + 1}" for g in range(self.groups))]
        last = len(self.moments) - 1
        return (
            '<div class="avs-columns"><div class="avs-look">'
            f"{canvas('map', width=scale * width, height=scale * height, label=self.alt)}"
            '<div class="avs-scale"><output data-part="low"></output>'
            f"{canvas('legend', width=256, height=1, label='colour scale')}"
            f'<output data-part="high"></output></div></div><div class="avs-act">'
            f"{choice('view', label='view', options=views)}"
            f"{choice('stage', label='stage', options=[str(s) for s in self.stages], start=min(1, len(self.stages) - 1))}"
            f"{choice('progression', label='masks', options=['progressive', 'each stage alone'])}"
            f"{slider('c', label='c', last=len(THRESHOLDS) - 1, start=THRESHOLDS.index(self.start))}"
            f"{slider('moment', label='training', last=last, start=last)}"
            f"{slider('second', label='second', last=len(self.truth) - 1, start=first_second(self.truth))}"
            '<p class="avs-title">queries kept at the stage that the mask is handed to, over training</p>'
            f"{canvas('trend', width=560, height=230, label='lines, one for each pair of stages')}"
            "</div></div>"
        )


def _flat(cosines: Floats) -> dict[str, Any]:
    """(T, G, h, w) cosines as bytes, group within second."""
    return quantise(cosines.reshape(-1, *cosines.shape[2:]), signed=False)
