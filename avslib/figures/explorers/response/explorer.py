"""The response explorer: how strongly each pixel answers to the sound of each second, in TPAVI's attention."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from avslib.data import SOUNDS
from avslib.errors import UserError
from avslib.figures.colours import PREDICTION, SIGNED, TRUTH, VALUES
from avslib.figures.explorers.frame import Explorer, canvas, choice, slider
from avslib.figures.explorers.packing import colour_bytes, first_second, mask_sheet, quantise
from avslib.figures.html import Floats, Masks, Pixels, picture_uri
from avslib.figures.live import Live

Responses = Mapping[str, Sequence[Floats]]

CAPTION = (
    "The audio-visual response. The map shows how strongly every pixel answers to the sound of the chosen "
    "second; the bars show how one pixel (the cross: click, drag, or use the arrow keys) answers to every "
    "second. A model that listens answers on what sounds, while it sounds."
)


class ResponseExplorer(Explorer):
    """An explorer of responses theta(x) . phi(a_t) over state, stage, second and query pixel.

    picture:     (3, H, W) uint8, a still
    responses:   {state: [(T, h, w) of stage 1, of stage 2, ...]}; states as "before training", "trained"
    truth:       (T, H, W) bool
    predictions: {state: (T, H, W) bool}, of the same states

    Each (state, stage) has its own scale, printed under the map; numbers are kept with 8 bits. Maps with
    negative values get the colours of sign (purple above nought, orange below).
    Raises UserError when the arrays do not agree.
    """

    name = "response-explorer"

    def __init__(
        self,
        *,
        picture: Pixels,
        responses: Responses,
        truth: Masks,
        predictions: Mapping[str, Masks],
        caption: str = CAPTION,
        alt: str | None = None,
        licence: str | None = None,
    ) -> None:
        self.picture, self.truth = picture, np.asarray(truth, bool)
        self.responses = {state: [np.asarray(s) for s in stages] for state, stages in responses.items()}
        self.predictions = {state: np.asarray(masks, bool) for state, masks in predictions.items()}
        self._check()
        self.stages, self.seconds = len(next(iter(self.responses.values()))), len(self.truth)
        super().__init__(caption=caption, alt=alt or self._alt(), licence=licence)

    @classmethod
    def live(
        cls,
        compute: Callable[[str], tuple[Responses, Mapping[str, Masks]]],
        *,
        sounds: Sequence[str] = SOUNDS,
        **shown: Any,
    ) -> Live:
        """For a notebook with a kernel: a menu of sounds; `compute(sound)` gives responses and predictions.

        shown: the other arguments of the explorer
        """

        def draw(sound: str) -> ResponseExplorer:
            responses, predictions = compute(sound)
            return cls(responses=responses, predictions=predictions, **shown)

        return Live(draw, sound=sounds)

    def _check(self) -> None:
        seconds, size = len(self.truth), self.picture.shape[1:]
        if not self.responses or set(self.responses) != set(self.predictions):
            raise UserError(
                f"responses of {sorted(self.responses)} but predictions of {sorted(self.predictions)}; "
                "give both for the same states"
            )
        for state, masks in [("truth", self.truth), *self.predictions.items()]:
            if masks.shape != (seconds, *size):
                raise UserError(f"{state}: masks are {masks.shape}, not {(seconds, *size)}; resize them")
        for state, stages in self.responses.items():
            for number, stage in enumerate(stages, start=1):
                if stage.ndim != 3 or len(stage) != seconds or not np.isfinite(stage).all():
                    raise UserError(
                        f"{state}, stage {number}: responses must be finite and ({seconds}, h, w), not {stage.shape}"
                    )

    def _alt(self) -> str:
        return (
            f"A heat map over a picture: the response of every pixel to the sound, for {self.stages} stages and "
            f"{self.seconds} seconds, {' and '.join(self.responses)}; beside it one pixel's response per second."
        )

    def data(self) -> dict[str, Any]:
        signed = any(float(stage.min()) < 0 for stages in self.responses.values() for stage in stages)
        sheet = mask_sheet(self.truth, *(self.predictions[state] for state in self.responses))
        return {
            "pictures": [picture_uri(self.picture), picture_uri(sheet, exact=True)],
            "seconds": self.seconds,
            "signed": signed,
            "colours": colour_bytes(SIGNED if signed else VALUES),
            "truth": TRUTH,
            "prediction": PREDICTION,
            "states": [
                {"name": state, "stages": [quantise(stage, signed=signed) for stage in stages]}
                for state, stages in self.responses.items()
            ],
        }

    def _start(self) -> tuple[int, int, int]:
        """(second, row, column) in the middle of the first true mask, or of the picture when there is none."""
        second = first_second(self.truth)
        inside = np.argwhere(self.truth[second])
        if not len(inside):
            return 0, self.truth.shape[1] // 2, self.truth.shape[2] // 2
        row, column = inside[np.abs(inside - inside.mean(axis=0)).sum(axis=1).argmin()]
        return second, int(row), int(column)

    def body(self) -> str:
        height, width = self.picture.shape[1:]
        scale = max(1, round(512 / width))
        stages = [
            f"{n} ({s.shape[1]}×{s.shape[2]})" for n, s in enumerate(next(iter(self.responses.values())), 1)
        ]
        second, down, across = self._start()
        thumbs = "".join(
            f"<div>{canvas(part, width=2 * width, height=2 * height, label=title)}<small>{title}</small></div>"
            for part, title in (("truth", "truth"), ("prediction", "prediction"))
        )
        return (
            '<div class="avs-columns"><div class="avs-look">'
            f"{canvas('map', width=scale * width, height=scale * height, label=self.alt, keys=True)}"
            '<div class="avs-scale"><output data-part="low"></output>'
            f"{canvas('legend', width=256, height=1, label='colour scale')}"
            f'<output data-part="high"></output></div><div class="avs-thumbs">{thumbs}</div></div><div class="avs-act">'
            f"{choice('state', label='model', options=list(self.responses), start=len(self.responses) - 1)}"
            f"{choice('stage', label='stage', options=stages)}{slider('second', label='second', last=self.seconds - 1, start=second)}"
            f"{slider('across', label='across', last=width - 1, start=across)}"
            f"{slider('down', label='down', last=height - 1, start=down)}"
            '<p class="avs-title">response of the marked pixel, second by second <small>(yellow: in the true mask)</small></p>'
            f"{canvas('bars', width=560, height=240, label='bars, one for each second')}"
            "</div></div>"
        )
