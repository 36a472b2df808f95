"""The query explorer: where each query looks, what the mixer does to channels, which masks the layers give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from avslib.data import SOUNDS
from avslib.errors import UserError
from avslib.figures.colours import PREDICTION, TRUTH, VALUES
from avslib.figures.explorers.frame import Explorer, canvas, choice, slider
from avslib.figures.explorers.packing import colour_bytes, first_second, mask_sheet, pack
from avslib.figures.html import Floats, Masks, Pixels, picture_uri
from avslib.figures.live import Live
from avslib.types import Prediction

STRIDES = (8, 16, 32)
CAPTION = (
    "Queries, channels, masks. Left, where one query looks in one layer, over the grey picture; the yellow line is "
    "the true mask. The bars tell, for every query, which part of its attention lies on what sounds; the dashed "
    "line is the part that a query without a preference would have there. Below, the masks that are made of the "
    "layers, and the channels that the mixer changes most; a factor below nought turns a channel over, and it is "
    "drawn dark."
)


@dataclass(frozen=True)
class QueryLooks:
    """What one model did with one still, T seconds long.

    attention:    a layer of the decoder each: (T, Q, L), rows add up to 1, L pixels of the maps of `sizes`
    sizes:        (h, w) of each map
    intermediate: (T, layers, h, w) in [0, 1]
    unmixed:      (D, h, w) the map before the mixer; factors (T, D): by what the mixer multiplies it
    prediction:   (T, H, W) bool
    """

    attention: Sequence[Floats]
    sizes: Sequence[tuple[int, int]]
    intermediate: Floats
    unmixed: Floats
    factors: Floats
    prediction: Masks

    @classmethod
    def of(cls, tape: Mapping[str, Sequence[Any]], prediction: Prediction) -> QueryLooks:
        """From what AVSegFormer recorded for one still, and its prediction."""
        height, width = prediction.logits.shape[-2:]
        masks = [layer["mask"][0].sigmoid().numpy() for layer in prediction.layers]  # T h w each
        return cls(
            attention=[step.numpy() for step in tape["avsegformer.attention"]],
            sizes=[(-(-height // s), -(-width // s)) for s in STRIDES],
            intermediate=np.stack(masks, axis=1),
            unmixed=tape["avsegformer.unmixed"][0][0].numpy(),
            factors=tape["avsegformer.channels"][0].numpy(),
            prediction=prediction.logits[0, :, 0].numpy() > 0,
        )

    def maps(self, layer: int) -> list[Floats]:
        """The attention of one layer as a map (T, Q, h, w) a level."""
        ends = np.cumsum([h * w for h, w in self.sizes])[:-1]
        parts = np.split(np.asarray(self.attention[layer]), ends, axis=2)
        return [part.reshape(*part.shape[:2], *size) for part, size in zip(parts, self.sizes)]

    def inside(self, layer: int, truth: Masks) -> tuple[Floats, Floats]:
        """(T, Q) the part of the attention that lies on `truth` (T, H, W); (T,) what even attention would have."""
        covers = [_pool(truth, size) for size in self.sizes]
        share = sum((a * c[:, None]).sum(axis=(2, 3)) for a, c in zip(self.maps(layer), covers))
        pixels = sum(h * w for h, w in self.sizes)
        even = sum(c.sum(axis=(1, 2)) for c in covers) / pixels
        return np.asarray(share), np.asarray(even)

    def telling_channels(self, count: int) -> npt.NDArray[np.intp]:
        """Those that the mixer changes most from second to second, and that are there to be changed."""
        spread = np.ptp(self.factors, axis=0) + 0.1 * np.abs(self.factors - 1).max(axis=0)
        return np.sort(np.argsort(spread * np.abs(self.unmixed).mean(axis=(1, 2)))[::-1][:count])


class QueryExplorer(Explorer):
    """An explorer of AVSegFormer's decoder over model, layer, stride, query and second.

    picture: (3, H, W) uint8, a still
    truth:   (T, H, W) bool
    looks:   {state: QueryLooks}; states as "before training", "trained"
    channels: how many of the mixer's channels are shown, the most telling ones of each state

    Every attention map has its own scale, printed under it. Raises UserError when the arrays do not agree.
    """

    name = "query-explorer"

    def __init__(
        self,
        *,
        picture: Pixels,
        truth: Masks,
        looks: Mapping[str, QueryLooks],
        channels: int = 12,
        caption: str = CAPTION,
        alt: str | None = None,
        licence: str | None = None,
    ) -> None:
        self.picture, self.truth, self.looks = picture, np.asarray(truth, bool), dict(looks)
        _check(self.picture, self.truth, self.looks)
        first = next(iter(self.looks.values()))
        self.layers, self.sizes = len(first.attention), list(first.sizes)
        self.seconds, self.queries = first.attention[0].shape[:2]
        self.channels = min(channels, len(first.unmixed))
        super().__init__(caption=caption, alt=alt or self._alt(), licence=licence)

    @classmethod
    def live(
        cls,
        compute: Callable[[str], Mapping[str, QueryLooks]],
        *,
        sounds: Sequence[str] = SOUNDS,
        **shown: Any,
    ) -> Live:
        """For a notebook with a kernel: a menu of sounds, for each of which `compute(sound)` gives the looks.

        shown: the other arguments of the explorer
        """
        return Live(lambda sound: cls(looks=compute(sound), **shown), sound=sounds)

    def _alt(self) -> str:
        return (
            f"A heat map over a picture: the attention of one of {self.queries} queries in one of {self.layers} "
            f"layers, {self.seconds} seconds, {' and '.join(self.looks)}; beside it a bar for each query; below "
            "the masks of all layers, and channels before and after the mixer."
        )

    def data(self) -> dict[str, Any]:
        sheet = mask_sheet(self.truth, *(looks.prediction for looks in self.looks.values()))
        return {
            "pictures": [picture_uri(self.picture), picture_uri(sheet, exact=True)],
            "seconds": self.seconds,
            "queries": self.queries,
            "colours": colour_bytes(VALUES),
            "truth": TRUTH,
            "prediction": PREDICTION,
            "states": [{"name": name, **self._state(looks)} for name, looks in self.looks.items()],
        }

    def _state(self, looks: QueryLooks) -> dict[str, Any]:
        shown = looks.telling_channels(self.channels)
        layers = []
        for number in range(self.layers):
            share, even = looks.inside(number, self.truth)
            levels = [pack(level.reshape(-1, *level.shape[2:])) for level in looks.maps(number)]
            layers.append(
                {"levels": levels, "inside": share.round(3).tolist(), "even": even.round(3).tolist()}
            )
        masks = looks.intermediate.reshape(-1, *looks.intermediate.shape[2:])
        return {
            "layers": layers,
            "masks": pack(masks, top=1.0),
            "channels": pack(np.maximum(looks.unmixed[shown], 0)),
            "numbers": shown.tolist(),
            "factors": looks.factors[:, shown].round(3).tolist(),
        }

    def body(self) -> str:
        height, width = self.picture.shape[1:]
        scale = max(1, round(512 / width))
        strides = [f"{s} ({h}×{w})" for s, (h, w) in zip(STRIDES, self.sizes)]
        titles = ["truth", *(f"layer {n}" for n in range(1, self.layers + 1)), "answer"]
        thumbs = "".join(
            f"<div>{canvas(f'mask{n}', width=width, height=height, label=title)}<small>{title}</small></div>"
            for n, title in enumerate(titles)
        )
        return (
            '<div class="avs-columns"><div class="avs-look">'
            f"{canvas('map', width=scale * width, height=scale * height, label=self.alt)}"
            f'<div class="avs-scale"><output>0</output>{canvas("legend", width=256, height=1, label="colour scale")}'
            '<output data-part="high"></output></div></div><div class="avs-act">'
            f"{choice('state', label='model', options=list(self.looks), start=len(self.looks) - 1)}"
            f"{choice('layer', label='decoder layer', options=[str(n + 1) for n in range(self.layers)], start=self.layers - 1)}"
            f"{choice('level', label='stride of the map', options=strides)}"
            f"{slider('second', label='second', last=self.seconds - 1, start=first_second(self.truth))}"
            f"{slider('query', label='query', last=self.queries - 1)}"
            '<p class="avs-title">part of each query\'s attention on what sounds</p>'
            f"{canvas('bars', width=560, height=170, label='bars, one for each query')}</div></div>"
            f'<p class="avs-title" style="margin-top:12px">masks, layer by layer</p><div class="avs-thumbs">{thumbs}</div>'
            '<p class="avs-title" style="margin-top:12px">channels before the mixer, after it, and its factors</p>'
            f"{canvas('channels', width=80 * self.channels, height=190, label='channels before and after the mixer')}"
        )


def _check(picture: Pixels, truth: Masks, looks: Mapping[str, QueryLooks]) -> None:
    """Raises UserError when pictures, masks and looks do not belong together."""
    if not looks:
        raise UserError("no state to look at; give {'trained': QueryLooks(...)}")
    seconds, pixels = len(truth), truth.shape[1:]
    for state, each in looks.items():
        places = sum(h * w for h, w in each.sizes)
        for number, attention in enumerate(each.attention, start=1):
            if attention.ndim != 3 or (len(attention), attention.shape[2]) != (seconds, places):
                raise UserError(
                    f"{state}, layer {number}: attention is {attention.shape}, not ({seconds}, queries, {places})"
                )
        if each.prediction.shape != truth.shape or picture.shape[1:] != pixels:
            raise UserError(f"{state}: picture, truth and prediction differ in size; resize them")


def _pool(masks: Masks, size: tuple[int, int]) -> Floats:
    """(T, H, W) bool -> (T, h, w): the part of each cell that is covered."""
    rows, columns = (_shares(n, m) for n, m in zip(masks.shape[1:], size))
    return np.asarray(np.einsum("iy,tyx,jx->tij", rows, masks.astype(float), columns))


def _shares(pixels: int, cells: int) -> Floats:
    """(cells, pixels): every cell's weights for the mean over its pixels."""
    inside = np.arange(pixels) * cells // pixels == np.arange(cells)[:, None]
    return np.asarray(inside / inside.sum(axis=1, keepdims=True))
