"""From the names of the authors' state dict to ours and back: one table per paper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from avslib.errors import UserError


@dataclass(frozen=True)
class Translation:
    """A state dict under our names, with the authors' names that did not come along.

    dead:    the authors' model owns them and never uses them; their beginnings, and how many begin so
    unknown: the key map does not speak of them
    """

    state: dict[str, Tensor]
    dead: dict[str, int]
    unknown: tuple[str, ...]

    def __str__(self) -> str:
        """For the terminal, e.g. "452 tensors; never used by the authors' model: path4.resConfUnit1.* (4)"."""
        dead = ", ".join(f"{beginning}* ({count})" for beginning, count in self.dead.items())
        text = f"{len(self.state)} tensors"
        return f"{text}; never used by the authors' model: {dead}" if dead else text


class KeyMap:
    """Pairs of beginnings of names, (theirs, ours), the first that fits being taken; both ways.

    A beginning may hold numbers: `{n}` is the same on both sides; `{stage}` counts from 1 in the authors'
    names and from 0 in ours.

    dead: beginnings of their names that take no part in their model
    """

    def __init__(self, pairs: Sequence[tuple[str, str]], *, dead: Sequence[str] = ()) -> None:
        self.dead = tuple(dead)
        self._forth = [(_pattern(theirs), ours) for theirs, ours in pairs]
        self._back = [(_pattern(ours), theirs) for theirs, ours in pairs]

    def ours(self, name: str) -> str | None:
        """Our name for `name` of theirs; None if no pair fits."""
        return _rename(name, self._forth, shift=-1)

    def theirs(self, name: str) -> str | None:
        """Their name for `name` of ours; None if no pair fits."""
        return _rename(name, self._back, shift=1)

    def translate(self, state: Mapping[str, Tensor]) -> Translation:
        """Their state dict under our names."""
        counts = {dead: sum(name.startswith(dead) for name in state) for dead in self.dead}
        names = {name: self.ours(name) for name in state if not name.startswith(self.dead)}
        return Translation(
            state={ours: state[name] for name, ours in names.items() if ours is not None},
            dead={dead: count for dead, count in counts.items() if count},
            unknown=tuple(name for name, ours in names.items() if ours is None),
        )

    def load(self, model: nn.Module, state: Mapping[str, Tensor]) -> Translation:
        """Translate `state` and load it into `model`: nothing may be missing or of another shape.

        Trailing axes of size 1 are dropped where ours has none (a 1x1x1 convolution as a linear layer), and
        batch norm's step counters may be absent. Unknown names are left for the caller to judge.

        Raises UserError that names, in the authors' words, each wrong entry.
        """
        translation = self.translate(state)
        given, own = translation.state, model.state_dict()
        wrong = [
            f"{self.theirs(name) or name} is missing"
            for name in own
            if name not in given and not name.endswith("num_batches_tracked")
        ]
        wrong += [f"{self.theirs(name)} has no place in our model" for name in given if name not in own]
        for name in own.keys() & given.keys():
            if not _same_but_for_ones(given[name], own[name]):
                wrong.append(
                    f"{self.theirs(name)} is {tuple(given[name].shape)} where ours is {tuple(own[name].shape)}"
                )
        if wrong:
            unknown = [f"{name} is unknown" for name in translation.unknown]
            raise UserError(f"does not fit our model: {'; '.join(wrong + unknown)}")
        model.load_state_dict({n: t.reshape(own[n].shape) for n, t in given.items()}, strict=False)
        return translation


def _pattern(beginning: str) -> re.Pattern[str]:
    escaped = re.escape(beginning)
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\d+)", escaped))


def _rename(name: str, pairs: Sequence[tuple[re.Pattern[str], str]], shift: int) -> str | None:
    for pattern, template in pairs:
        found = pattern.match(name)
        if found:
            numbers = {key: int(value) + shift * (key == "stage") for key, value in found.groupdict().items()}
            return template.format(**numbers) + name[found.end() :]
    return None


def _same_but_for_ones(theirs: Tensor, ours: Tensor) -> bool:
    extra = theirs.ndim - ours.ndim
    return extra >= 0 and theirs.shape == ours.shape + (1,) * extra
