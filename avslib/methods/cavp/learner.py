"""CAVP's step: every picture is heard a second time, with the sound of another frame of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from avslib.methods.cavp.model import CAVP
from avslib.methods.cavp.sound_bank import SoundBank
from avslib.methods.learner import Clock, Learner, gathered
from avslib.types import IGNORE, Batch, Criterion


class PairingLearner(Learner):
    """The paired sounds, and the same sounds exchanged by chance (the pairs Z of CAVP's eq. 1).

    What is to be seen under an exchanged sound: the same mask where it holds the same classes, else nothing. Most exchanged
    pairs do not match; of these the part `matching` is given a sound of its own class from the bank, once it has one.

    matching: part of the mismatched pairs that the bank makes match, as far as there are frames of a single class among
              them; 0.5 in the paper, 0 does without a bank
    kept:     sounds a class in the bank.  sound_shape: (A, F, M)
    starts:   the epoch, counted from 0, from which the bank gives

    The prediction's extras gain "shuffled" (B, T, C, h, w) and "shuffled_labels" (B, T, H, W).
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        criterion: Criterion,
        classes: int,
        sound_shape: Sequence[int],
        matching: float = 0.5,
        kept: int = 16,
        starts: int = 1,
    ) -> None:
        super().__init__(model=model, criterion=criterion)
        self.matching, self.starts = matching, starts
        self.bank = SoundBank(classes=max(1, classes - 1), kept=kept, shape=sound_shape)

    def forward(self, batch: Batch, clock: Clock) -> dict[str, Tensor]:
        model = cast(CAVP, self.model)
        labels = batch.labels.masked_fill(~batch.annotated[:, :, None, None], IGNORE)
        other, match = self._exchanged(
            batch.sound.flatten(0, 1),
            labels.flatten(0, 1),
            batch.annotated.flatten(),
            clock.epoch >= self.starts,
        )
        every = model.audio(torch.cat([batch.sound.flatten(0, 1), other]))  # 2N L D
        own, exchanged = (x.unflatten(0, batch.labels.shape[:2]) for x in every.chunk(2))
        seen = model.see(batch.frames.flatten(0, 1))
        prediction = model.score(*model.fuse(seen, own), batch.valid, batch.frames.shape[-2:])
        unseen = labels.where((labels == IGNORE) | match.view(*labels.shape[:2], 1, 1), 0)
        extras = {"shuffled": model.fuse(seen, exchanged)[0], "shuffled_labels": unseen}
        return self.loss(
            replace(prediction, extras=prediction.extras | extras), replace(batch, labels=labels)
        )

    def _exchanged(
        self, sound: Tensor, labels: Tensor, known: Tensor, bank_gives: bool
    ) -> tuple[Tensor, Tensor]:
        """Another sound (N, A, F, M) for every frame, and (N,) bool whether it is of the frame's classes.

        known: (N,) bool; the others keep their sound: of what they hold, and of what is heard in them, nothing is known
        """
        present = classes_of(labels, len(self.bank.written))  # N K
        places, order = known.nonzero()[:, 0], torch.arange(len(sound), device=sound.device)
        order[places] = places[torch.randperm(len(places), device=sound.device)]
        other, match = sound[order], (present == present[order]).all(dim=1)
        single = present.sum(dim=1) == 1
        if bank_gives and self.matching:
            wrong = (single & ~match).nonzero()[:, 0]
            chosen = wrong[: int(self.matching * int((~match).sum()))]
            kept, there = self.bank.take(present[chosen].long().argmax(dim=1))
            other = other.index_copy(0, chosen[there], kept[there].to(other.dtype))
            match = match.index_fill(0, chosen[there], True)
        if self.matching and self.training:
            self.bank.put(gathered(sound[single]), gathered(present[single].long().argmax(dim=1)))
        return other, match


def classes_of(labels: Tensor, classes: int) -> Tensor:
    """(N, H, W) -> (N, K) bool: which classes, the background apart, a mask holds."""
    known = labels.where(labels != IGNORE, 0).flatten(1)
    found = torch.zeros(len(labels), classes + 1, dtype=torch.bool, device=labels.device)
    return found.scatter_(1, known, True)[:, 1:]
