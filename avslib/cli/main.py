"""The command line: `avslib train | evaluate | score | ledger | cost | mini | doctor | import`.

Everything heavy is imported inside the commands, so that `avslib --help` answers at once.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import FlagCreatePairsOff, Positional
from tyro.extras import SubcommandApp

from avslib.cli.scoring import evaluate, print_heard, score
from avslib.errors import UserError

if TYPE_CHECKING:
    from avslib.data import Scene

Sound = Literal["right", "silence", "noise", "absent", "visible", "mirrored"]
"""As `avslib.data.Sound`; repeated, because importing it would import torch."""

app = SubcommandApp()
app.command(evaluate)
app.command(score)


@app.command
def train(
    recipe: Positional[str],
    data: str,
    data_dir: Path | None = None,
    schedule: str = "reduced",
    fold: int = 0,
    seed: int = 0,
    deaf: bool = False,
    out: Path | None = None,
    resume: bool = False,
    workers: int = 0,
    checkpoint_every: int = 200,
    ledger: Path | None = None,
) -> None:
    """Train a recipe, score it, and write its record. E.g. avslib train tpavi --data mini/ms3

    Args:
        recipe: a paper's name, or a Python file with a function recipe(data)
        data: e.g. mini/ms3, or avsbench/s4, avsbench/ms3, avss, vpo-ss, vpo-ms, vpo-msmi
        data_dir: the folder of the release, for data that is not AVS-Mini's
        schedule: smoke (seconds), reduced (CPU minutes), full (the paper's)
        fold: which instances are held out
        seed: of the weights, the order and the training scenes
        deaf: replace every sound by zeros: the control that only looks
        out: folder of the run; runs/<recipe>-<data>-<schedule>-f<fold>-s<seed> if not given
        resume: continue from the folder's checkpoint
        workers: processes that prepare the clips
        checkpoint_every: steps between checkpoints within an epoch
        ledger: also put the record into this folder, e.g. results/runs
    """
    from avslib.evaluation.tables import score_table
    from avslib.ledger.record import add_record
    from avslib.methods import find_recipe
    from avslib.methods.run import Run
    from avslib.training.loop import train as train_run

    run = Run(find_recipe(recipe, data, data_dir), schedule, fold=fold, seed=seed, deaf=deaf)
    folder = out or Path("runs") / run.name
    record = train_run(run, out=folder, resume=resume, workers=workers, checkpoint_every=checkpoint_every)
    if _is_first_process():
        if ledger:
            add_record(record, ledger)
        print(score_table(record.metrics))
        print_heard(record.listening)
        print(f"{record.duration}; everything is in {folder}")


@app.command
def ledger(runs: Path = Path("results/runs"), markdown: bool = False, add: Path | None = None) -> None:
    """Print the table of all recorded runs.

    Args:
        runs: the folder of records
        markdown: as markdown, for a page
        add: first put the record of this run folder into the ledger
    """
    from avslib.ledger.record import add_record, read_record
    from avslib.ledger.table import ledger_table

    if add:
        add_record(read_record(add / "record.json"), runs)
    print(ledger_table(runs, markdown=markdown))


@app.command
def cost(device: Literal["cpu", "cuda"] | None = None, markdown: bool = False) -> None:
    """Print what each method costs: parameters, multiply-adds, operations, beside the papers' counts.

    Args:
        device: also measure memory and speed there
        markdown: as markdown, for a page
    """
    from avslib.ledger.cost_table import cost_table

    print(cost_table(device=device, markdown=markdown))


@app.command
def mini(
    action: Positional[Literal["credits", "show", "write"]],
    folder: Positional[Path | None] = None,
    layout: str = "avsbench",
    clips: int = 200,
    index: int = 0,
    subset: str | None = None,
    split: str = "test",
    fold: int = 0,
    seed: int = 0,
    size: int = 224,
    family: str | None = None,
    sound: Sound = "right",
    out: Path = Path("scene"),
) -> None:
    """AVS-Mini: list its authors and licences, write down one scene, or a whole data set in a real layout.

    E.g. avslib mini write --layout vpo data/mini-vpo

    Args:
        action: credits, show (picture.png, masks.png and sound.wav into --out), or write (into the folder)
        folder: where write puts the data set; new, or an earlier part of the same
        layout: write: avsbench or vpo
        clips: write: how many of each subset, over all splits
        index: show: number of the scene
        subset: s4, ms3, avss, vpo-ss, vpo-ms or vpo-msmi; not given: ms3 for show, all of the layout for write
        split: show: train, val or test
        fold: which instances are held out
        seed: of the scenes
        size: side of the picture, pixels
        family: only files that may be published together: permissive, GPL or CC-BY-SA
        sound: show: right, silence, noise, absent, visible or mirrored
        out: show: folder to write into
    """
    from avslib.data import MiniScenes
    from avslib.data.mini import load_pack
    from avslib.data.mini.writer import write_mini

    if action == "write":
        if folder is None:
            raise UserError("avslib mini write: name the folder to write into, e.g. data/mini")
        chosen = () if subset is None else (subset,)
        count = write_mini(
            folder, layout=layout, subsets=chosen, clips=clips, size=size, fold=fold, seed=seed, family=family
        )
        print(f"{folder}: {count} clips in the layout of {layout}")
        return
    if action == "credits":
        for item in load_pack().items:
            print(f"{item.path.name}\t{item.author}\t{item.licence}\t{item.origin}")
        return
    scene = MiniScenes(
        subset or "ms3", split=split, fold=fold, size=size, seed=seed, family=family, length=index + 1
    ).scene(index)
    _write_scene(scene, sound, out)
    names = ", ".join(f"{o.name} {'sounds' if o.sounding.any() else 'is silent'}" for o in scene.objects)
    print(f"{out}: {names}; {scene.licence}")


@app.command
def doctor(folder: Positional[Path], workers: int = 0, csv: Path | None = None) -> None:
    """Tell what is there, missing or corrupt in a folder of AVSBench or VPO. E.g. avslib doctor data/avsbench

    Everything is decoded. The exit status is 1 when there are faults.

    Args:
        folder: what holds Single-source/, Multi-sources/, metadata.csv or VPO/
        workers: processes; as many as there are cores if 0
        csv: write all faults into this file, too
    """
    from avslib.data.doctor import examine

    report = examine(folder, workers=workers)
    if csv:
        report.write_csv(csv)
    print(report)
    if report.faults:
        sys.exit(1)


@app.command(name="import")
def import_(checkpoint: Positional[Path], model: str, out: Path) -> None:
    """Turn a checkpoint of the authors' code into ours.

    Args:
        checkpoint: the authors' file
        model: whose it is, e.g. tpavi
        out: the safetensors file to write
    """
    from avslib.importers import import_checkpoint

    print(import_checkpoint(checkpoint, model=model, out=out))


def main() -> None:
    """Run the command line. A `UserError` ends it with one line and status 2, Ctrl-C with 130."""
    try:
        app.cli(
            prog="avslib",
            description="Audio-visual segmentation: train, score, look.",
            config=(FlagCreatePairsOff,),
        )
    except UserError as error:
        print(f"avslib: error: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader went away: avslib mini credits | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KeyboardInterrupt:
        command = shlex.join(["avslib", *sys.argv[1:]])
        writes = sys.argv[1:3] == ["mini", "write"]
        again = command if writes or "--resume" in sys.argv else f"{command} --resume"
        hint = f"; continue with: {again}" if writes or sys.argv[1:2] == ["train"] else ""
        print(f"avslib: interrupted{hint}", file=sys.stderr)
        sys.exit(130)


def _is_first_process() -> bool:
    return os.environ.get("RANK", "0") == "0"  # set by accelerate launch


def _write_scene(scene: Scene, sound: Sound, out: Path) -> None:
    import numpy as np
    import soundfile
    from PIL import Image

    clip = scene.clip(sound)
    out.mkdir(parents=True, exist_ok=True)
    Image.fromarray(scene.picture.transpose(1, 2, 0)).save(out / "picture.png")
    masks = np.concatenate(list(clip.labels.numpy() != 0), axis=1)  # H, T * W
    Image.fromarray((masks * 255).astype("uint8")).save(out / "masks.png")
    soundfile.write(out / "sound.wav", clip.waveform.T.numpy(), clip.sample_rate)


if __name__ == "__main__":
    main()
