"""What `import avslib` offers: models and data by name, prediction, evaluation, your own video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch

from avslib.data.mini.pack import CORE_CLASSES
from avslib.data.registry import find_data
from avslib.errors import UserError, check_number
from avslib.evaluation.evaluate import Scores
from avslib.evaluation.evaluate import evaluate as score_clips
from avslib.evaluation.score import choose_protocols, load_run, load_state
from avslib.importers.checkpoint import import_checkpoint
from avslib.methods import METHODS
from avslib.methods.networks import paper_model
from avslib.methods.resolve import find_method
from avslib.methods.segmenter import Preprocessing, Segmenter
from avslib.training.starter import MINUTES, is_trained, starter_run, train_starter
from avslib.types import Clips
from avslib.video import Report, Wanted, check_wanted, segment_video


def list_models(*, variants: bool = False) -> list[str]:
    """The names that `create_model` takes; with `variants`, also the rows of the papers' ablation tables."""
    return [
        name
        for method in METHODS.values()
        for name in (method.name, *(f"{method.name}-{v}" for v in method.variants if variants))
    ]


def create_model(
    name: str, *, backbone: str = "resnet50", classes: int = 1, pretrained: bool = True
) -> Segmenter:
    """A model of its paper's size, in evaluation mode.

    name:       of a method, e.g. "tpavi", or of a variant of one, e.g. "pcmanet-no-masking"
    backbone:   "resnet50", "pvt_v2_b5", "swin_b" or "efficientnet_lite0"
    classes:    K: 1 for binary masks, else the classes and the background
    pretrained: encoders start from their public weights; False gives random ones

    Raises UserError for unknown names, listing the known ones, and when no public weights are found.
    """
    found = find_method(name)
    if classes < 1:
        raise UserError(f"classes={classes}: 1 for binary masks, 2 or more with classes and a background")
    model = paper_model(
        network=found.method.build, encoders=found.method.encoders, backbone=backbone, pretrained=pretrained,
        classes=classes, **found.method.changes(found.variant),
    )  # fmt: skip
    data = find_data("avsbench/s4" if classes == 1 else "avss")
    recipe = found.method.recipe(data, {})
    names = data.names if classes == data.classes else ()
    model.preprocessing = Preprocessing(  # type: ignore[assignment]
        recipe.front_end(), recipe.schedules["full"].size, data.seconds, names
    )
    return cast(Segmenter, model.eval())


def load(path: Path | str, *, model: str | None = None) -> Segmenter:
    """A trained model, in evaluation mode on the CPU: a run's folder, or a checkpoint of an authors' code.

    model: whose checkpoint it is, e.g. "tpavi"; recognised by its names if not given

    Raises UserError as `load_run` and `import_checkpoint` do.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return cast(Segmenter, load_run(path)[1])
    if not path.is_file():
        raise UserError(
            f"{path}: no such run or checkpoint; give a folder that avslib train wrote, or a file"
        )
    imported = import_checkpoint(path, model=model)
    trained = imported.run.model(pretrained=False)
    load_state(trained, imported.model.state_dict())
    return cast(Segmenter, trained.eval())


def open_data(
    name: str,
    split: str = "test",
    *,
    data_dir: Path | str | None = None,
    size: int | None = 224,
    fold: int = 0,
    length: int = 200,
) -> Clips:
    """A split of a data set: `len(data)`, `data[i] -> Clip`.

    name:     e.g. "mini/ms3", "avsbench/ms3", "avss", "vpo-ss"
    split:    "train", "val" or "test"; AVS-Mini also has "test-seen"
    data_dir: the folder of a benchmark's release
    size:     side of the square pictures, pixels; None for a benchmark's pictures as they are
    fold, length: of AVS-Mini: which instances are held out, and how many scenes

    Raises UserError for unknown names, listing the known ones, for numbers out of range, and as the readers do.
    """
    if size is not None:
        check_number("size", size, 1)
    check_number("fold", fold, 0)
    check_number("length", length, 1)
    return find_data(name).open(split, folder=data_dir, size=size, fold=fold, length=length)


def evaluate(
    model: Segmenter, data: Clips, protocols: str | Sequence[str] = (), *, batch_size: int = 4
) -> Scores:
    """{protocol: {number: value}} of `model` on `data`, which `open_data` gave at the model's size.

    protocols: names, e.g. "avsbench-binary", or "all"; if not given, the benchmark's own and a global count

    Raises UserError for an unknown protocol, data at another size, and a model without preprocessing.
    """
    check_number("batch_size", batch_size, 1)
    known = model.preprocessing
    if known is None:
        raise UserError("this model does not know its preprocessing; get it from create_model or load")
    spec, size = getattr(data, "spec", None), getattr(data, "size", None)
    if None not in (size, known.size) and size != known.size:
        raise UserError(
            f"pictures of {size} pixels, and a model for {known.size}; open_data(..., size={known.size})"
        )
    if spec is None:
        raise UserError("data of unknown name; get it from open_data")
    only = (protocols,) if isinstance(protocols, str) else tuple(protocols)
    chosen = choose_protocols(spec.protocols(), only, classes=max(2, spec.classes))
    together = batch_size if size else 1  # pictures of several sizes cannot be stacked
    return score_clips(model, data, known.front_end, chosen, batch_size=together)


def segment(
    path: Path | str,
    model: Segmenter | Path | str | None = None,
    *,
    out: Path | str | None = None,
    sound: Path | str | None = None,
    audio_track: int | None = None,
    every_frame: bool = False,
    masks: Path | str | None = None,
    report: Path | str | None = None,
    overwrite: bool = False,
    device: str | None = None,
    progress: bool = False,
) -> Report:
    """Paint what sounds in a video, and write it with its sound. Any length: no more than a clip is held.

    path:        a video of any format, size and rate that PyAV reads; or one picture, with `sound`
    model:       from `load` or `create_model`, or what `load` takes; None: a small one, trained once on AVS-Mini
    out:         mp4, mov, mkv or webm; if not given `<path>-segmented.mp4` in the folder one is in
    sound:       a file whose sound is heard in place of the video's
    audio_track: which track of several is heard, counted from 0
    every_frame: a mask for every frame; else one a second, of its middle, which is held
    masks:       also the masks: a new folder of SECOND.png, or a video; 0 and 255, or labels
    report:      also the returned report as JSON
    overwrite:   replace what is there
    device:      where the model works; if not given, where a given model is, else cuda where there is one

    Raises UserError before any work for what is missing, not a video, already there or also read, a track that is not
    there; later when the disk refuses. Then, and after Ctrl-C, nothing half-written is left.
    """
    wanted = Wanted(
        video=Path(path).expanduser(), out=Path(out or f"{Path(path).stem}-segmented.mp4").expanduser(),
        sound=_path(sound), audio_track=audio_track, every_frame=every_frame, masks=_path(masks),
        report=_path(report), overwrite=overwrite, progress=progress,
    )  # fmt: skip
    check_wanted(wanted)
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch finds no GPU here; leave it out, or give cpu")
    name, chosen = (type(model).__name__, model) if isinstance(model, Segmenter) else _named_model(model)
    if device is None and chosen is not model:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return segment_video(wanted, chosen if device is None else chosen.to(device), model_name=name)


def _path(given: Path | str | None) -> Path | None:
    return None if given is None else Path(given).expanduser()


def _named_model(given: Path | str | None) -> tuple[str, Segmenter]:
    """What `load` gives, or the model to start with; and in words what it is."""
    if given is not None:
        return str(given), load(given)
    run, folder = starter_run()
    known = f"{run.title}, trained on AVS-Mini: knows {', '.join(CORE_CLASSES)}, and nothing else"
    if not is_trained(folder):
        print(f"no --model: training a small one, once; about {MINUTES} minutes on a CPU ({known})")
    return known, load(train_starter())
