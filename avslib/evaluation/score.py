"""Score a run: what the loop does after each epoch and at the end, and `avslib evaluate` later on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from accelerate import Accelerator
from safetensors.torch import load_file, save
from torch import Tensor, nn

from avslib.data.listing import part_of
from avslib.encoders.vggish import VGGish
from avslib.encoders.weight_files import strange
from avslib.errors import UserError
from avslib.evaluation.evaluate import Scores, evaluate
from avslib.evaluation.predictions import PredictionWriter
from avslib.files import reason, write_atomically
from avslib.methods.resolve import read_run
from avslib.methods.run import Run
from avslib.metrics.protocols import PROTOCOLS, protocol, sources
from avslib.types import ScoringProtocol

WEIGHTS = "weights.safetensors"
"""The file in a run's folder with the weights that the run reports."""


def score(
    run: Run,
    model: nn.Module,
    split: str,
    *,
    protocols: Sequence[ScoringProtocol] | None = None,
    by: str = "",
    folder: Path | None = None,
    logits: bool = False,
    accelerator: Accelerator | None = None,
    workers: int = 0,
) -> Scores:
    """{protocol: {number: value}} of `model` on the run's `split`; every process gets the same.

    protocols: those of the data if None
    by:     "sources" (by how many classes sound) or "part" (v1s, v1m and v2) to score those apart as well
    folder: where the masks go, as pictures, and with `logits` the logits; see `avslib.evaluation.predictions`
    """
    clips = run.clips(split)
    about = {
        "run": run.name, "data": run.data.name, "split": split, "fold": run.fold, "clips": len(clips),
        "size": run.test_size or 0,
    }  # fmt: skip
    group_of = {
        "sources": lambda _, batch: sources(batch.labels, batch.valid),
        "part": lambda indices, _: part_of(clips, indices),
    }
    return evaluate(
        model,
        clips,
        run.front_end(),
        protocols or run.data.protocols(),
        batch_size=run.test_batch_size,
        accelerator=accelerator,
        workers=workers,
        group_of=group_of[by] if by else None,
        scorers=[scorer() for scorer in run.recipe.scorers],
        save=PredictionWriter(folder, about=about, logits=logits) if folder else None,
    )


def choose_protocols(
    own: list[ScoringProtocol], only: Sequence[str], *, classes: int = 2
) -> list[ScoringProtocol]:
    """The `own` protocols of a data set, or those that `only` names; "all" are these and all of avslib's.

    classes: K, background included, of the logits; at least as many as the own protocols have

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


def load_run(folder: Path, *, data_dir: Path | str | None = None) -> tuple[Run, nn.Module]:
    """The run in `folder` and its trained model, in evaluation mode on the CPU.

    data_dir: where the benchmark lies now, if not where it lay when the run was trained

    Raises UserError when there is no run, its recipe has changed, or its weights are missing or damaged.
    """
    run = read_run(folder, data_dir=data_dir)
    model = run.model(pretrained=False)
    load_weights(folder / WEIGHTS, model)
    return run, model.eval()


def save_weights(path: Path, model: nn.Module) -> None:
    """The model's state dict as safetensors, atomically."""
    # Cloned: safetensors refuses tensors that share memory, as tied weights do.
    tensors = {name: t.detach().cpu().contiguous().clone() for name, t in model.state_dict().items()}
    write_atomically(path, lambda file: file.write(save(tensors)))


def load_weights(path: Path, model: nn.Module) -> None:
    """Read what `save_weights` wrote. Raises UserError when it is missing, damaged or of another model."""
    if fault := strange(path):
        hint = "; let the run finish" if not path.exists() else ""
        raise UserError(f"{path}: cannot be read as this run's weights: {fault}{hint}")
    try:
        load_state(model, load_file(path))
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{path}: cannot be read as this run's weights ({reason(error)}); let the run finish"
        ) from None


def load_state(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Load a whole state dict; without "audio.*", as where authors keep VGGish apart, the public VGGish is taken.

    Raises UserError when it is not found.
    """
    apart = isinstance(getattr(model, "audio", None), VGGish)
    if apart and not any(name.startswith("audio.") for name in state):
        public = VGGish.from_weights().state_dict()
        state = state | {f"audio.{name}": tensor for name, tensor in public.items()}
    model.load_state_dict(state)
