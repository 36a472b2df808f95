"""How checkpoints and reference cases of an authors' code are read into our model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from avslib.methods.key_map import KeyMap
from avslib.methods.reference_case import ReferenceCase


@dataclass(frozen=True)
class AuthorsCode:
    """The authors' state dict, and the outputs that they call by name.

    key_map:   their names and ours
    backbones: their names of the backbones
    build:     their state dict -> our model, switched as theirs, weights not loaded
    inputs:    case -> what `outputs` takes after the model; UserError where their model would refuse it
    outputs:   model and inputs -> the outputs of their model, by the names that cases use
    prepared:  their state dict -> the same function with as many logits as ours
    """

    key_map: KeyMap
    backbones: tuple[str, ...]
    build: Callable[[Mapping[str, Tensor]], Any]
    inputs: Callable[[ReferenceCase], tuple[Tensor, ...]]
    outputs: Callable[..., dict[str, Tensor]]
    prepared: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict
