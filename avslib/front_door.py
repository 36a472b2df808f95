"""What `import avslib` offers: models and data by name, prediction, evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

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
from avslib.types import Clips


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
    recipe = found.method.recipe(find_data("avsbench/s4" if classes == 1 else "avss"), {})
    model.preprocessing = Preprocessing(recipe.front_end(), recipe.schedules["full"].size)  # type: ignore[assignment]
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
