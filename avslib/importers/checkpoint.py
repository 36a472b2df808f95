"""A checkpoint of an authors' training code, turned into a run's folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from avslib.data.readers.paths import holds_anything
from avslib.data.registry import DATASETS
from avslib.encoders.weights import read_state_dict
from avslib.errors import UserError
from avslib.evaluation.score import WEIGHTS, save_weights
from avslib.files import check_folder, check_not_read, write_json
from avslib.methods import METHODS
from avslib.methods.authors_code import AuthorsCode
from avslib.methods.key_map import Translation
from avslib.methods.resolve import find_run
from avslib.methods.run import Run


@dataclass(frozen=True)
class Imported:
    """What became of a checkpoint: the run that it stands for, our model with its weights, which names came along."""

    run: Run
    model: nn.Module
    translation: Translation

    def __str__(self) -> str:
        """For the terminal."""
        return f"{self.run.title} on {self.run.data.name}, schedule {self.run.schedule}: {self.translation}"


def find_authors_code(name: str) -> AuthorsCode:
    """How checkpoints of the method `name` are read; raises UserError with the names that can be."""
    known = {method.name: method.authors for method in METHODS.values() if method.authors}
    if name not in known:
        raise UserError(f"{name}: no importer for this method; there is one for {', '.join(known)}")
    return known[name]


def import_checkpoint(
    checkpoint: Path, *, model: str | None = None, data: str | None = None, out: Path | None = None
) -> Imported:
    """Read the authors' `checkpoint`; write it to the folder `out`, if given, as a run that `load` takes.

    model: whose it is, e.g. "tpavi"; recognised by its names if None
    data:  what it was trained on, e.g. "avsbench/s4"; if None, the first data set whose recipe it fits: S4 and
           MS3 cannot be told apart by their weights

    Nothing in the file can run code. The "module." that nn.DataParallel puts before names is taken off.
    Raises UserError: `out` is not empty, unreadable file, unknown model, and every entry that is missing, unknown
    or misshapen.
    """
    if out is not None:
        check_new_folder(out, [checkpoint])
    state = {name.removeprefix("module."): x for name, x in read_state_dict(checkpoint).items()}
    try:
        name = model or recognise(state)
        authors = find_authors_code(name)
        state = authors.prepared(state)
        network: nn.Module = authors.build(state)
        translation = authors.key_map.load(network, state)
        if translation.unknown:
            raise UserError(f"names that {name} does not have: {', '.join(translation.unknown)}")
        run = fitting_run(name, network, data)
    except UserError as error:
        raise UserError(f"{checkpoint}: {error}") from None
    if out is not None:
        save_weights(out / WEIGHTS, network)
        source = {"file": checkpoint.name, "sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest()}
        write_json(out / "config.json", run.config() | {"imported": source})
    return Imported(run, network, translation)


def check_new_folder(out: Path, inputs: Iterable[Path]) -> None:
    """Raises UserError unless `out` is new, or an empty folder, that can be written, and none of `inputs`."""
    if out.exists() and (not out.is_dir() or holds_anything(out)):
        raise UserError(f"{out}: is there already; give a new folder")
    check_not_read(out, inputs)
    check_folder(out)


def recognise(state: dict[str, Tensor]) -> str:
    """The method whose key map knows all names of `state`, or most. Raises UserError when none knows half."""
    known = {}
    for name, method in METHODS.items():
        if method.authors:
            unknown = len(method.authors.key_map.translate(state).unknown)
            known[name] = 1 - unknown / max(1, len(state))
    best = max(known, key=lambda name: known[name])
    if known[best] < 0.5:
        raise UserError(
            f"not the names of any known model; say whose it is with --model, of {', '.join(known)}"
        )
    return best


def fitting_run(name: str, network: nn.Module, data: str | None) -> Run:
    """The first run of the authors' recipes whose model has the parameters of `network`, its audio encoder apart."""
    shapes = _shapes(network)
    for run in _candidates(name, data):
        with torch.device("meta"):
            if _shapes(run.model(pretrained=False)) == shapes:
                return run
    where = f"on {data}" if data else "on any data"
    raise UserError(
        f"fits no recipe of the authors of {name} {where}; give the --data that it was trained on"
    )


def _candidates(name: str, data: str | None) -> Iterator[Run]:
    names = [data] if data else [spec.name for spec in DATASETS.values() if not spec.composed]
    for one in names:
        for schedule in find_run(name, one, "smoke").recipe.schedules:
            if schedule.startswith("authors"):
                yield find_run(name, one, schedule)


def _shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {n: tuple(x.shape) for n, x in model.state_dict().items() if not n.startswith("audio.")}
