"""Read a pickled tensor from a stranger's file without running anything of theirs.

AVSBench and its followers hand out log-mels as pickles, and `pickle.load` runs whatever a pickle asks for. A
pickle is a small program: it names functions and has them called. Here it may name eight of them, all of
which lead to functions of this file, that make a tensor or an array out of numbers and nothing else. Any other
name is refused before the call.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from avslib.errors import UserError

LARGEST = 64 * 2**20
"""Bytes of the largest file that is read; a log-mel of ten seconds has a quarter of a million."""


def read_tensor(path: Path) -> Tensor:
    """The one tensor or numpy array that is pickled in `path`, without gradient.

    Raises UserError for a missing, large, cut-off or damaged file, for a pickle that holds anything else, and
    for one that asks for a call.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; recompute the log-mel from the wav")
    if path.stat().st_size > LARGEST:
        raise UserError(f"{path}: {path.stat().st_size} bytes, too large for a log-mel; not opened")
    try:
        found = _Restricted(io.BytesIO(path.read_bytes())).load()
        if isinstance(found, _Array):
            return torch.from_numpy(found.numpy())
    except _Refused as error:
        raise UserError(f"{path}: {error}; refused. Recompute the log-mel from the wav") from None
    except Exception as error:  # a damaged pickle can fail in any way
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: not a pickled tensor ({reason}); recompute it from the wav") from None
    if not isinstance(found, Tensor):
        raise UserError(f"{path}: holds {type(found).__name__}, not a tensor; recompute it from the wav")
    return found


class _Refused(pickle.UnpicklingError):
    """What a pickle must not ask for."""


class _Call(partial[Any]):
    """A function that a pickle may call, and can do nothing else to (BUILD would set attributes)."""

    def __setstate__(self, state: Any) -> None:
        raise _Refused("asks to change a function")


class _Type:
    """numpy's dtype: one kind of number and its byte order."""

    def __init__(self, code: str, *_: Any) -> None:
        if not re.fullmatch(r"[fiu][1248]|b1", code):
            raise _Refused(f"holds an array of {code!r}, not of numbers")
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = str(state[1])


class _Array:
    """numpy's array: a shape, a dtype and bytes, put together by ourselves."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.shape, self.type, self.by_column, self.data = state[-4:]

    def numpy(self) -> npt.NDArray[Any]:
        """The array in this machine's byte order."""
        dtype = np.dtype(self.type.code).newbyteorder(self.type.order)
        flat = np.frombuffer(self.data, dtype)
        array = flat.reshape(self.shape, order="F" if self.by_column else "C")
        return np.array(array, dtype=dtype.newbyteorder("="), order="C")


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> Tensor:
    """torch._utils._rebuild_tensor_v2; the gradient and the hooks are left out."""
    if not isinstance(storage, torch.storage.TypedStorage):
        raise _Refused("holds a tensor without numbers")
    flat = torch.empty(0, dtype=storage.dtype).set_(storage)
    view: Tensor = flat.as_strided(tuple(size), tuple(stride), offset)  # refuses what lies outside
    if view.nbytes > LARGEST:  # a stride of 0 makes much out of little
        raise _Refused(f"holds {view.nbytes} bytes in a small file")
    return view.clone()


def _storage(data: bytes) -> Any:
    """torch.storage._load_from_bytes, which would unpickle anything."""
    return torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")


def _from_buffer(data: bytes, dtype: _Type, shape: tuple[int, ...], order: str) -> _Array:
    array = _Array()
    array.__setstate__((shape, dtype, order == "F", bytes(data)))
    return array


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch.storage", "_load_from_bytes"): _storage,
    ("collections", "OrderedDict"): dict,
    ("_codecs", "encode"): lambda text, encoding: text.encode("latin1"),  # by which old pickles write bytes
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
}
for _core in ("numpy.core", "numpy._core"):  # before and since numpy 2
    _ALLOWED[f"{_core}.multiarray", "_reconstruct"] = lambda *_: _Array()
    _ALLOWED[f"{_core}.numeric", "_frombuffer"] = _from_buffer


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _Refused(f"asks for {module}.{name}")
        return _Call(_ALLOWED[module, name])
