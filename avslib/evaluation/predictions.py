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
from safetensors.torch import load_file, save_file
from torch import Tensor

from avslib.data.readers.images import FORMATS, read_image
from avslib.data.readers.palette import palette, to_labels
from avslib.data.readers.paths import inside
from avslib.errors import UserError
from avslib.files import write_json
from avslib.types import Batch

ABOUT, LOGITS = "predictions.json", "logits.safetensors"


class PredictionWriter:
    """Writes masks as an evaluation goes on: `evaluate(..., save=PredictionWriter(folder, about={...}))`.

    folder: new, or empty
    about:  what the predictions are of, for predictions.json
    logits: also write the logits, from which every protocol gives the same number as from the model

    Raises UserError when the folder holds anything.
    """

    def __init__(self, folder: Path, *, about: dict[str, object], logits: bool = False) -> None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
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
                save_file({"logits": clip.contiguous()}, target / LOGITS)


def mask_picture(logits: Tensor) -> Image.Image:
    """(K, H, W) logits as a mask: black and white for K = 1, else in the colours of the best class."""
    if len(logits) == 1:
        return Image.fromarray(((logits[0].sigmoid() > 0.5).numpy() * 255).astype(np.uint8))
    picture = Image.fromarray(logits.argmax(0).numpy().astype(np.uint8), mode="P")
    picture.putpalette(palette(len(logits)).tobytes())
    return picture


def read_mask(path: Path, classes: int) -> npt.NDArray[np.int64]:
    """(H, W) labels out of a png. classes: K, background included; 2 for binary masks.

    Binary masks hold black and white alone. With classes, a picture of one channel holds labels, a coloured
    one (RGB, or with a palette) the colours of AVSBench-semantic.
    Raises UserError for a damaged file, and for other values or colours.
    """
    with_colours = _mode(path) in ("RGB", "RGBA", "P")
    if classes == 2:
        grey = read_image(path, size=None, mode="L")
        odd = np.setdiff1d(grey, (0, 255))
        if len(odd):
            raise UserError(f"{path}: holds the value {odd[0]}; a binary mask is 0 and 255 alone")
        return (grey > 0).astype(np.int64)
    if with_colours:
        labels, stray = to_labels(read_image(path, size=None), classes)
        if stray:
            raise UserError(f"{path}: the colour {next(iter(stray))} is no class's; use AVSBench's palette")
        return labels
    labels = read_image(path, size=None, mode="as stored").astype(np.int64)
    if labels.max(initial=0) >= classes:
        raise UserError(f"{path}: holds the label {labels.max()}; there are {classes}, 0 to {classes - 1}")
    return labels


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


def _mode(path: Path) -> str:
    read_size(path)
    with Image.open(path, formats=FORMATS) as picture:
        return picture.mode
