"""The commands that score: `avslib evaluate` a run, `avslib score` a folder of masks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from avslib.errors import UserError, check_number

By = Literal["sources", "part"]


def evaluate(
    run: Positional[Path],
    data_dir: Path | None = None,
    split: str = "test",
    protocol: tuple[str, ...] = (),
    by: By | None = None,
    per_class: bool = False,
    counterfactual: bool = False,
    save: Path | None = None,
    save_logits: bool = False,
) -> None:
    """Score a trained run again. E.g. avslib evaluate runs/tpavi-mini-ms3-reduced-f0-s0 --protocol all

    Args:
        run: the folder that avslib train or avslib import wrote
        data_dir: where the benchmark lies now, if not where it lay when the run was trained
        split: which clips, e.g. val or test
        protocol: names of protocols, or all; the data's own if not given
        by: also apart: sources (how many classes sound) or part (v1s, v1m, v2)
        per_class: also class by class
        counterfactual: also with silence, noise and wrong sounds, where the clips are composed scenes
        save: write the predicted masks into this folder, as png
        save_logits: and the logits beside them
    """
    from avslib.data.readers.paths import holds_anything
    from avslib.evaluation.counterfactual import counterfactual as scores_by_sound
    from avslib.evaluation.score import choose_protocols, load_run
    from avslib.evaluation.score import score as score_run
    from avslib.evaluation.tables import class_table, score_table
    from avslib.files import check_folder, check_not_read

    if save_logits and save is None:
        raise UserError("--save-logits: say where, with --save DIR")
    if save is not None:
        check_not_read(save, [run, data_dir], "--save")
        check_folder(save, "--save")
        if save.is_dir() and holds_anything(save):
            raise UserError(f"{save}: not an empty folder; save predictions into a new one")
    trained, model = load_run(run, data_dir=data_dir)
    chosen = choose_protocols(trained.data.protocols(), protocol)
    scores = score_run(trained, model, split, protocols=chosen, by=by or "", folder=save, logits=save_logits)
    print(score_table({split: scores}))
    if per_class:
        names = getattr(trained.clips(split), "classes", ())
        print(*filter(None, (class_table(each, names) for each in chosen)), sep="\n")
    if counterfactual:
        print_counterfactual(scores_by_sound(trained, model))


def score(
    folder: Positional[Path],
    data: str | None = None,
    truth: Path | None = None,
    data_dir: Path | None = None,
    split: str | None = None,
    fold: int | None = None,
    clips: int | None = None,
    size: int | None = None,
    num_classes: int = 2,
    protocol: tuple[str, ...] = ("all",),
    by: By | None = None,
    per_class: bool = False,
    logits: bool = False,
) -> None:
    """Score masks in files, of any program. E.g. avslib score masks --data avss --data-dir DIR --protocol all

    The folder holds CLIP/SECOND.png, seconds counted from 0: 0 and 255, or labels, or AVSBench's colours.
    What is not given is taken from the predictions.json that avslib evaluate --save writes.

    Args:
        folder: the predicted masks
        data: what they are predictions of, e.g. mini/ms3, avsbench/s4, avss
        truth: instead: a folder of true masks with the same file names
        data_dir: the folder of the release, for data that is not AVS-Mini's
        split: of the data; test if not given
        fold: of AVS-Mini; 0 if not given
        clips: of AVS-Mini, how many scenes; 200 if not given
        size: side of the masks, pixels; 0 for a real benchmark's own sizes; 224 if not given
        num_classes: with --truth: how many classes there are, background included
        protocol: names of protocols, or all
        by: also apart: sources (how many classes sound) or part (v1s, v1m, v2)
        per_class: also class by class
        logits: score the logits beside the masks, not the masks
    """
    for name, number, least in (("--fold", fold, 0), ("--clips", clips, 1), ("--size", size, 0)):
        if number is not None:
            check_number(name, number, least)
    check_number("--num-classes", num_classes, 2)

    from avslib.evaluation.score import choose_protocols
    from avslib.evaluation.score_folder import score_folder
    from avslib.evaluation.tables import class_table, score_table
    from avslib.evaluation.truth import FolderTruth, find_truth

    given = {"data": data, "split": split, "fold": fold, "clips": clips, "size": size}
    answer = FolderTruth(truth, classes=num_classes) if truth else find_truth(folder, given, data_dir)
    chosen = choose_protocols([], protocol, classes=answer.classes)
    scores = score_folder(folder, answer, chosen, logits=logits, by=by or "")
    print(score_table({"logits" if logits else "masks": scores}))
    if per_class:
        print(*filter(None, (class_table(each, answer.names) for each in chosen)), sep="\n")


def print_counterfactual(scores: dict[str, float]) -> None:
    """One line: the foreground IoU under every sound; nothing where none was tried."""
    if scores:
        numbers = "  ".join(f"{sound} {value:.4f}" for sound, value in scores.items())
        print(f"foreground IoU by sound: {numbers}")
