"""A reference case: what the authors' implementation gave for weights and inputs that anybody can make again.

`NAME.json` names every entry of the reference's state dict and every input, with their shapes; the numbers
themselves are drawn from a generator seeded with the name. `NAME.npz` holds samples of the outputs. So a
case weighs kilobytes, and whoever fills the same names in another implementation must get the same outputs.
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
import torch
from numpy.typing import NDArray
from torch import Tensor

from avslib.errors import UserError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class ReferenceCase:
    """The JSON half of a case.

    method, backbone, task: the authors' names, e.g. "tpavi", "pvt", "avss"
    keys:   shape of every entry of the reference's state dict
    inputs: shape of every input
    gain:   factor for some keys; "{1..4}" in a pattern stands for each of four numbers
    """

    path: Path
    method: str
    backbone: str
    task: str
    keys: dict[str, Shape]
    inputs: dict[str, Shape]
    gain: dict[str, float]

    def state_dict(self) -> dict[str, Tensor]:
        """The reference's weights under the reference's names."""
        state = {key: fill(key, shape) for key, shape in self.keys.items()}
        for pattern, factor in self.gain.items():
            for key in {pattern.replace("{1..4}", str(number)) for number in (1, 2, 3, 4)}:
                if key not in state:
                    raise UserError(f"gain is given for {key}, which is not among the keys")
                state[key] *= factor
        return state

    def shape(self, name: str) -> Shape:
        """Of the input called `name`. Raises UserError when the case has no such input."""
        if name not in self.inputs:
            raise UserError(f"has no input {name!r}, only {', '.join(self.inputs) or 'none'}")
        return self.inputs[name]

    def tensor(self, name: str) -> Tensor:
        """The input called `name`, standard normal. Raises UserError as `shape` does."""
        return _float(_generator("input:" + name).standard_normal(self.shape(name)))


def read_case(path: Path) -> ReferenceCase:
    """Read NAME.json. Raises UserError when it is missing, malformed, or lacks an entry."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); give the path of a case's .json"
        ) from None
    except ValueError as error:  # of UTF-8 as well as of JSON
        raise UserError(f"{path}: is not JSON ({error}); fetch the case again") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a JSON {type(content).__name__}, not an object; is it a case?")
    absent = [name for name in ("method", "backbone", "task", "keys", "inputs") if name not in content]
    if absent:
        raise UserError(f"{path}: has no entry {', '.join(absent)}; is it a reference case?")
    return ReferenceCase(
        path=path,
        method=str(content["method"]),
        backbone=str(content["backbone"]),
        task=str(content["task"]),
        keys=_shapes(path, "keys", content["keys"]),
        inputs=_shapes(path, "inputs", content["inputs"]),
        gain=_gain(path, content.get("gain", {})),
    )


def read_outputs(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read NAME.npz, the sampled outputs. Raises UserError when it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; the outputs belong beside the .json") from None
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: is not a readable .npz ({error}); fetch the case again") from None


def fill(key: str, shape: Sequence[int]) -> Tensor:
    """The weight that every implementation puts under the name `key`.

    Scaled so that activations stay near 1: by 1/sqrt(fan-in) for weights, about 1 for norms and scalars,
    small for biases.
    """
    if key.endswith("num_batches_tracked"):
        return torch.zeros(tuple(shape), dtype=torch.long)
    generator = _generator(key)
    if len(shape) > 1 and not key.endswith(("running_var", "running_mean")):
        return _scaled(generator, shape)
    if key.endswith("running_var"):
        return _float(0.5 + generator.random(shape))
    x = generator.standard_normal(shape)
    if key.endswith("running_mean"):
        return _float(0.1 * x)
    if len(shape) == 0 or (len(shape) == 1 and not key.endswith("bias")):
        return _float(1 + 0.1 * x)
    return _float(0.05 * x)


def relative_error(ours: Tensor, reference: NDArray[np.float32]) -> float:
    """||ours - reference|| / ||reference|| over the evenly strided sample that a case keeps of an output.

    Infinite when the sample of ours has another size, NaN when ours has one.
    """
    flat = ours.detach().reshape(-1).float()
    sample = flat[:: max(1, flat.numel() // 16384)][:16384].numpy()
    reference = reference.reshape(-1)
    if sample.shape != reference.shape:
        return math.inf
    norm = float(np.linalg.norm(reference))
    return float(np.linalg.norm(sample - reference)) / (norm or 1.0)


def _generator(name: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little"))


def _scaled(generator: np.random.Generator, shape: Sequence[int]) -> Tensor:
    """Normal / sqrt(fan-in), piece by piece: fresh memory for fifty million float64 takes longer than drawing them."""
    filled, piece = np.empty(math.prod(shape), np.float32), np.empty(32_768)
    for start in range(0, len(filled), len(piece)):
        part = piece[: len(filled) - start]
        generator.standard_normal(out=part)
        filled[start : start + len(part)] = part / math.sqrt(math.prod(shape[1:]))
    return torch.from_numpy(filled.reshape(tuple(shape)))


def _float(x: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(np.asarray(x, dtype=np.float32))


def _shapes(path: Path, name: str, content: Any) -> dict[str, Shape]:
    if not isinstance(content, dict):
        raise UserError(f"{path}: {name} must be an object that maps names to shapes")
    for key, shape in content.items():
        if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
            raise UserError(f"{path}: {name}.{key} has the shape {shape!r}; a shape is a list of sizes")
    return {key: tuple(shape) for key, shape in content.items()}


def _gain(path: Path, content: Any) -> dict[str, float]:
    if not isinstance(content, dict) or not all(isinstance(x, int | float) for x in content.values()):
        raise UserError(f"{path}: gain must be an object that maps names to numbers")
    return content
