"""The commands for your own video: `avslib segment` paints it, `avslib models` lists what can do so."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg


def segment(
    video: Positional[Path],
    out: Annotated[Path | None, arg(aliases=("-o",))] = None,
    model: Path | None = None,
    sound: Path | None = None,
    audio_track: int | None = None,
    every_frame: bool = False,
    masks: Path | None = None,
    report: Path | None = None,
    overwrite: bool = False,
    device: Literal["cpu", "cuda"] | None = None,
) -> None:
    """Paint what sounds in a video. E.g. avslib segment clip.mp4 -o painted.mp4 --model runs/first

    Args:
        video: any file that PyAV reads; or one picture, with --sound
        out: the painted video, mp4, mov, mkv or webm; <video>-segmented.mp4 in this folder if not given
        model: a run's folder or an authors' checkpoint; without it a small one is trained once, on AVS-Mini
        sound: a file whose sound is heard in place of the video's
        audio_track: which of several tracks is heard, counted from 0
        every_frame: a mask for every frame, in place of one a second that is held
        masks: also the masks: a new folder of png, or a video (mp4, mov, mkv)
        report: also what was heard and marked in each second, as JSON
        overwrite: replace what is there
        device: cuda where there is one, else cpu, if not given
    """
    from avslib.front_door import segment as paint

    told = paint(
        video, model, out=out, sound=sound, audio_track=audio_track, every_frame=every_frame, masks=masks,
        report=report, overwrite=overwrite, device=device, progress=True,
    )  # fmt: skip
    for note in told.notes:
        print(f"avslib: note: {note}", file=sys.stderr)
    print(told)


def models(runs: Path = Path("runs")) -> None:
    """List what --model takes: trained runs, imported checkpoints, the model to start with; and what each knows.

    Args:
        runs: the folder of runs
    """
    from avslib.ledger.models import model_table
    from avslib.training.starter import starter_run

    print(model_table([runs, starter_run()[1].parent]))
