"""The protocol of the reference cases: how weights and inputs were made, and how outputs are compared.

No weights are stored. Every entry of the reference's state dict was filled with numbers drawn from a seed
that is its own name, and so was every input. Filling the same names gives the same model.
"""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from avslib.errors import UserError

SAMPLES = 16_384
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Case:
    """One reference case: its description and the sampled outputs of the reference."""

    path: Path
    meta: dict[str, Any]
    outputs: dict[str, npt.NDArray[np.float32]]

    def need(self, key: str) -> Any:
        """`meta[key]`. Raises UserError when the description has no such entry."""
        if key not in self.meta:
            raise UserError(
                f"{self.path}: the case has no {key!r}; a case has method, backbone, task, inputs and keys"
            )
        return self.meta[key]

    def state_dict(self) -> dict[str, Tensor]:
        """The reference's state dict under its own names, with `gain` applied."""
        state = {key: filled(key, shape) for key, shape in self.need("keys").items()}
        for pattern, gain in self.meta.get("gain", {}).items():
            for number in range(1, 5):
                state[pattern.replace("{1..4}", str(number))] *= gain
        return state

    def inputs(self) -> dict[str, Tensor]:
        """Inputs by name; `audio128` stands for a VGGish embedding, which is never negative."""
        made = {name: drawn(name, shape) for name, shape in self.need("inputs").items()}
        return {name: value.abs() if name == "audio128" else value for name, value in made.items()}


def read_case(path: Path) -> Case:
    """Read CASE.json and the CASE.npz beside it. Raises UserError when either is missing or malformed."""
    try:
        meta = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; give the .json of a reference case") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: not readable as JSON ({error}); give the .json of a reference case"
        ) from None
    if not isinstance(meta, dict):
        raise UserError(
            f"{path}: holds a {type(meta).__name__}, not an object; give the .json of a reference case"
        )
    arrays = path.with_suffix(".npz")
    try:
        with np.load(arrays, allow_pickle=False) as stored:
            outputs = {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise UserError(f"{arrays}: no such file; the arrays of a case lie beside its .json") from None
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{arrays}: not readable as an .npz of plain arrays ({error})") from None
    return Case(path, meta, outputs)


def _generator(name: str) -> np.random.Generator:
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def filled(key: str, shape: Sequence[int]) -> Tensor:
    """The value of the state-dict entry `key`."""
    shape = tuple(shape)
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    generator = _generator(key)
    if key.endswith("running_var"):
        value = 0.5 + generator.random(shape)
    elif key.endswith("running_mean"):
        value = 0.1 * generator.standard_normal(shape)
    else:
        value = np.asarray(generator.standard_normal(shape))
        if value.ndim > 1:
            value = value / math.sqrt(math.prod(shape[1:]))
        elif value.ndim == 1 and key.endswith("bias"):
            value = 0.05 * value
        else:
            value = 1 + 0.1 * value
    return torch.from_numpy(np.asarray(value, np.float32)).reshape(shape)


def drawn(name: str, shape: Sequence[int]) -> Tensor:
    """The input called `name`: standard normal."""
    return torch.from_numpy(_generator(f"input:{name}").standard_normal(tuple(shape)).astype(np.float32))


def sampled(x: Tensor) -> npt.NDArray[np.float32]:
    """The evenly strided sample that the .npz holds of an output."""
    flat = x.detach().reshape(-1).float()
    taken: npt.NDArray[np.float32] = flat[:: max(1, flat.numel() // SAMPLES)][:SAMPLES].numpy()
    return taken


def relative_error(ours: Tensor, reference: npt.NDArray[np.float32]) -> float:
    """||ours - reference|| / ||reference|| on the sample; infinite when the shapes differ."""
    sample = sampled(ours)
    if sample.shape != reference.shape:
        return math.inf
    return float(np.linalg.norm(sample - reference) / max(float(np.linalg.norm(reference)), 1e-30))
