"""Which papers' checkpoints can be read, and what it takes for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from avslib.errors import UserError
from avslib.methods import avsbench_keys as avsbench
from avslib.methods.avsegformer import checkpoint as avsegformer
from avslib.methods.key_map import KeyMap
from avslib.methods.pcmanet import checkpoint as pcmanet
from avslib.methods.reference_case import ReferenceCase
from avslib.methods.tpavi import checkpoint as tpavi


@dataclass(frozen=True)
class Method:
    """The importer of one paper.

    key_map:   their names and ours
    backbones: their names of the backbones
    build:     their state dict -> our model, switched as theirs, weights not loaded
    inputs:    case -> what `outputs` takes after the model; UserError where their model would refuse it
    outputs:   model and inputs -> the outputs of their model, by the names that cases use
    """

    key_map: KeyMap
    backbones: tuple[str, ...]
    build: Callable[[Mapping[str, Tensor]], Any]
    inputs: Callable[[ReferenceCase], tuple[Tensor, ...]]
    outputs: Callable[..., dict[str, Tensor]]


METHODS = {
    "avsegformer": Method(
        avsegformer.KEY_MAP, avsegformer.NAMES, avsegformer.build, avsegformer.inputs, avsegformer.outputs
    ),
    "pcmanet": Method(
        pcmanet.KEY_MAP, tuple(avsbench.BACKBONES), pcmanet.build, pcmanet.inputs, pcmanet.outputs
    ),
    "tpavi": Method(tpavi.KEY_MAP, tuple(avsbench.BACKBONES), tpavi.build, tpavi.inputs, tpavi.outputs),
}


def find_method(name: str) -> Method:
    """The importer called `name`; raises UserError with the names there are."""
    if name not in METHODS:
        raise UserError(f"{name}: no importer for this method; there is one for {', '.join(METHODS)}")
    return METHODS[name]
