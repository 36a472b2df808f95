"""Predictions as files: masks that any program can look at, write, and have scored.

    DIR/predictions.json             what they are predictions of; not needed to score masks of other programs
    DIR/IDENTIFIER/SECOND.png        one mask a second, counted from 0; the real seconds of padded clips only
    DIR/IDENTIFIER/logits.safetensors   "logits" (T, K, H, W) float32, where they were asked for

Binary masks have one channel, 0 and 255. Masks with classes are palette pictures: the index is the label,
and the colours are AVSBench-semantic's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from avslib.data.readers.images import Pixels, load
from avslib.data.readers.palette import palette, to_labels
from avslib.data.readers.paths import holds_anything, inside
from avslib.data.readers.pixels import FORMATS, label_values, to_mask
from avslib.errors import UserError
from avslib.files import write_file, write_json
from avslib.types import IGNORE, Batch

ABOUT, LOGITS = "predictions.json", "logits.safetensors"


class PredictionWriter:
    """Writes masks as an evaluation goes on: `evaluate(..., save=PredictionWriter(folder, about={...}))`.

    folder: new, or empty
    about:  what the predictions are of, for predictions.json
    logits: also write the logits, from which every protocol gives the same number as from the model

    Raises UserError when the folder holds anything.
    """

    def __init__(self, folder: Path, *, about: dict[str, object], logits: bool = False) -> None:
        if folder.exists() and (not folder.is_dir() or holds_anything(folder)):
            raise UserError(f"{folder}: not an empty folder; save predictions into a new one")
        self.folder, self.logits = folder, logits
        write_json(folder / ABOUT, about)

    def __call__(self, batch: Batch, logits: Tensor) -> None:
        """Write the clips of a batch with logits (B, T, K, H, W).

        Raises UserError for an identifier that would leave the folder.
        """
        for name, clip, valid in zip(batch.identifiers, logits.cpu(), batch.valid.cpu()):
            target = inside(self.folder.resolve(), name)
            target.mkdir(parents=True, exist_ok=True)
            for second in torch.nonzero(valid).flatten().tolist():
                mask_picture(clip[second]).save(target / f"{second}.png")
            if self.logits:
                write_file(target / LOGITS, save({"logits": clip.contiguous()}))


def mask_picture(logits: Tensor) -> Image.Image:
    """(K, H, W) logits as a mask: black and white for K = 1, else in the colours of the best class."""
    if len(logits) == 1:
        return Image.fromarray(((logits[0].sigmoid() > 0.5).numpy() * 255).astype(np.uint8))
    picture = Image.fromarray(logits.argmax(0).numpy().astype(np.uint8), mode="P")
    picture.putpalette(palette(len(logits)).tobytes())
    return picture


def read_mask(path: Path, classes: int, *, ignore: bool = False) -> npt.NDArray[np.int64]:
    """(H, W) labels out of a png. classes: K, background included; 2 for binary masks.

    Binary masks are black and white; soft ones, in 8 or 16 bits, are cut at half of white. With classes, a picture
    of one channel holds labels, a coloured one (RGB, or with a palette) the colours of AVSBench-semantic.
    ignore: of several classes, 255 (or the colour that Pascal VOC gives it) is a pixel that does not count; a
            true mask may have such pixels, a prediction not
    Raises UserError for a damaged file, other values or colours, and as `avslib.data.readers.pixels.to_mask` does.
    """
    image = load(path)
    try:
        if classes == 2:
            return _binary(np.asarray(to_mask(image, "L")))
        if len(image.getbands()) > 2 or image.mode == "P":
            return _coloured(np.asarray(to_mask(image, "RGB")), classes, ignore)
        labels = label_values(image)
        odd = labels[(labels < 0) | (labels >= classes) & ~(ignore & (labels == IGNORE))]
        if len(odd):
            raise UserError(f"holds the label {odd.max()}; there are {classes}, 0 to {classes - 1}")
        return labels
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _binary(grey: Pixels) -> npt.NDArray[np.int64]:
    """One that never reaches half of white marks nothing, and may be labels: 0 and 1 look black, too."""
    brightest = grey.max(initial=0)
    if 0 < brightest < 128:
        raise UserError(
            f"holds the value {brightest}; a binary mask is 0 and 255, or reaches at least half of white"
        )
    return (grey > 127).astype(np.int64)


def _coloured(rgb: Pixels, classes: int, ignore: bool) -> npt.NDArray[np.int64]:
    labels, stray = to_labels(rgb, classes)
    if ignore and (void := VOID) in stray:
        labels[(rgb == void).all(axis=-1)] = IGNORE
        del stray[void]
    if stray:
        raise UserError(f"the colour {next(iter(stray))} is no class's; use AVSBench's palette")
    return labels


VOID: tuple[int, int, int] = tuple(palette(IGNORE + 1)[IGNORE].tolist())
"""The colour of label 255, by the palette's own rule."""


def read_size(path: Path) -> tuple[int, int]:
    """(H, W) of a picture, from its head alone. Raises UserError when it is none."""
    try:
        with Image.open(path, formats=FORMATS) as picture:
            return picture.height, picture.width
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: cannot be read as a picture ({error}); write it again") from None


def read_logits(path: Path, shape: Sequence[int]) -> Tensor:
    """(T, K, H, W) as `PredictionWriter` wrote them. Raises UserError for a missing file or another shape."""
    try:
        logits = load_file(path)["logits"]
    except (OSError, SafetensorError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{path}: no logits to be read ({reason}); evaluate with --save-logits") from None
    if tuple(logits.shape) != tuple(shape):
        raise UserError(
            f"{path}: logits of {tuple(logits.shape)}, not {tuple(shape)}; they are of other data"
        )
    return logits
