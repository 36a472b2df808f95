"""What one GPU makes of every method at its paper's size: agreement, bf16, speed, memory, compiling, a chapter.

    python benchmarks/gpu.py                                  under eight minutes on an H100; writes results/gpu.json
    python benchmarks/gpu.py --device cpu --tiny --out x.json     does the script itself work?

ResNet-50, VGGish, 224 pixels, the batch, loss and optimiser of the schedule `full`; scenes of AVS-Mini, five frames a
clip. The weights are random, which the file says: they do not change what an operation costs. Of every method

    agreement   CPU and GPU give the same logits from the same weights and batch: float32, TF32 off, evaluation mode
    training    as many steps in bf16 and in float32, and in float32 again: what a GPU's order of adding does by itself
    speed       of a training step: milliseconds, clips a second, memory, share of the card's peak. The peak is that of
                a large bf16 product, measured here
    compiled    torch.compile of the model: does a step compile, agree, and is it faster

`chapter` is book/05_tpavi.ipynb at the schedule `full`, cut to five steps, if papermill is installed. The file is
written after every part. A part that fails, or outlasts its time, leaves its error's first line in the file.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the library beside this file, installed or not

from gpu_chapter import chapter, sentence
from gpu_parts import DATA, Bench, agreement, compiled, peak, rounded, schedule, speed, training

from avslib.errors import UserError
from avslib.files import write_json
from avslib.ledger import provenance
from avslib.methods import METHODS
from avslib.methods.resolve import find_run

TOTAL = 460.0
"""Seconds for everything; a part gets what is left of it, and at most its own share."""
SHARES = {"agreement": 45.0, "training": 60.0, "speed": 45.0, "chapter": 110.0, "compiled": 90.0}
BEGAN = time.perf_counter()


class OutOfTime(BaseException):
    """A part outlasted its share. Not an Exception, which a compiler may catch and try something else."""


def say(text: str) -> None:
    """One line of progress, with the seconds since the start."""
    print(f"{time.perf_counter() - BEGAN:6.1f} s  {text}", flush=True)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise OutOfTime inside the block once `seconds` are over."""

    def stop(*_: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def attempt(work: Callable[[], dict[str, Any]], left: float) -> dict[str, Any]:
    """What `work` finds and how long it took; its error if it fails or outlasts the seconds that are left for it."""
    start = time.perf_counter()
    if left < 5:
        return {"error": "not run: out of time"}
    try:
        with at_most(left):
            found = work()
    except OutOfTime:
        found = {"error": f"stopped after {left:.0f} s"}
    except Exception as error:
        found = {"error": f"{type(error).__name__}: {sentence(str(error))}"}
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return rounded(found | {"seconds": time.perf_counter() - start})


def compiled_apart(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """`compiled` in a process of its own: a compiler cannot be interrupted from within."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "part.json"
        command = [sys.executable, __file__, "--only-compiled", "--methods", name, "--out", str(out)]
        command += ["--device", options.device, *(["--tiny"] if options.tiny else [])]
        running = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, start_new_session=True, encoding="utf-8"
        )
        try:
            _, errors = running.communicate()
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()
        if running.returncode:
            return {"error": sentence((errors.strip().splitlines() or ["no message"])[-1])}
        return dict(json.loads(out.read_text(encoding="utf-8")))


def card(device: torch.device, commit: str) -> dict[str, Any]:
    """Where the numbers come from."""
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        driver = subprocess.run(
            asked, capture_output=True, text=True, timeout=20, encoding="utf-8"
        ).stdout.split()
    except (OSError, subprocess.TimeoutExpired):
        driver = []
    return {
        "device": provenance.device_name(device),
        "driver": driver[0] if driver and device.type == "cuda" else "none",
        "versions": {**provenance.versions(), "cuda": torch.version.cuda or "none"},
        "commit": commit or provenance.commit(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "weights": "random",
        "data": DATA,
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Every part of every method, written to `options.out` one by one."""
    device = torch.device(options.device)
    result = {
        **card(device, options.commit),
        "schedule": schedule(options),
        "peak": peak(device, options.tiny),
    }
    result |= {"seconds": 0.0, "methods": {}, "chapter": {"ran": False, "error": "not run"}}
    say(f"{result['device']}: {result['peak']['tflops']} TFLOP/s")

    def keep(where: dict[str, Any], part: str, work: Callable[[], dict[str, Any]], name: str) -> None:
        left = min(SHARES[part], TOTAL - (time.perf_counter() - BEGAN))
        where[part] = attempt(work, 3600.0 if options.tiny else left)  # a small machine may be a busy one
        result["seconds"] = round(time.perf_counter() - BEGAN, 1)
        write_json(options.out, result)
        say(f"{name}, {part}: {json.dumps(where[part])}")

    for name in options.methods.split(","):
        bench = Bench(name, options)
        seconds = bench.batches[0].labels.shape[1]
        size = {"backbone": bench.backbone, "clips": bench.plan.batch_size, "frames": seconds}
        found = result["methods"][name] = {**size, "pixels": bench.plan.size}
        say(f"{name}: {size}")
        keep(found, "agreement", partial(agreement, bench), name)
        keep(found, "training", partial(training, bench), name)
        keep(found, "speed", partial(speed, bench, result["peak"]["tflops"]), name)
    if not (options.skip_chapter or options.tiny):
        keep(result, "chapter", chapter, "05_tpavi")
    for name, found in result["methods"].items():  # last, because nobody knows how long a compiler takes
        keep(found, "compiled", partial(compiled_apart, name, options), name)
    return result


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line. Raises UserError for an unknown method, and for a GPU that is not there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--out", type=Path, default=Path("results/gpu.json"))
    parser.add_argument("--tiny", action="store_true", help="the schedule smoke, three steps, no chapter")
    parser.add_argument("--steps", type=int, default=50, help="of the training in bf16 and float32")
    parser.add_argument("--skip-chapter", action="store_true")
    parser.add_argument("--methods", default=",".join(METHODS), help="names, with commas between them")
    parser.add_argument("--only-compiled", action="store_true", help="this part of one method, as it is")
    parser.add_argument("--commit", default="", help="where the copy has come without its history")
    options = parser.parse_args(arguments)
    options.steps = min(options.steps, 3) if options.tiny else options.steps
    if options.steps < 1:
        raise UserError(f"--steps {options.steps}: at least 1")
    for name in options.methods.split(","):
        find_run(name, DATA, schedule(options))
    if options.device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch finds no GPU here; --device cpu --tiny tries the script out")
    return options


def main() -> int:
    """Measure; 1 when a part other than compiling and the chapter failed, 2 for bad input."""
    try:
        options = options_of()
        if options.only_compiled:
            write_json(options.out, rounded(compiled(Bench(options.methods, options))))
            return 0
        result = measure(options)
    except UserError as error:
        print(f"gpu.py: error: {error}", file=sys.stderr)
        return 2
    parts = [
        found[part] for found in result["methods"].values() for part in ("agreement", "training", "speed")
    ]
    return int(any("error" in part for part in parts))


if __name__ == "__main__":
    sys.exit(main())
