"""The commands that make models: `avslib train` one, `avslib import` the authors'."""

from __future__ import annotations

import os
from pathlib import Path

from tyro.conf import Positional

from avslib.cli.scoring import print_counterfactual
from avslib.errors import check_number

LARGEST_SEED = 2**32 - 1
"""As far as every library's generators go."""


def train(
    method: Positional[str],
    data: str,
    data_dir: Path | None = None,
    schedule: str = "reduced",
    fold: int = 0,
    seed: int = 0,
    sound_blind: bool = False,
    out: Path | None = None,
    resume: bool = False,
    workers: int = 0,
    checkpoint_every: int = 200,
    ledger: Path | None = None,
) -> None:
    """Train a method, score it, and write its record. E.g. avslib train tpavi --data mini/ms3

    Args:
        method: tpavi, avsegformer, pcmanet, a variant of one, e.g. pcmanet-no-masking, or a Python file with METHOD
        data: e.g. mini/ms3, or avsbench/s4, avsbench/ms3, avss, vpo-ss, vpo-ms, vpo-msmi
        data_dir: the folder of the release, for data that is not AVS-Mini's
        schedule: smoke (seconds), reduced (CPU minutes), full (the paper's)
        fold: which instances are held out
        seed: of the weights, the order and the training scenes
        sound_blind: replace every sound by zeros: the control that only looks
        out: folder of the run; runs/<method>-<data>-<schedule>-f<fold>-s<seed> if not given
        resume: continue from the folder's checkpoint
        workers: processes that prepare the clips
        checkpoint_every: steps between checkpoints within an epoch
        ledger: also put the record into this folder, e.g. results/runs
    """
    check_number("--workers", workers, 0)
    check_number("--checkpoint-every", checkpoint_every, 1)
    check_number("--fold", fold, 0)
    check_number("--seed", seed, 0, LARGEST_SEED)

    from avslib.evaluation.tables import score_table
    from avslib.files import check_folder
    from avslib.ledger.record import add_record
    from avslib.ledger.run_folder import check_run_folder
    from avslib.methods.resolve import find_run
    from avslib.training.loop import train as train_run

    run = find_run(
        method, data, schedule, fold=fold, seed=seed, sound_blind=sound_blind, data_dir=data_dir
    )  # fmt: skip
    folder = out or Path("runs") / run.name
    check_run_folder(run, folder, resume=resume)
    run.data.check(run.data_dir, fold)
    if run.data.composed:
        run.clips("train")  # knows its folds, and is quick to ask
    if ledger:
        check_folder(ledger, "--ledger")
    record = train_run(run, out=folder, resume=resume, workers=workers, checkpoint_every=checkpoint_every)
    if os.environ.get("RANK", "0") == "0":  # set by accelerate launch
        if ledger:
            add_record(record, ledger)
        print(score_table(record.metrics))
        print_counterfactual(record.counterfactual)
        print(f"{record.duration}; everything is in {folder}")


def import_(
    checkpoint: Positional[Path], out: Path, model: str | None = None, data: str | None = None
) -> None:
    """Turn a checkpoint of the authors' code into a run: avslib import S4_res50.pth --out runs/theirs

    Afterwards: avslib evaluate runs/theirs --data-dir DIR, or avslib.load("runs/theirs") in Python.

    Args:
        checkpoint: the authors' file
        out: the folder to write
        model: whose it is, e.g. tpavi; recognised by its names if not given
        data: what it was trained on, e.g. avsbench/ms3; S4 if the weights cannot tell
    """
    from avslib.importers import import_checkpoint

    print(import_checkpoint(checkpoint, model=model, data=data, out=out))
    print(f"{out}: score it with avslib evaluate {out} --data-dir DIR")
