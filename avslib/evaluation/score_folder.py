"""Score masks in files, of whatever program, under the named protocols."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from avslib.data.readers.paths import data_folder, inside, missing, pictures_below
from avslib.errors import UserError
from avslib.evaluation.evaluate import Scores
from avslib.evaluation.predictions import LOGITS, read_logits, read_mask, read_size
from avslib.evaluation.truth import Expected, Truth
from avslib.metrics.groups import ByGroup, sources
from avslib.metrics.protocols import PROTOCOLS, protocol
from avslib.types import IGNORE, ScoringProtocol

CERTAIN = 30.0
"""The logit of a marked pixel: its sigmoid is exactly 1 in float32, so no threshold removes it."""


def score_folder(
    folder: Path,
    truth: Truth,
    protocols: Sequence[ScoringProtocol],
    *,
    logits: bool = False,
    by: str = "",
) -> Scores:
    """{protocol: {number: value}} of the masks in `folder`, or of the `logits` beside them.

    by: "sources" or "part", to score single- and multi-source clips, or the parts of the data set, apart too

    Masks have no probabilities, so where a protocol moves a threshold the number is lower than the model's.
    Everything is looked for before anything is scored. Raises UserError for a missing, extra, wrongly sized
    or damaged file, naming the first and how many there are; and for a true mask with pixels to ignore (255) under
    a protocol that cannot leave them out.
    """
    root = data_folder(folder)
    check_files(root, truth.expected)
    strict = [each for each in protocols if not can_ignore(each, truth.classes)]
    scorers = [ByGroup(each) for each in protocols]
    for index, clip in enumerate(tqdm(truth.expected, desc="scoring", disable=None)):
        labels, valid = truth.labels(index)
        ignored = (labels[valid] == IGNORE).flatten(1).any(1).nonzero().flatten()
        if strict and len(ignored):
            raise UserError(_not_ignored(clip.files[int(ignored[0])], strict[0], truth.classes))
        read = _logits if logits else _masks
        predicted = read(root, clip, labels, valid, truth.classes).unsqueeze(0)  # (1, T, K, H, W)
        labels, valid = labels.unsqueeze(0), valid.unsqueeze(0)
        names = {"sources": sources(labels, valid), "part": [clip.part]}[by] if by else ()
        for scorer in scorers:
            scorer.update(predicted, labels, valid, groups=names)
    return {name: numbers for scorer in scorers for name, numbers in scorer.compute().items()}


def can_ignore(scorer: ScoringProtocol, classes: int) -> bool:
    """Whether the protocol leaves out pixels that are labelled 255: tried on a copy, with one such pixel."""
    logits, label = torch.zeros(1, 1, classes if classes > 2 else 1, 1, 1), torch.full((1, 1, 1, 1), IGNORE)
    try:
        deepcopy(scorer).update(logits, label)
    except UserError:
        return False
    return True


def _not_ignored(file: str, strict: ScoringProtocol, classes: int) -> str:
    takers = [name for name in PROTOCOLS if can_ignore(protocol(name, classes=classes), classes)]
    return (
        f"{file}: the true mask has the label {IGNORE} (ignore), which {strict.name} cannot leave out; "
        f"score under {', '.join(takers)}, with --protocol"
    )


def check_files(root: Path, clips: Sequence[Expected]) -> None:
    """Raises UserError unless exactly the expected masks are in `root`, each of the right size."""
    wanted = {file: clip.size for clip in clips for file in clip.files}
    _refuse(root, missing(root, wanted), "missing", "predict every second of every clip")
    extra = [file for file in pictures_below(root) if file not in wanted]
    _refuse(root, extra, "not asked for", "give the split, fold and number of clips that were predicted")
    for file, size in wanted.items():
        given = read_size(inside(root, file))
        if size and given != size:
            raise UserError(
                f"{root / file}: is {given[0]} x {given[1]}, not {size[0]} x {size[1]}; "
                "resize the masks, or score at another --size"
            )


def _refuse(root: Path, files: Sequence[str], fault: str, way_out: str) -> None:
    if files:
        more = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
        raise UserError(f"{root / files[0]}: {fault}{more}; {way_out}")


def _masks(root: Path, clip: Expected, labels: Tensor, valid: Tensor, classes: int) -> Tensor:
    """(T, K, H, W) logits that say what the masks say; K = 1 where they are binary."""
    masks = [torch.from_numpy(read_mask(inside(root, file), classes)) for file in clip.files]
    _same_size(root / clip.files[0], masks[0].shape, labels.shape[1:])
    predicted = torch.zeros_like(labels)
    predicted[valid] = torch.stack(masks)
    if classes == 2:
        return CERTAIN * (2.0 * predicted.unsqueeze(1) - 1)
    return CERTAIN * F.one_hot(predicted, classes).movedim(-1, 1).float()


def _logits(root: Path, clip: Expected, labels: Tensor, valid: Tensor, classes: int) -> Tensor:
    """(T, K, H, W) as they were saved."""
    seconds, *size = labels.shape
    path = inside(root, f"{clip.identifier}/{LOGITS}")
    return read_logits(path, (seconds, classes if classes > 2 else 1, *size))


def _same_size(path: Path, given: Sequence[int], due: Sequence[int]) -> None:
    if tuple(given) != tuple(due):
        raise UserError(f"{path}: is {tuple(given)}, the true mask {tuple(due)}; resize the masks")
