"""A trained model as one file that needs no avslib: a `torch.export` program (.pt2) or ONNX.

The graph takes `frames` (T, 3, H, W) uint8, the pixels of one frame a second as they were decoded, and `sound`
(T, A, F, M) float32, the front end's picture of each second. It gives `logits` (T, K, H, W) float32: of one clip, all of
whose seconds are there. Normalising the pixels is part of the graph; turning a waveform into `sound` is not.

    method       T      H, W with `any_size`, multiples of 32 from 64 on
    pcmanet      free   free in a .pt2; fixed in ONNX, see `ONE_SIZE`
    cpm          free   traced, but not yet compared with the model at other sizes; refused in ONNX
    the others   free   free

Without `any_size` H and W are the model's own: then tracing takes less time, and fewer things can go wrong.

What an input has to be is written into the file as JSON, by `description`: in ONNX as the metadata property "avslib", in
a .pt2 as the extra file "avslib.json". Its `front_end` is enough to make `sound` with NumPy alone, out of a wave at its
`sample_rate`, one ear after another, or out of their mean where `channels` is 1:

    piece     frame t hears `frame_seconds` from t * frame_seconds on; with `centred` those about t + 1/2 seconds, moved
              inside the sound, reflected at both ends by `padding` samples. Too short a sound: the last whole piece
              again, or with `centred` the sound from its start
    windows   every `hop` samples `window` of them, times a periodic Hann window; `windows` of them, F, are kept.
              With a padding they lie in the middle of `fft` samples, whose other ends are zeros
    strength  |rfft(., fft)| ** power, times (fft / 2 + 1, bins) triangles from `low` to `high` hertz: bins + 2 corners,
              evenly apart in mel = 1127 ln(1 + hertz / 700); 0, 1, 0 at three neighbours, straight in `straight_in`
    log       the formula of that name, of x
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from avslib.errors import UserError, check_number
from avslib.files import check_file, write_atomically
from avslib.methods.run import SoundBlind, described
from avslib.methods.segmenter import Preprocessing, Segmenter
from avslib.types import Batch

STRIDE = 32
"""Sides of an `any_size` graph are multiples of it, and not itself: each map of an encoder has whole pixels, and several,
for a side of one is a case of its own to `torch.export`."""

AXES = {"frames": "T3HW", "sound": "TAFM", "logits": "TKHW"}
"""The tensors that go in and come out, and their axes."""

LONGEST = 3600
"""Seconds; a graph with a free T has to know a bound."""

OPSET = 20
"""GridSample, of which deformable attention is made, came with 16 and has its present form since 20."""

ONE_SIZE = {
    "PCMANet": "adaptive_avg_pool2d, whose windows torch's ONNX exporter computes for the traced size; .pt2 can",
    "CPM": "nobody has compared it with the model yet",
}
"""Models that have no ONNX of `any_size`, and what is in the way."""

NAME = "avslib"
"""Under which the description stands in an ONNX file; with ".json" in a .pt2."""


class _OneClip(nn.Module):
    """The model, with everything that never varies when it answers built in."""

    def __init__(self, model: Segmenter) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor, sound: Tensor) -> Tensor:
        """frames (T, 3, H, W), sound (T, A, F, M) -> (T, K, H, W)."""
        every = torch.ones(1, frames.shape[0], dtype=torch.bool)
        labels = torch.zeros(1, frames.shape[0], *frames.shape[2:], dtype=torch.long)
        logits: Tensor = self.model(Batch(frames[None], sound[None], labels, every, every)).logits
        return logits[0]


def export_program(
    model: Segmenter, *, clip_length: int | None = None, size: int | None = None, any_size: bool = False
) -> ExportedProgram:
    """The model's graph, frames and sound in, logits out, as above. The model is put into evaluation mode.

    clip_length: T, where it is to be fixed
    size:        side of the square pictures, pixels; None: what `model.preprocessing` says
    any_size:    instead, all H and W that are multiples of 32, from 64 on, which takes minutes for a large network

    Raises UserError for a model without preprocessing or size, numbers out of range, and what cannot be traced.
    """
    known = _preprocessing(model)
    seconds, picture = _sides(known, clip_length, size, any_size)
    frames = torch.zeros(seconds, 3, *picture, dtype=torch.uint8)
    sound = _silence(known, seconds)
    free: Any = Dim.STATIC if clip_length else Dim("T", min=1, max=LONGEST)
    height, width = (STRIDE * Dim(n, min=2, max=128) if any_size else Dim.STATIC for n in ("h", "w"))
    shapes = ({0: free, 2: height, 3: width}, {0: free})
    try:
        with torch.no_grad():
            return torch.export.export(
                _OneClip(model.eval()), (frames, sound), dynamic_shapes=shapes, strict=False
            )
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{type(model).__name__} cannot be exported: {_first_line(error)}") from error


def export_onnx(
    model: Segmenter,
    path: Path | str,
    *,
    clip_length: int | None = None,
    size: int | None = None,
    any_size: bool = False,
) -> None:
    """Write the model as ONNX, weights and description in one file; the last step is a renaming.

    The options are those of `export_program`.

    Raises UserError as `check_target` and `export_program` do, and when the disk refuses.
    """
    path = Path(path)
    check_target(path, ".onnx")
    if any_size and (reason := ONE_SIZE.get(type(model).__name__)):
        raise UserError(f"{type(model).__name__} has no ONNX of any size: {reason}; give a size")
    program = export_program(model, clip_length=clip_length, size=size, any_size=any_size)
    try:
        made = torch.onnx.export(
            program, (), dynamo=True, opset_version=OPSET, verbose=False,
            input_names=["frames", "sound"], output_names=["logits"],
        )  # fmt: skip
        if made is None:
            raise RuntimeError("the exporter gave nothing back")
        made.rename_axes(_letters(program))
        made.model.metadata_props[NAME] = json.dumps(description(model, program))
        content = made.model_proto.SerializeToString()
    except Exception as error:
        raise UserError(f"{type(model).__name__} cannot be written as ONNX: {_first_line(error)}") from error
    _put(path, content)


def export_pt2(model: Segmenter, path: Path | str, **options: Any) -> None:
    """Write the `torch.export` program, to be read by `torch.export.load`; as `export_onnx`, which explains the options."""
    path = Path(path)
    check_target(path, ".pt2")
    program = export_program(model, **options)
    extra = {f"{NAME}.json": json.dumps(description(model, program))}
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files=extra)
    _put(path, buffer.getvalue())


def check_target(path: Path, *suffixes: str) -> None:
    """Raises UserError unless a file `path` with one of the suffixes can be written here, with the packages it needs."""
    if path.suffix not in suffixes:
        raise UserError(f"{path}: give a name that ends in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}; make it first")
    check_file(path, "the file", b"\x08" if path.suffix == ".onnx" else b"PK")  # a protobuf's version, a zip
    for package in ("onnx", "onnxscript") if path.suffix == ".onnx" else ():
        if find_spec(package) is None:
            raise UserError(
                f"{path}: needs the package {package}; pip install avslib[export], or end in .pt2"
            )


def description(model: Segmenter, program: ExportedProgram) -> dict[str, Any]:
    """What somebody has to know who has only the file, as JSON data.

    frames, sound, logits: their shapes; what is free is its letter
    binary:    one logit, above 0 where it sounds; else the largest of K, of which 0 is the background
    classes:   names of labels 1 .. K-1, where known
    size:      side of the square pictures, which are resized bilinearly; null where the picture's own may be given
    sound_blind: trained with `sound` all zeros, and to be asked so
    front_end: see `LogMel.settings`
    """
    known = _preprocessing(model)
    front_end = known.front_end
    blind = isinstance(front_end, SoundBlind)
    hears = front_end.front_end if isinstance(front_end, SoundBlind) else front_end
    letters = _letters(program)
    shapes = {
        name: [side if isinstance(side, int) else letters[str(side)] for side in shape]
        for name, shape in _shapes(program).items()
    }
    height = shapes["frames"][2]
    return {
        **shapes,
        "binary": shapes["logits"][1] == 1,
        "classes": list(known.names),
        "size": height if isinstance(height, int) else None,
        "sound_blind": blind,
        "front_end": getattr(hears, "settings", None) or described(hears),
    }


def _shapes(program: ExportedProgram) -> dict[str, Sequence[Any]]:
    """{"frames": its sides, ...}: numbers, and symbols of what is free."""
    values = {node.name: node.meta["val"] for node in program.graph.nodes if "val" in node.meta}
    signature = program.graph_signature
    return {
        name: values[node].shape
        for name, node in zip(AXES, (*signature.user_inputs, *signature.user_outputs))
    }


def _letters(program: ExportedProgram) -> dict[Any, str]:
    """{symbol: letter} of the sides that are free."""
    sides = [each for name, shape in _shapes(program).items() for each in zip(shape, AXES[name])]
    return {str(side): letter for side, letter in sides if not isinstance(side, int)}


def _put(path: Path, content: bytes) -> None:
    write_atomically(path, lambda file: file.write(content), then="choose another file")


def _preprocessing(model: Segmenter) -> Preprocessing:
    if model.preprocessing is None:
        raise UserError("this model does not know its preprocessing; get it from create_model or load")
    return model.preprocessing


def _sides(
    known: Preprocessing, clip_length: int | None, size: int | None, any_size: bool
) -> tuple[int, tuple[int, int]]:
    """T and (H, W) of the example that is traced. Unequal where they are free: nothing may be concluded from equal ones."""
    if clip_length is not None:
        check_number("clip length", clip_length, 1)
    if any_size and size is not None:
        raise UserError(f"size {size}: leave it out, or any size")
    if any_size:
        return clip_length or 3, (2 * STRIDE, 3 * STRIDE)
    side = size or known.size
    if side is None:
        raise UserError("this model sees pictures in their own size: give a size, or any size")
    check_number("size", side, STRIDE)
    return clip_length or 3, (side, side)


def _silence(known: Preprocessing, seconds: int) -> Tensor:
    """(T, A, F, M) zeros in the shape of what the front end gives."""
    front_end = known.front_end
    hears = front_end.front_end if isinstance(front_end, SoundBlind) else front_end
    ears = getattr(hears, "channels", None) or 1
    return torch.zeros_like(front_end(torch.zeros(ears, 16000), 16000, frames=seconds))


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"
