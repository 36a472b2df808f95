"""What one GPU made of the methods at their papers' size, as a table of `benchmarks/gpu.py`'s file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avslib.errors import UserError
from avslib.evaluation.tables import lay_out

GPU = Path("results/gpu.json")
"""Where a clone keeps what it publishes."""

HEAD = [
    "method", "clips a step", "bf16, ms", "float32, ms", "clips/s", "MB", "share of peak", "CPU = GPU",
    "bf16 = float32", "compiled",
]  # fmt: skip


def gpu_table(path: Path = GPU, markdown: bool = False) -> str:
    """A line a method, and one on the card, the versions and the chapter. "GPU: not run" without the file.

    A dash: not measured, or not yet; "failed" or "stopped": the file says why. Raises UserError for a damaged file.
    """
    if not path.is_file():
        return "GPU: not run"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        lines = [_line(name, found) for name, found in content["methods"].items()]
        told = _caption(content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: not what benchmarks/gpu.py writes ({error!r}); delete it or run that again"
        ) from None
    gap = "\n\n" if markdown else "\n"
    return f"{lay_out(HEAD, lines, markdown)}{gap}{told}"


def _line(name: str, found: Mapping[str, Any]) -> list[str]:
    return [
        name,
        str(found["clips"]),
        _cell(found, "speed", "bf16", "step_ms", form="{:.1f}"),
        _cell(found, "speed", "float32", "step_ms", form="{:.1f}"),
        _cell(found, "speed", "bf16", "clips_per_second", form="{:.1f}"),
        _cell(found, "speed", "bf16", "memory_mb", form="{:,.0f}"),
        _cell(found, "speed", "share_of_peak", form="{:.0%}"),
        _cell(found, "agreement", "relative_error", form="{:.1e}"),
        _cell(found, "training", "mean_difference", form="{:.2%}"),
        _cell(found, "compiled", "speed_up", form="{:.2f} x"),
    ]


def _cell(found: Mapping[str, Any], part: str, *keys: str, form: str) -> str:
    value: Any = found.get(part)
    if value is None:
        return "-"
    if "error" in value:
        return next((word for word in ("not run", "stopped") if value["error"].startswith(word)), "failed")
    for key in keys:
        value = value[key]
    return form.format(float(value))


def _caption(content: Mapping[str, Any]) -> str:
    versions, peak = content["versions"], content["peak"]
    sizes = {(one["backbone"], one["pixels"], one["frames"]) for one in content["methods"].values()}
    size = "; ".join(f"{b}, {p} pixels, {t} frames a clip" for b, p, t in sorted(sizes)) or "no method"
    steps = [
        one["training"]["steps"] for one in content["methods"].values() if "steps" in one.get("training", {})
    ]
    over = f" over {max(steps)} steps" if steps else ""
    return (
        f"{content['device']}, driver {content['driver']}, CUDA {versions['cuda']}, PyTorch {versions['torch']}, "
        f"timm {versions['timm']}; {content['date'][:10]}, commit {_short(content['commit'])}; {content['seconds']:.0f} s. "
        f"Schedule {content['schedule']}: {size}; {content['weights']} weights. Clips/s, memory and share are of "
        f"bf16 training steps; the peak is a bf16 product of {peak['product'].removesuffix(', bf16')}, "
        f"{peak['tflops']:.3g} TFLOP/s. CPU = GPU: relative error of the logits in float32. bf16 = float32: mean "
        f"relative difference of the loss{over}. Compiled: forward and backward in bf16. {_chapter(content['chapter'])}"
    )


def _short(commit: str) -> str:
    head, plus, changes = commit.partition("+")
    return f"{head[:7]}{plus}{changes}"


def _chapter(found: Mapping[str, Any]) -> str:
    if not found["ran"]:
        where = f"failed in cell {found['cell']}, " if "cell" in found else ""
        return f"A chapter at the schedule full: {where}{found['error']}."
    return (
        f"Chapter {found['chapter']} at the schedule {found['schedule']}, cut to {found['steps']} steps: ran in "
        f"{found['seconds']:.0f} s, trained on {found['device']} in {found['precision']}."
    )
