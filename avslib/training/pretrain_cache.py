"""Pretrained encoders are kept: what several methods of a fold start from is made once a machine.

An entry lies in `pretraining/` of the cache folder (see `avslib.encoders.weights.cache_folder`) under a hash of all
that decides it: the encoder before, the scenes, the steps, the code, the versions. It carries its provenance. The
folder may be deleted at any time; what is damaged is made again.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from avslib.encoders.weights import cache_folder
from avslib.errors import UserError
from avslib.files import reason, write_atomically

DECIDING = (
    "training/pretrain_audio.py", "training/pretrain_visual.py", "training/optimiser.py", "data/loading/order.py",
    "data/mini/*.py", "data/mini/manifest.csv", "encoders/*.py", "audio/files.py", "audio/frontends.py", "audio/stereo.py",
)  # fmt: skip
"""The files of the library whose content may move a pretrained weight."""

LOCK_SECONDS = 3600
"""How long another process may pretrain, before this one does it for itself."""


@dataclass(frozen=True)
class Pretrained:
    """What pretraining cost: `seconds` on the machine that did it; `cached`: taken from the cache, not spent."""

    seconds: float = 0.0
    cached: bool = False

    def __add__(self, other: Pretrained) -> Pretrained:
        """Both together; spent, if any of it was."""
        parts = [part for part in (self, other) if part.seconds]
        return Pretrained(self.seconds + other.seconds, bool(parts) and all(part.cached for part in parts))


def pretrained_once(
    encoder: nn.Module, kind: str, decided_by: Mapping[str, Any], pretrain: Callable[[], object]
) -> Pretrained:
    """Give `encoder` the weights that `pretrain()` would train into it, from the cache if they are there.

    kind:       first word of the file's name, "audio" or "visual"
    decided_by: JSON data: all that decides the result, besides the encoder as it is now, the code and the versions

    Processes that ask for the same at once wait for the first. Without a folder that can be written to, nothing is
    kept, and a warning says so.
    """
    decided = {
        **decided_by,
        "before": digest(encoder.state_dict()),
        "code": code(),
        "torch": torch.__version__,
    }
    key = hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()
    path = cache_folder() / "pretraining" / f"{kind}-{key[:24]}.safetensors"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{path}.lock", timeout=LOCK_SECONDS)
        lock.acquire()
    except OSError as error:  # also of a lock that nobody gives back
        warnings.warn(f"{path.parent}: pretrained encoders are not kept ({reason(error)})", stacklevel=2)
        return _spend(pretrain)
    with lock:
        seconds = _take(path, encoder)
        if seconds is not None:
            return Pretrained(seconds, cached=True)
        spent = _spend(pretrain)
        _keep(path, encoder, {**decided, "seconds": spent.seconds})
    return spent


def digest(state: Mapping[str, Tensor]) -> str:
    """A hash of named tensors, their names, types and shapes included."""
    found = hashlib.sha256()
    for name, tensor in state.items():
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


@cache
def code() -> str:
    """A hash of the files in `DECIDING`."""
    root, found = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted({path for pattern in DECIDING for path in root.glob(pattern)}):
        found.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def _spend(pretrain: Callable[[], object]) -> Pretrained:
    start = time.perf_counter()
    pretrain()
    return Pretrained(time.perf_counter() - start)


def _take(path: Path, encoder: nn.Module) -> float | None:
    """Load `path` into `encoder`; the seconds that it cost then, or None where there is nothing sound."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            told = json.loads(file.metadata()["provenance"])
            state = {name: file.get_tensor(name) for name in list(file.keys())}
        if digest(dict(sorted(state.items()))) != told["content"]:
            raise ValueError("its content is not what was written")
        encoder.load_state_dict(state)
        return float(told["seconds"])
    except Exception as error:
        warnings.warn(f"{path}: damaged ({reason(error)}); pretraining again", stacklevel=3)
        return None


def _keep(path: Path, encoder: nn.Module, provenance: Mapping[str, Any]) -> None:
    state = {n: t.detach().cpu().contiguous().clone() for n, t in sorted(encoder.state_dict().items())}
    made = datetime.now(timezone.utc).isoformat(timespec="seconds")
    told = {**provenance, "made": made, "content": digest(state)}
    content = save(state, metadata={"provenance": json.dumps(told)})
    try:
        write_atomically(path, lambda file: file.write(content))
    except UserError as error:
        warnings.warn(f"pretrained encoders are not kept: {error}", stacklevel=3)
