"""The command that takes a model out of the library: `avslib export`."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional

from avslib.errors import UserError, check_number


def export(
    run: Positional[Path],
    out: Positional[Path],
    model: str | None = None,
    clip_length: int | None = None,
    size: int | None = None,
    any_size: bool = False,
) -> None:
    """Write a trained model as one file that needs no avslib. E.g. avslib export runs/mine mine.onnx

    Frames (T, 3, H, W) uint8 and the sound's pictures (T, A, F, M) go in, logits (T, K, H, W) come out. How a sound
    becomes pictures stands in the file, as JSON. For .onnx: pip install avslib[export]

    Args:
        run: the folder that avslib train or avslib import wrote, or a checkpoint of an authors' code
        out: the file to write: .onnx, or .pt2 for a program of torch.export
        model: whose checkpoint it is, e.g. tpavi; recognised by its names if not given
        clip_length: T, if it is to be fixed
        size: side of the square pictures, pixels; the model's own if not given
        any_size: instead, H and W are any multiples of 32 from 64 on, though not in .onnx of pcmanet and cpm; large networks take minutes
    """
    for name, number, least in (("--clip-length", clip_length, 1), ("--size", size, 32)):
        if number is not None:
            check_number(name, number, least)
    if any_size and size is not None:
        raise UserError(f"--size {size}: leave it out, or --any-size")
    if not run.exists():
        raise UserError(f"{run}: no such run or checkpoint; give a folder that avslib train wrote, or a file")

    from avslib.export import check_target, export_onnx, export_pt2
    from avslib.files import check_not_read
    from avslib.front_door import load

    check_target(out, ".onnx", ".pt2")
    check_not_read(out, [run], "the file")
    write = export_onnx if out.suffix == ".onnx" else export_pt2
    write(load(run, model=model), out, clip_length=clip_length, size=size, any_size=any_size)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
