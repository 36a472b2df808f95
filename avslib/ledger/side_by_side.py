"""The methods at one picture size, encoder and budget: what they cost, and what they mark when they hear three sounds."""

from __future__ import annotations

from pathlib import Path

import torch

from avslib.audio.frontends import RATE
from avslib.evaluation.tables import lay_out
from avslib.ledger.cost import multiply_adds
from avslib.ledger.record import RUNS, read_records
from avslib.ledger.summary import SOUNDS, scores_and_minutes
from avslib.methods import METHODS
from avslib.methods.cost import FRAMES
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.types import Batch

HEAD = ["method", "M parameters", "G multiply-adds", "runs", *SOUNDS.values(), "minutes"]


def side_by_side(
    folder: Path = RUNS, *, data: str = "mini/ms3", schedule: str = "compare", markdown: bool = False
) -> str:
    """A line a method, the variants left out; "not run" where no run is.

    Parameters and multiply-adds are of the network that the schedule trains, encoders included, for a clip of five frames
    of its size; scores and minutes as in `summary_table`.
    """
    records = [run for run in read_records(folder) if (run.data, run.schedule) == (data, schedule)]
    lines = []
    for name, method in METHODS.items():
        parameters, products = cost_of(find_run(name, data, schedule))
        mine = [run for run in records if (run.method, run.sound_blind) == (name, False)]
        cost = [f"{parameters / 1e6:.2f}", f"{products / 1e9:.2f}"]
        lines.append([method.title, *cost, *scores_and_minutes(mine)])
    return lay_out(HEAD, lines, markdown)


def cost_of(run: Run) -> tuple[int, int]:
    """(parameters, multiply-adds of convolutions and linear layers for one clip), of random weights."""
    silence = torch.zeros(run.data.sound_channels, int(RATE * max(FRAMES, run.data.sound_seconds)))
    shape = run.front_end()(silence, RATE, frames=FRAMES).shape
    model, size = run.model(pretrained=False).eval(), run.plan.size
    frames, labels = torch.zeros(1, FRAMES, 3, size, size), torch.zeros(1, FRAMES, size, size)
    every = torch.ones(1, FRAMES, dtype=torch.bool)
    batch = Batch(frames, torch.zeros(1, *shape), labels, every, every)
    with torch.inference_mode(), multiply_adds(model) as layers:
        model(batch)
    return sum(p.numel() for p in model.parameters()), sum(layers)
