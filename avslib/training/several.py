"""Several trainings that a page compares: on a CPU side by side, on a GPU one after the other.

    record, other = train_several([run, baseline], [folder, other_folder])

Small networks gain little from a second thread: two trainings on one thread each take hardly longer than one on both.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from avslib.errors import UserError
from avslib.ledger.record import Record
from avslib.ledger.run_folder import check_run_folder
from avslib.methods.run import Run
from avslib.training.loop import train


def train_several(runs: Sequence[Run], folders: Sequence[Path]) -> list[Record]:
    """Train each run into its folder; their records, in the same order.

    Where there is no GPU and a thread for each, the first trains here, with its bar, and the others meanwhile, each in
    a process of its own and on an equal share of the threads.

    Raises UserError as `train` does: for every folder before any work, for the first run as it happens, for the others
    once the first has ended. Whatever still trains then is stopped.
    """
    for run, folder in zip(runs, folders, strict=True):
        check_run_folder(run, folder)
    threads = torch.get_num_threads() // max(1, len(runs))
    if torch.cuda.is_available() or threads < 1 or len(runs) < 2:
        return [train(run, out=folder) for run, folder in zip(runs, folders)]
    with trained_beside(runs[1:], folders[1:], threads) as others:
        first = train(runs[0], out=folders[0])
        return [first, *(heard_of(other, folder) for other, folder in zip(others, folders[1:]))]


@contextmanager
def trained_beside(runs: Sequence[Run], folders: Sequence[Path], threads: int) -> Iterator[list[Connection]]:
    """Trainings in processes of their own, and where each will send its record; `threads` for each, and for this one."""
    before, spawn = torch.get_num_threads(), get_context("spawn")
    pipes = [spawn.Pipe(duplex=False) for _ in runs]
    processes = [
        spawn.Process(target=train_quietly, args=(run, folder, threads, end), daemon=True)
        for run, folder, (_, end) in zip(runs, folders, pipes)
    ]
    torch.set_num_threads(threads)
    try:
        for process, (_, end) in zip(processes, pipes):
            process.start()
            end.close()  # or a process that dies would be waited for
        yield [ours for ours, _ in pipes]
    finally:
        torch.set_num_threads(before)
        for process in processes:
            if process.pid:
                process.terminate()
                process.join()


def train_quietly(run: Run, folder: Path, threads: int, end: Connection) -> None:
    """In the other process: `train` without a second bar; sends the record, or the UserError."""
    torch.set_num_threads(threads)
    try:
        with redirect_stderr(io.StringIO()):
            record = train(run, out=folder)
    except UserError as error:
        end.send(error)
    else:
        end.send(record)


def heard_of(other: Connection, folder: Path) -> Record:
    """The record that another process sends; its UserError is raised."""
    try:
        found: Record | UserError = other.recv()
    except EOFError:
        raise UserError(
            f"{folder}: the training broke off, perhaps for want of memory; train it alone"
        ) from None
    if isinstance(found, UserError):
        raise found
    return found
