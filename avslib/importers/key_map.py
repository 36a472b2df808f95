"""From the names of the authors' state dict to ours: a list of rules per paper, and a report of the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from avslib.errors import UserError


@dataclass(frozen=True)
class Rule:
    """One way in which names translate.

    theirs: regular expression for the beginning of a name; what follows it is kept
    ours:   what replaces it (`\\1` for the first group); None for parameters that the authors' model owns
            and never uses
    drop:   trailing axes of size 1 that our tensor does not have (a 1x1x1 convolution as a linear layer)
    """

    theirs: str
    ours: str | None
    drop: int = 0


@dataclass(frozen=True)
class Translation:
    """A state dict under our names, with the authors' names that did not come along.

    dead:    known to take no part in the authors' model
    unknown: no rule speaks of them
    """

    state: dict[str, Tensor]
    dead: tuple[str, ...]
    unknown: tuple[str, ...]


def translate(state: Mapping[str, Tensor], rules: Sequence[Rule]) -> Translation:
    """Apply to each name the first rule that matches its beginning."""
    ours: dict[str, Tensor] = {}
    dead, unknown = [], []
    for name, tensor in state.items():
        rule = next((rule for rule in rules if re.match(rule.theirs, name)), None)
        if rule is None:
            unknown.append(name)
        elif rule.ours is None:
            dead.append(name)
        else:
            ours[re.sub(rule.theirs, rule.ours, name, count=1)] = _without_axes(tensor, rule.drop)
    return Translation(ours, tuple(dead), tuple(unknown))


def load_translated(model: nn.Module, translation: Translation, source: str) -> None:
    """Load into `model`, every entry of the right shape and none missing but batch norm's step counters.

    Raises UserError that begins with `source` and names every entry that is missing or does not fit.
    """
    own = model.state_dict()
    given = translation.state
    wrong = [f"{n} is missing" for n in own if n not in given and not n.endswith("num_batches_tracked")]
    wrong += [f"{n} has no place in our model" for n in given if n not in own]
    wrong += [
        f"{n} is {tuple(given[n].shape)} instead of {tuple(own[n].shape)}"
        for n in own
        if n in given and given[n].shape != own[n].shape
    ]
    if wrong:
        unknown = [f"{name} is unknown" for name in translation.unknown]
        raise UserError(f"{source}: does not fit our model: {'; '.join(wrong + unknown)}")
    model.load_state_dict(given, strict=False)


def _without_axes(tensor: Tensor, count: int) -> Tensor:
    for _ in range(count):
        if tensor.ndim and tensor.shape[-1] == 1:  # else the shape is wrong, and loading says so by name
            tensor = tensor.squeeze(-1)
    return tensor
