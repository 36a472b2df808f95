"""How much faster are products of matrices than the difference of every embedding and mean, and how much memory do they need?

    python benchmarks/gaussian_mixtures.py [--rounds 5] [--threads 1] [--rows 100]

CPM's densities: 2,000 embeddings of 256 dimensions under three diagonal Gaussians for each of 72 classes, in turns within one
run; the ratio is of medians, and the densities must agree. The broadcast form, ((x - mu) / s)^2 as GMMSeg writes it, would
need 442 MB for each of its intermediates, so it goes by `--rows` embeddings at once, which is also faster. Memory is the most
that ours adds to a process, beyond its inputs. Linux.

    python benchmarks/gaussian_mixtures.py --update

Also times the other parts: an update from 512 embeddings of each class, and both with full covariances.
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the library beside this file, installed or not

from avslib.methods.cpm.mixtures import ClassMixtures

EMBEDDINGS, CLASSES, DIM, KEPT = 2000, 72, 256, 512
LEAST, MOST = 20.0, 100.0
"""The ratio asked for, and MB."""


def mixtures(covariance: str = "diagonal") -> ClassMixtures:
    torch.manual_seed(0)
    own = ClassMixtures(classes=CLASSES, dim=DIM, covariance=covariance)  # type: ignore[arg-type]
    own.means += torch.randn_like(own.means)
    if covariance == "diagonal":
        own.variances += torch.rand_like(own.variances)
    return own


def broadcast(own: ClassMixtures, x: Tensor, rows: int) -> Tensor:
    """(R, C, M), a block of rows at once."""
    means, std = own.means.flatten(0, 1), own.variances.flatten(0, 1).sqrt()
    constant = -0.5 * DIM * math.log(2 * math.pi) - std.log().sum(dim=1)
    found = [
        constant - 0.5 * (((some[:, None] - means) / std) ** 2).sum(dim=2) for some in torch.split(x, rows)
    ]
    return torch.cat(found).view(len(x), *own.weights.shape)


def seconds(work: Callable[[], object], rounds: int) -> float:
    took = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return statistics.median(took[1:])  # the first one warms up


def memory() -> None:
    """Print MB that the densities add to the process. A few rows first: what libraries load is not theirs."""
    own, x = mixtures(), torch.randn(EMBEDDINGS, DIM)
    own.component_log_prob(x[:8])
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the highest so far is forgotten
    before = highest()
    own.component_log_prob(x)
    print((highest() - before) / 1e6)


def highest() -> int:
    """The most bytes that this process has held. (That of `resource` is the parent's at first.)"""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def others(rounds: int) -> None:
    held = torch.full((CLASSES,), KEPT)
    embeddings, x = torch.randn(CLASSES, KEPT, DIM), torch.randn(EMBEDDINGS, DIM)
    for covariance in ("diagonal", "full"):
        own = mixtures(covariance)
        start = time.perf_counter()
        own.update(embeddings, held)
        print(f"{covariance:9} first fit {time.perf_counter() - start:6.2f} s", end="   ")
        print(f"update {seconds(lambda: own.update(embeddings, held), rounds):6.2f} s", end="   ")  # noqa: B023
        print(f"densities {seconds(lambda: own.component_log_prob(x), rounds):6.3f} s")  # noqa: B023


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, value in {"rounds": 5, "threads": 1, "rows": 100}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--memory", action="store_true", help="of the densities alone")
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.memory:
        memory()
        return 0
    own, x = mixtures(), torch.randn(EMBEDDINGS, DIM)
    torch.testing.assert_close(
        own.component_log_prob(x), broadcast(own, x, options.rows), rtol=1e-5, atol=1e-3
    )
    took: dict[str, list[float]] = {"broadcast": [], "ours": []}
    for _ in range(options.rounds):
        took["broadcast"].append(seconds(lambda: broadcast(own, x, options.rows), 1))
        took["ours"].append(seconds(lambda: own.component_log_prob(x), 1))
    slow, swift = (statistics.median(each) for each in took.values())
    command = [sys.executable, __file__, "--memory", "--threads", str(options.threads)]
    more = float(subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout)
    print(
        f"broadcast {slow * 1000:7.1f} ms   ours {swift * 1000:6.1f} ms   {slow / swift:5.1f} x   {more:.1f} MB"
    )
    if options.update:
        others(options.rounds)
    return 0 if slow >= LEAST * swift and more <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
