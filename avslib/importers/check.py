"""Does our model give the reference's numbers? One case in, one relative error an output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.importers.checkpoint import find_authors_code
from avslib.methods.key_map import Translation
from avslib.methods.reference_case import ReferenceCase, read_case, read_outputs, relative_error

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Comparison:
    """What `check_case` found.

    errors:      relative error of every output in the .npz; infinite if ours has no such output or another
                 size
    translation: the names that came along, and those that did not
    """

    errors: dict[str, float]
    translation: Translation

    @property
    def equal(self) -> bool:
        """There are outputs, and every error is at most 1e-4."""
        # Asked this way round, NaN is not equal.
        return bool(self.errors) and all(error <= TOLERANCE for error in self.errors.values())


def check_case(path: Path) -> Comparison:
    """Run the case NAME.json and compare with NAME.npz beside it.

    Raises UserError: files missing or malformed, unknown method or backbone, weights that do not fit.
    """
    case = read_case(path)
    reference = read_outputs(path.with_suffix(".npz"))
    ours, translation = run_case(case)
    errors = {
        name: relative_error(ours[name], values) if name in ours else float("inf")
        for name, values in reference.items()
    }
    return Comparison(errors, translation)


def run_case(case: ReferenceCase) -> tuple[dict[str, Tensor], Translation]:
    """Fill our model with the case's weights and run it on the case's inputs, in evaluation mode.

    Raises UserError as `check_case` does.
    """
    try:
        method = find_authors_code(case.method)
        if case.backbone not in method.backbones:
            known = ", ".join(method.backbones)
            raise UserError(f"{case.method} has no backbone {case.backbone!r}, only {known}")
        inputs = method.inputs(case)
        state = case.state_dict()
        model = method.build(state)
        translation = method.key_map.load(model, state)
    except UserError as error:
        raise UserError(f"{case.path}: {error}") from None
    with torch.inference_mode():
        return method.outputs(model.eval(), *inputs), translation
