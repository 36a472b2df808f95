"""Score a run: what the loop does after each epoch and at the end, and `avslib evaluate` later on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from accelerate import Accelerator
from safetensors.torch import load_file, save
from torch import nn

from avslib.data.listing import part_of
from avslib.errors import UserError
from avslib.evaluation.evaluate import Scores, evaluate
from avslib.evaluation.predictions import PredictionWriter
from avslib.files import write_atomically
from avslib.methods.method import ScoringProtocol
from avslib.methods.run import Run, read_run
from avslib.metrics.protocols import PROTOCOLS, protocol, sources

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

    only: names of protocols, those of the recipe if empty; see `choose_protocols`
    """
    return evaluate(
        model,
        run.clips(split),
        run.front_end(),
        choose_protocols(run.recipe.protocols(), only),
        batch_size=run.plan.batch_size,
        accelerator=accelerator,
        workers=workers,
    )


def score_and_save(
    run: Run,
    model: nn.Module,
    split: str,
    protocols: Sequence[ScoringProtocol],
    *,
    by: str = "",
    folder: Path | None = None,
    logits: bool = False,
) -> Scores:
    """As `score`, under any protocols, by subset, and with the predictions written down.

    by:     "sources" (by how many classes sound) or "part" (v1s, v1m and v2) to score those apart as well
    folder: where the masks go, as pictures, and with `logits` the logits; see `avslib.evaluation.predictions`
    """
    clips = run.clips(split)
    about = {
        "run": run.name, "data": run.recipe.data, "split": split, "fold": run.fold, "clips": len(clips),
        "size": run.plan.size,
    }  # fmt: skip
    subset_of = {
        "sources": lambda _, batch: sources(batch.labels, batch.valid),
        "part": lambda indices, _: part_of(clips, indices),
    }
    return evaluate(
        model,
        clips,
        run.front_end(),
        protocols,
        batch_size=run.plan.batch_size,
        subset_of=subset_of[by] if by else None,
        save=PredictionWriter(folder, about=about, logits=logits) if folder else None,
    )


def choose_protocols(
    own: list[ScoringProtocol], only: Sequence[str], *, classes: int = 2
) -> list[ScoringProtocol]:
    """The `own` protocols of a recipe, or those that `only` names; "all" are these and all of avslib's.

    classes: K, background included, of the logits; at least as many as the recipe's protocols have

    Raises UserError for an unknown name.
    """
    if not only:
        return own
    known = {short_name(mine): mine for mine in own}
    every = list(dict.fromkeys([*known, *PROTOCOLS]))
    classes = max([classes, *(getattr(mine, "classes", 2) for mine in own)])
    for name in only:
        if name not in (*every, "all"):
            raise UserError(f"unknown protocol {name!r}; choose of: {', '.join(every)}, or all")
    chosen = every if "all" in only else list(dict.fromkeys(only))
    return [known[name] if name in known else protocol(name, classes=classes) for name in chosen]


def short_name(protocol: ScoringProtocol) -> str:
    """The protocol's name without the remark in brackets, e.g. avsbench-binary."""
    return protocol.name.split(" (")[0]


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
