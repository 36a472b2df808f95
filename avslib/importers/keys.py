"""From a foreign state dict to ours: one table of patterns per paper, and a report of what was not used."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from avslib.errors import UserError


@dataclass(frozen=True)
class KeyMap:
    """renames: (pattern, replacement) tried in order, the first full match wins; `\\1`.. are its groups and
             `{n-1}`, `{n-2}` its first group, a number, minus one or two

    dead:    patterns of entries that the reference carries and never uses
    """

    renames: Sequence[tuple[str, str]]
    dead: Sequence[str] = ()

    def name(self, key: str) -> str | None:
        """Our name of `key`; None when the entry is dead. Raises UserError when nothing fits."""
        if any(re.fullmatch(pattern, key) for pattern in self.dead):
            return None
        for pattern, replacement in self.renames:
            match = re.fullmatch(pattern, key)
            if match:
                number = int(match.group(1)) if match.groups() and match.group(1).isdigit() else 0
                for less in (1, 2):
                    replacement = replacement.replace(f"{{n-{less}}}", str(number - less))
                return match.expand(replacement)
        raise UserError(
            f"{key}: no rule for this entry of the checkpoint; is it of another method or backbone?"
        )


def load(
    model: nn.Module, state: Mapping[str, Tensor], keys: KeyMap, *, but: Sequence[str] = ()
) -> list[str]:
    """Put a reference state dict into `model`; the names of the dead entries.

    but: prefixes of our entries that the checkpoint does not hold (VGGish lies outside of some)

    Raises UserError naming the entries that are missing, unknown, or of another size.
    """
    names = {key: keys.name(key.removeprefix("module.")) for key in state}
    ours = model.state_dict()
    mapped = {name: state[key] for key, name in names.items() if name is not None}
    unknown = sorted(set(mapped) - set(ours))
    missing = sorted(
        key
        for key in set(ours) - set(mapped)
        if not key.startswith(tuple(but)) and not key.endswith("num_batches_tracked")
    )
    for kind, found in (("has no place in the model", unknown), ("is missing from the checkpoint", missing)):
        if found:
            raise UserError(f"{found[0]} {kind} ({len(found)} such entries): wrong method, backbone or task?")
    for name, value in mapped.items():
        # 1x1 convolutions over (T, H, W) and over one point are linear maps: the sizes of 1 may differ.
        if value.numel() != ours[name].numel():
            raise UserError(
                f"{name}: {tuple(value.shape)} in the checkpoint, {tuple(ours[name].shape)} in the model"
            )
        ours[name].copy_(value.reshape(ours[name].shape))
    return sorted(key for key, name in names.items() if name is None)
