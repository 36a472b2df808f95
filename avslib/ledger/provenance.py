"""Where a number came from: commit, versions, machine, memory, weights."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import nn

from avslib.ledger.memory import peak_of_process

PACKAGES = ("avslib", "torch", "torchvision", "timm", "accelerate", "numpy")

MOVING = re.compile(
    r"(ACCELERATE|OMP|MKL|KMP|CUBLAS|CUDNN|NCCL|ONEDNN|DNNL|TIMM|NVIDIA|TORCH|PYTORCH|XLA)_\w+"
)
"""Variables of the environment that libraries read, and by which some numbers move."""


def commit() -> str:
    """The repository's commit, with "+changes" when files differ from it; "unknown" outside a clone."""
    head = _git("rev-parse", "HEAD")
    if not head:
        return "unknown"
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "avslib")
    return f"{head}+changes" if changed else head


def versions() -> dict[str, str]:
    """Python and the packages that can move a number."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def environment() -> dict[str, str]:
    """What was set from outside: variables that match `MOVING`, without those that hold a path, and torch's switches."""
    told = {
        name: value
        for name, value in sorted(os.environ.items())
        if MOVING.fullmatch(name) and not re.search(r"[/\\]", value)
    }
    return told | {
        "float32 matmul precision": torch.get_float32_matmul_precision(),
        "TF32 in cuDNN": str(torch.backends.cudnn.allow_tf32),
        "deterministic algorithms": str(torch.are_deterministic_algorithms_enabled()),
        "default type": str(torch.get_default_dtype()).removeprefix("torch."),
    }


def device_name(device: torch.device) -> str:
    """E.g. "NVIDIA H100 80GB HBM3", or "CPU, 2 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{device.type.upper()}, {threads} thread{'s' if threads > 1 else ''}"


def peak_memory_mb(device: torch.device) -> int | None:
    """The most the GPU has held for tensors so far; on a CPU the process's largest resident set. None: not measured."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) // 2**20
    peak = peak_of_process()
    return None if peak is None else peak // 2**20


def weights_origins(model: nn.Module) -> dict[str, str]:
    """{sub-module: where its weights came from} for every part that says so."""
    return {
        name: str(module.weights_origin)
        for name, module in model.named_modules()
        if hasattr(module, "weights_origin")
    }


def _git(*arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
