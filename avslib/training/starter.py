"""A model to start with: the reduced TPAVI, trained once a machine."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from avslib.encoders.weights import cache_folder
from avslib.errors import UserError
from avslib.methods.resolve import find_run
from avslib.methods.run import Run, fingerprint
from avslib.training.loop import train

METHOD, DATA, SCHEDULE = "tpavi", "mini/ms3", "reduced"
MINUTES = 7
"""What its records say, on one CPU thread and with the encoders' pretraining."""

LOCK_SECONDS = 3600


def starter_run() -> tuple[Run, Path]:
    """The run, and its folder in the cache, which carries a hash of all that decides the run."""
    run = find_run(METHOD, DATA, SCHEDULE)
    return run, cache_folder() / "models" / f"{run.name}-{fingerprint(run.config())[:12]}"


def is_trained(folder: Path) -> bool:
    """Whether the run in `folder` was finished."""
    return (folder / "record.json").is_file()


def train_starter() -> Path:
    """The folder of the finished run. Training that was interrupted goes on; a second process waits for the first.

    Raises UserError when the cache cannot be written, or another process takes an hour.
    """
    run, folder = starter_run()
    if is_trained(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock", timeout=LOCK_SECONDS):
            if not is_trained(folder):
                train(run, out=folder, resume=(folder / "checkpoint.pt").exists())
    except Timeout:
        raise UserError(f"{folder}: another process has been training it for an hour; give --model") from None
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written ({error.strerror}); set AVSLIB_CACHE to a folder that can, or give --model"
        ) from None
    return folder
