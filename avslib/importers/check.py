"""`python -m avslib.importers check CASE.json`: our model on a reference case, output by output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from avslib.errors import UserError
from avslib.importers import tpavi
from avslib.importers.golden import TOLERANCE, Case, read_case, relative_error
from avslib.importers.keys import KeyMap, load


@dataclass(frozen=True)
class Method:
    """What an importer offers: its key map, its model with the reference's switches, how a case is run."""

    keys: KeyMap
    but: Sequence[str]
    build: Callable[..., nn.Module]
    run: Callable[[Any, Case], dict[str, Tensor]]


METHODS = {"tpavi": Method(tpavi.KEYS, tpavi.BUT, tpavi.build, tpavi.run)}


def check(path: Path) -> dict[str, float]:
    """{output: relative error} of one case. Raises UserError for a case that cannot be run."""
    case = read_case(path)
    name = case.need("method")
    if name not in METHODS:
        raise UserError(f"{path}: no importer for method {name!r}; there are {', '.join(METHODS)}")
    method = METHODS[name]
    model = method.build(backbone=case.need("backbone"), task=case.need("task")).eval()
    load(model, case.state_dict(), method.keys, but=method.but)
    with torch.inference_mode():
        outputs = method.run(model, case)
    absent = sorted(set(case.outputs) - set(outputs))
    if absent:
        raise UserError(f"{path.with_suffix('.npz')}: holds {absent[0]!r}, which {name} does not put out")
    return {output: relative_error(outputs[output], reference) for output, reference in case.outputs.items()}


def report(path: Path) -> bool:
    """Print the errors of one case; True when all are within the tolerance."""
    errors = check(path)
    for output, error in errors.items():
        print(f"{output:24s} {error:10.2e}  {'ok' if error <= TOLERANCE else f'above {TOLERANCE:.0e}'}")
    passed = bool(errors) and all(error <= TOLERANCE for error in errors.values())
    print(f"{path.name}: {'all outputs equal the reference' if passed else 'differs from the reference'}")
    return passed
