"""Score a run: what the loop does after each epoch and at the end, and `avslib evaluate` later on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from accelerate import Accelerator
from safetensors.torch import load_file, save
from torch import nn

from avslib.errors import UserError
from avslib.recipes.recipe import ScoringProtocol
from avslib.training.checkpoint import write_atomically
from avslib.training.evaluate import Scenes, Scores, evaluate, listen
from avslib.training.run import Run, read_run

WEIGHTS = "weights.safetensors"
"""The file in a run's folder with the weights that the run reports."""


def score(
    run: Run,
    model: nn.Module,
    split: str,
    *,
    only: Sequence[str] = (),
    accelerator: Accelerator | None = None,
    workers: int = 0,
) -> Scores:
    """{protocol: {number: value}} of `model` on the run's `split`; every process gets the same.

    only: names of protocols, all if empty. Raises UserError for a name that the recipe does not have.
    """
    protocols = run.recipe.protocols()
    known = [short_name(protocol) for protocol in protocols]
    for name in only:
        if name not in known:
            raise UserError(
                f"unknown protocol {name!r} of recipe {run.recipe.name}; choose of: {', '.join(known)}"
            )
    return evaluate(
        model,
        run.clips(split),
        run.front_end(),
        [protocol for protocol in protocols if not only or short_name(protocol) in only],
        batch_size=run.plan.batch_size,
        accelerator=accelerator,
        workers=workers,
    )


def short_name(protocol: ScoringProtocol) -> str:
    """The protocol's name without the remark in brackets, e.g. avsbench-binary."""
    return protocol.name.split(" (")[0]


def hear_otherwise(run: Run, model: nn.Module) -> dict[str, float]:
    """`listen` on the first test split, where its clips are composed scenes; else nothing."""
    clips = run.clips(run.recipe.tests[0])
    if not hasattr(clips, "scene"):
        return {}
    return listen(model, cast(Scenes, clips), run.front_end(), batch_size=run.plan.batch_size)


def load_run(folder: Path) -> tuple[Run, nn.Module]:
    """The run in `folder` and its trained model, in evaluation mode on the CPU.

    Raises UserError when there is no run, its recipe is not known, or its weights are missing or damaged.
    """
    run = read_run(folder)
    model = run.plan.model()
    load_weights(folder / WEIGHTS, model)
    return run, model.eval()


def save_weights(path: Path, model: nn.Module) -> None:
    """The model's state dict as safetensors, atomically."""
    # Cloned: safetensors refuses tensors that share memory, as tied weights do.
    tensors = {name: t.detach().cpu().contiguous().clone() for name, t in model.state_dict().items()}
    write_atomically(path, lambda file: file.write(save(tensors)))


def load_weights(path: Path, model: nn.Module) -> None:
    """Read what `save_weights` wrote. Raises UserError when it is missing, damaged or of another model."""
    try:
        model.load_state_dict(load_file(path))
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"{path}: cannot be read as this run's weights ({reason}); let the run finish"
        ) from None
