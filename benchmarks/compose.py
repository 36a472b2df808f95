"""Is composing scenes as fast and as small as in another state of the library?

    python benchmarks/compose.py OTHER_CHECKOUT [--scenes 400] [--rounds 3] [--size 128]

Both states take turns, each in processes of its own with one thread: the first scenes decode files, so the time of a
round is that of all its scenes, and a second pass over the same scenes is told apart. Ratios of one run, this state
over the other: scenes per second and, the other way round, peak memory, so that below 1 is worse. Linux.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ROUND = """
import resource, sys, time
from avslib.data import MiniScenes
scenes, size = int(sys.argv[1]), int(sys.argv[2])
data = MiniScenes("ms3", split="train", size=size, length=scenes, seconds=3, turns=True)
for _ in range(2):
    start = time.perf_counter()
    for i in range(scenes):
        data[i]
    print(scenes / (time.perf_counter() - start))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def measure(checkout: Path, scenes: int, size: int) -> list[float]:
    """Scenes per second with cold and with warm files, and peak memory in MiB."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", ROUND, str(scenes), str(size)]
    said = subprocess.run(
        command, env=environment, cwd=checkout, check=True, capture_output=True, encoding="utf-8"
    )
    return [float(line) for line in said.stdout.split()]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", type=Path)
    parser.add_argument("--scenes", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=128)
    options = parser.parse_args()
    found: dict[Path, list[list[float]]] = {HERE: [], options.other.resolve(): []}
    for _ in range(options.rounds):
        for checkout, rounds in found.items():
            rounds.append(measure(checkout, options.scenes, options.size))
    ours, theirs = ([statistics.median(column) for column in zip(*rounds)] for rounds in found.values())
    for name, unit, a, b in zip(
        ("first pass", "second pass", "peak memory"), ("/s", "/s", " MiB"), ours, theirs
    ):
        ratio = b / a if unit == " MiB" else a / b
        print(f"{name:12} {a:8.1f}{unit} against {b:8.1f}{unit}: {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
