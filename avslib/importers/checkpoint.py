"""A checkpoint of the authors' training code, turned into a file of ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor, nn

from avslib.encoders.weights import read_state_dict
from avslib.errors import UserError
from avslib.methods.importers import find_method
from avslib.methods.key_map import Translation


@dataclass(frozen=True)
class Imported:
    """What became of a checkpoint: our model with its weights, and which names came along."""

    model: nn.Module
    translation: Translation

    def __str__(self) -> str:
        """For the terminal."""
        return str(self.translation)


def import_checkpoint(checkpoint: Path, *, model: str, out: Path | None = None) -> Imported:
    """Read the authors' `checkpoint` of the paper `model` (e.g. "tpavi"); write ours to `out` if given.

    Nothing in the file can run code. The "module." that nn.DataParallel puts before names is taken off.
    Raises UserError: unreadable file, unknown model, and every entry that is missing, unknown or misshapen.
    """
    method = find_method(model)
    state = _without_wrapper(read_state_dict(checkpoint))
    try:
        network = method.build(state)
        translation = method.key_map.load(network, state)
        if translation.unknown:
            raise UserError(f"names that {model} does not have: {', '.join(translation.unknown)}")
    except UserError as error:
        raise UserError(f"{checkpoint}: {error}") from None
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, out)
    return Imported(network, translation)


def _without_wrapper(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}
