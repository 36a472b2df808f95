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
import copy
import dataclasses
import gc
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the library beside this file, installed or not

from gpu_chapter import chapter, sentence

from avslib.data.loading.collate import Collate
from avslib.errors import UserError
from avslib.files import write_json
from avslib.ledger import provenance
from avslib.methods import METHODS
from avslib.methods.learner import Clock, Learner
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.training.optimiser import build_optimiser, learning_rate, set_learning_rate
from avslib.types import Batch

DATA, BATCHES = "mini/ms3", 5
TOTAL = 460.0
"""Seconds for everything; a part gets what is left of it, and at most its own share."""
SHARES = {"agreement": 45.0, "training": 60.0, "speed": 45.0, "chapter": 110.0, "compiled": 90.0}
BEGAN = time.perf_counter()


def schedule(options: argparse.Namespace) -> str:
    """The paper's size, or one at which everything takes seconds."""
    return "smoke" if options.tiny else "full"


class OutOfTime(BaseException):
    """A part outlasted its share. Not an Exception, which a compiler may catch and try something else."""


def say(text: str) -> None:
    """One line of progress, with the seconds since the start."""
    print(f"{time.perf_counter() - BEGAN:6.1f} s  {text}", flush=True)


def rounded(value: Any) -> Any:
    """Four digits of every float, in mappings and lists too."""
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


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


class Bench:
    """One method at its paper's size: its run, a few batches of scenes, and learners that start alike."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        run = find_run(name, DATA, schedule(options))
        plan = dataclasses.replace(run.plan, batch_size=2) if options.tiny else run.plan
        recipe = dataclasses.replace(run.recipe, schedules={run.schedule: plan})
        self.run, self.plan = dataclasses.replace(run, recipe=recipe), plan
        self.backbone = "efficientnet_lite0" if options.tiny else "resnet50"
        torch.manual_seed(run.seed)
        self.learner = self.learner_of(self.run.model(pretrained=False))
        self.batches = batches(self.run, 2 if options.tiny else BATCHES)
        self.device, self.steps = torch.device(options.device), options.steps
        self.rounds, self.warm_up = (1, 1) if options.tiny else (20, 5)
        self.backend = "aot_eager" if options.tiny else "inductor"

    def learner_of(self, model: nn.Module) -> Learner:
        """What the loop trains, over `model`."""
        return self.run.recipe.learner(model=model, criterion=self.run.criterion())

    def fresh(self, *, dropout: bool, awake: bool = False) -> Learner:
        """A learner with the first weights, on the CPU. awake: nothing starts switched off, see `awaken`."""
        learner = copy.deepcopy(self.learner)
        if awake:
            awaken(learner.model)
        if not dropout:
            for module in learner.modules():
                if isinstance(module, nn.Dropout):
                    module.p = 0.0
                elif isinstance(module, nn.MultiheadAttention):
                    module.dropout = 0.0
        return learner

    def backward(self, learner: Learner, batch: Batch, precision: str, step: int = 0) -> Tensor:
        """Forward and backward of one step, as the loop takes it; the weighted loss."""
        half = torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bf16")
        with half:
            terms = learner(batch, Clock(step, 0, self.steps))
        loss = torch.stack([self.run.loss_weights[name] * term for name, term in terms.items()]).sum()
        loss.backward()
        return loss.detach()

    def step(self, learner: Learner, optimiser: torch.optim.Optimizer, batch: Batch, precision: str) -> None:
        """One training step."""
        self.backward(learner, batch, precision)
        optimiser.step()
        optimiser.zero_grad()


def batches(run: Run, count: int) -> list[Batch]:
    """The first `count` batches of training scenes; stills become videos of T frames, as the papers have them."""
    clips, size, collate = run.clips("train"), run.plan.batch_size, Collate(run.front_end())
    found = [collate([clips[i * size + j] for j in range(size)]) for i in range(count)]
    return [
        dataclasses.replace(b, frames=b.frames.expand(-1, b.labels.shape[1], -1, -1, -1).contiguous())
        for b in found
    ]


@torch.no_grad()
def awaken(model: nn.Module) -> None:
    """Numbers in place of all zeros: the last norm of a residual branch starts at 0, and would hide the branch."""
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if not parameter.any():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)


def tf32(allowed: bool) -> None:
    """TF32 in convolutions, which is how PyTorch starts; products of matrices never have it here."""
    torch.backends.cudnn.allow_tf32 = allowed
    torch.backends.cuda.matmul.allow_tf32 = False


def relative(found: Tensor, expected: Tensor) -> float:
    """||found - expected|| / ||expected||."""
    return float((found - expected).norm() / expected.norm())


def timed(work: Callable[[], object], device: torch.device, rounds: int, warm_up: int) -> float:
    """Median milliseconds of `work`."""
    for _ in range(warm_up):
        work()
    if device.type != "cuda":
        seconds = []
        for _ in range(rounds):
            start = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds) * 1e3
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(rounds + 1)]
    torch.cuda.synchronize()
    marks[0].record()
    for mark in marks[1:]:
        work()
        mark.record()
    torch.cuda.synchronize()
    return statistics.median(a.elapsed_time(b) for a, b in itertools.pairwise(marks))


def peak(device: torch.device, tiny: bool) -> dict[str, Any]:
    """The rate of a large product of bf16 matrices of random numbers."""
    side = 256 if tiny else 8192
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    milliseconds = timed(lambda: a @ b, device, rounds=20, warm_up=10)
    return rounded({"product": f"{side} x {side} x {side}, bf16", "tflops": 2e-9 * side**3 / milliseconds})


def agreement(bench: Bench) -> dict[str, Any]:
    """The logits of one batch on the CPU and on the device."""
    tf32(False)
    model, batch = bench.fresh(dropout=False, awake=True).model.eval(), bench.batches[0]
    with torch.no_grad():
        expected = model(batch).logits
        found = model.to(bench.device)(batch.to(bench.device)).logits.cpu()
    return {
        "relative_error": relative(found, expected),
        "largest_difference": float((found - expected).abs().max()),
        "largest_logit": float(expected.abs().max()),
    }


def train(bench: Bench, precision: str) -> Tensor:
    """The loss of every step, from the first weights over the same batches."""
    tf32(False)
    torch.manual_seed(0)
    learner = bench.fresh(dropout=False).to(bench.device).train()
    optimiser = build_optimiser(learner, bench.plan.optimiser)
    seen = [batch.to(bench.device) for batch in bench.batches]
    losses = []
    for step in range(bench.steps):
        set_learning_rate(optimiser, learning_rate(bench.plan, step, bench.steps))
        losses.append(bench.backward(learner, seen[step % len(seen)], precision, step))
        if bench.plan.clip_norm is not None:
            nn.utils.clip_grad_norm_(learner.parameters(), bench.plan.clip_norm)
        optimiser.step()
        optimiser.zero_grad()
    return torch.stack(losses).double().cpu()


def training(bench: Bench) -> dict[str, Any]:
    """bf16 beside float32, and float32 beside itself. Without dropout, whose draws are not the same in both."""
    half, single, again = (train(bench, precision) for precision in ("bf16", "float32", "float32"))
    return {
        "steps": bench.steps,
        "bf16": {"first": float(half[0]), "last": float(half[-1])},
        "float32": {"first": float(single[0]), "last": float(single[-1])},
        "mean_difference": float(((half - single).abs() / single.abs()).mean()),
        "mean_difference_of_float32_again": float(((again - single).abs() / single.abs()).mean()),
    }


def speed(bench: Bench, tflops: float) -> dict[str, Any]:
    """A step of training in bf16, in float32 as PyTorch starts (TF32 in convolutions), and in float32 throughout."""
    batch, found = bench.batches[0].to(bench.device), {}
    for name, precision, allowed in (
        ("bf16", "bf16", True),
        ("tf32", "float32", True),
        ("float32", "float32", False),
    ):
        tf32(allowed)
        learner = bench.fresh(dropout=True).to(bench.device).train()
        optimiser = build_optimiser(learner, bench.plan.optimiser)
        if bench.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        work = partial(bench.step, learner, optimiser, batch, precision)
        milliseconds = timed(work, bench.device, bench.rounds, bench.warm_up)
        found[name] = {
            "step_ms": milliseconds,
            "clips_per_second": bench.plan.batch_size / milliseconds * 1e3,
            "memory_mb": provenance.peak_memory_mb(bench.device),
        }
        if name == "bf16":
            with FlopCounterMode(display=False) as counter:
                bench.backward(learner, batch, precision)
            operations = counter.get_total_flops()
        del learner, optimiser, work
    rate = operations / (found["bf16"]["step_ms"] * 1e9)  # T operations a second
    return {**found, "operations": operations, "tflops": rate, "share_of_peak": rate / tflops}


def compiled(bench: Bench) -> dict[str, Any]:
    """A training step of the compiled model in bf16 against the model's: gradients, time, and time to compile."""
    learner = bench.fresh(dropout=False, awake=True).to(bench.device).train()
    batch = bench.batches[0].to(bench.device)
    other = bench.learner_of(torch.compile(learner.model, dynamic=False, backend=bench.backend)).train()
    tf32(True)
    single, half = (gradients(bench, learner, batch, precision) for precision in ("float32", "bf16"))
    start = time.perf_counter()
    found = {
        "backend": bench.backend,
        "gradient_error": relative(gradients(bench, other, batch, "bf16"), half),
        "compile_seconds": time.perf_counter() - start,
        "gradient_error_of_bf16_itself": relative(half, single),
    }
    for name, one in (("eager_ms", learner), ("compiled_ms", other)):
        work = partial(bench.backward, one, batch, "bf16")
        found[name] = timed(work, bench.device, bench.rounds, bench.warm_up)
    counted = torch._dynamo.utils.counters
    return {
        **found,
        "speed_up": found["eager_ms"] / found["compiled_ms"],
        "graphs": counted["stats"]["unique_graphs"],
        "graph_breaks": counted["graph_break"].total(),
    }


def gradients(bench: Bench, learner: Learner, batch: Batch, precision: str) -> Tensor:
    """All gradients of one step as one vector on the CPU; none are left."""
    torch.manual_seed(0)  # some encoders draw while they train
    bench.backward(learner, batch, precision)
    vector = torch.cat([p.grad.flatten() for p in learner.parameters() if p.grad is not None]).cpu()
    learner.zero_grad()
    return vector


def compiled_apart(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """`compiled` in a process of its own: a compiler cannot be interrupted from within."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "part.json"
        command = [sys.executable, __file__, "--only-compiled", "--methods", name, "--out", str(out)]
        command += ["--device", options.device, *(["--tiny"] if options.tiny else [])]
        running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            _, errors = running.communicate()
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()
        if running.returncode:
            return {"error": sentence((errors.strip().splitlines() or ["no message"])[-1])}
        return dict(json.loads(out.read_text()))


def card(device: torch.device, commit: str) -> dict[str, Any]:
    """Where the numbers come from."""
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        driver = subprocess.run(asked, capture_output=True, text=True, timeout=20).stdout.split()
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
