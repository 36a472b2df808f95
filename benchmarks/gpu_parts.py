"""What gpu.py measures of one method: agreement, training in bf16, speed, compiling."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from avslib.data.loading.collate import Collate
from avslib.ledger import provenance
from avslib.methods.learner import Clock, Learner
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.training.optimiser import build_optimiser, learning_rate, set_learning_rate
from avslib.types import Batch

DATA, BATCHES = "mini/ms3", 5


def schedule(options: argparse.Namespace) -> str:
    """The paper's size, or one at which everything takes seconds."""
    return "smoke" if options.tiny else "full"


def rounded(value: Any) -> Any:
    """Four digits of every float, in mappings and lists too."""
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


class Bench:
    """One method at its paper's size: its run, a few batches of scenes, and learners that start alike."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        run = find_run(name, DATA, schedule(options))
        tiny = {"batch_size": 2, "size": 32} if options.tiny else {}  # bf16 is slow on many CPUs
        plan = dataclasses.replace(run.plan, **tiny)
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
