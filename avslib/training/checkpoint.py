"""The full state of a run in one file, written so that a crash leaves either the old one or the new one.

A checkpoint holds tensors and plain Python only, so `torch.load(weights_only=True)` opens it.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avslib.errors import UserError
from avslib.files import reason, write_atomically
from avslib.methods.run import differences, fingerprint

State = dict[str, Any]


def save_checkpoint(path: Path, state: State) -> None:
    """Write `state` to `path` atomically. Raises UserError as `write_atomically` does."""
    write_atomically(path, lambda file: torch.save(state, file))


def load_checkpoint(path: Path, config: dict[str, Any]) -> State:
    """Read the state of a run that had the same `config`.

    Raises UserError for a damaged file, and for another configuration, naming what differs.
    """
    try:
        state: State = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"{path}: not a readable checkpoint ({reason(error)}); delete it to start afresh"
        ) from None
    if not isinstance(state, dict) or not {"fingerprint", "config"} <= set(state):
        raise UserError(f"{path}: not a checkpoint of a run; choose another --out")
    if state["fingerprint"] != fingerprint(config):
        differing = ", ".join(differences(state["config"], config))
        raise UserError(
            f"{path}: written under another configuration ({differing}); "
            "resume with the same one or choose another --out"
        )
    return state


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch (with its accelerators)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def random_state() -> State:
    """The state of every random stream, as tensors and plain Python."""
    _, words, position, has_gauss, gauss = np.random.get_state(legacy=True)
    version, python_words, python_gauss = random.getstate()
    return {
        "python": [version, list(python_words), python_gauss],
        "numpy": [torch.from_numpy(np.asarray(words, dtype=np.int64)), position, has_gauss, gauss],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: State) -> None:
    """Put every random stream where `random_state` found it."""
    version, python_words, python_gauss = state["python"]
    words, position, has_gauss, gauss = state["numpy"]
    random.setstate((version, tuple(python_words), python_gauss))
    np.random.set_state(("MT19937", words.numpy().astype(np.uint32), position, has_gauss, gauss))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
