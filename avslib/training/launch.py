"""How a run meets the machine: one process or several, on which device, at which precision.

Accelerate reads a good part of its settings from the environment. Those that would change the training are overruled
or refused here: the recipe decides, and what a record does not tell must not move a number.
"""

from __future__ import annotations

import os
import warnings

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import GradientAccumulationPlugin, TorchDynamoPlugin

from avslib.errors import UserError

OVERRULED = {
    "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": ("1",),
    "ACCELERATE_DYNAMO_BACKEND": ("no",),
    "ACCELERATE_MIXED_PRECISION": ("no", "bf16"),
}
"""Settings that the recipe decides, and the values that need no word: launchers set them unasked."""

REFUSED = (
    "ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_MEGATRON_LM", "ACCELERATE_USE_PARALLELISM_CONFIG",
)  # fmt: skip
"""Ways to part a model over processes, of which the loop knows nothing."""

LAUNCHED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What a launcher gives to every process."""


def start_accelerator(precision: str) -> Accelerator:
    """Accelerate on whatever there is; reduced precision on a GPU only.

    Raises UserError when the environment tells half of a launch, or asks for what the loop does not do.
    """
    check_launch()
    # Said outright, because a launcher's several processes form a group on a CPU only when told so.
    cpu = not torch.accelerator.is_available() or _is_set("ACCELERATE_USE_CPU")
    on_gpu = PartialState(cpu=cpu).device.type == "cuda"
    AcceleratorState._reset_state()  # else a second run in one notebook cannot change the precision
    return Accelerator(
        mixed_precision=precision if on_gpu else "no",
        gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
        dynamo_plugin=TorchDynamoPlugin(backend="no"),
        # Some models have parameters that a given batch does not reach (a branch for stereo, say).
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )


def check_launch() -> None:
    """Warn of settings that are overruled. Raises UserError as `start_accelerator` does."""
    for name, silent in OVERRULED.items():
        value = os.environ.get(name, silent[0])
        if value.lower() not in silent:
            warnings.warn(f"{name}={value} has no effect: the recipe decides", stacklevel=3)
    for name in filter(_is_set, REFUSED):
        raise UserError(f"{name}={os.environ[name]}: the loop trains whole models side by side; unset it")
    told = {name: os.environ[name] for name in LAUNCHED if os.environ.get(name)}
    missing = [name for name in LAUNCHED if name not in told]
    if missing and ("RANK" in told or "LOCAL_RANK" in told or told.get("WORLD_SIZE", "1") != "1"):
        given = " ".join(f"{name}={value}" for name, value in told.items())
        raise UserError(
            f"{given} without {', '.join(missing)}: half a launch; start several processes with accelerate launch "
            "or torchrun, or unset what is set"
        )
    if not missing:
        _check_numbers(told)


def _check_numbers(told: dict[str, str]) -> None:
    for name in ("RANK", "LOCAL_RANK"):
        if not (told[name].isdecimal() and told["WORLD_SIZE"].isdecimal()) or int(told[name]) >= int(
            told["WORLD_SIZE"]
        ):
            raise UserError(
                f"{name}={told[name]} with WORLD_SIZE={told['WORLD_SIZE']}: ranks go from 0 to one less than that"
            )


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true", "yes", "on")
