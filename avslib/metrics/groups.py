"""The same protocol for all clips and for parts of them: v1s, v1m and v2, or one source and several."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.types import IGNORE, ScoringProtocol

SMALLEST = 100
"""Pixels: a class that shows no more in any frame is not counted as a source (CAVP's code)."""

P = TypeVar("P", bound=ScoringProtocol)


class ByGroup(Generic[P]):
    """One protocol for everything, and a copy of it for each group that a clip is said to be in. The traps:

    - The number over everything is not the mean of the groups' numbers, under no protocol: groups differ
      in size, and classes that a group lacks count differently.
    - `avsbench-binary` cuts its batches within each group.
    - With several processes a group's batches are cut within each of them.

    protocol: fresh; it becomes the one over everything
    """

    def __init__(self, protocol: P) -> None:
        self.whole, self._fresh = protocol, deepcopy(protocol)
        self.parts: dict[str, P] = {}

    @property
    def name(self) -> str:
        """The protocol's."""
        return self.whole.name

    def update(
        self, logits: Tensor, labels: Tensor, valid: Tensor | None = None, *, groups: Sequence[str] = ()
    ) -> None:
        """Score more clips: logits (B, T, K, H, W), labels (B, T, H, W), valid (B, T).

        groups: B names; none, and only the whole is scored.
        Raises UserError when there is not one name a clip, and as the protocol does.
        """
        if groups and len(groups) != len(logits):
            raise UserError(f"{len(groups)} names of groups for {len(logits)} clips; give one a clip")
        self.whole.update(logits, labels, valid)
        for name in dict.fromkeys(groups):
            chosen = torch.tensor([other == name for other in groups], device=logits.device)
            flags = None if valid is None else valid[chosen.to(valid.device)]
            self._part(name).update(logits[chosen], labels[chosen.to(labels.device)], flags)

    def merge(self, other: ByGroup[P]) -> None:
        """Add what another process scored. Raises UserError when it did not score the same way."""
        self.merge_counted(other.counted())

    def counted(self) -> dict[str, dict[str, Any]]:
        """{group: the attributes of its protocol}, '' for the whole: to be sent to another process.

        Not the protocols themselves: a class out of a recipe's file cannot be found by name over there.
        """
        return {name: vars(part) for name, part in {"": self.whole, **self.parts}.items()}

    def merge_counted(self, counted: dict[str, dict[str, Any]]) -> None:
        """Add what another process's `counted` says."""
        for name, attributes in counted.items():
            other = deepcopy(self._fresh)
            vars(other).update(attributes)
            (self._part(name) if name else self.whole).merge(other)

    def compute(self) -> dict[str, dict[str, float]]:
        """{protocol's name: {number: value}, 'name, group': {number: value}, ...} so far."""
        parts = {f"{self.name}, {name}": self.parts[name].compute() for name in sorted(self.parts)}
        return {self.name: self.whole.compute(), **parts}

    def fresh(self) -> ByGroup[P]:
        """Another one, that has counted nothing."""
        return ByGroup(deepcopy(self._fresh))

    def _part(self, name: str) -> P:
        return self.parts.setdefault(name, deepcopy(self._fresh))


def sources(labels: Tensor, valid: Tensor | None = None, *, smallest: int = SMALLEST) -> list[str]:
    """B names out of labels (B, T, H, W) with valid (B, T): 'silent', 'single source' or 'multi-source'.

    Counted are the classes that show more than `smallest` pixels in one frame. The papers' own list of
    single- and multi-source clips of AVSS (1,278 and 276) is not public, so theirs cannot be rebuilt with
    certainty. Binary labels know one class: no clip of theirs is multi-source.
    """
    real = torch.ones(labels.shape[:2], dtype=torch.bool) if valid is None else valid.bool()
    shown = torch.where(real.to(labels.device)[:, :, None, None], labels, 0)  # (B, T, H, W)
    names = []
    for clip in shown.flatten(2):  # (T, H*W)
        pixels = torch.stack([torch.bincount(frame, minlength=IGNORE + 1) for frame in clip])  # (T, 256)
        count = int((pixels[:, 1:IGNORE] > smallest).any(0).sum())
        names.append(("silent", "single source", "multi-source")[min(count, 2)])
    return names
