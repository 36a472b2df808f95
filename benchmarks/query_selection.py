"""Does QSCA's time fall with the queries it keeps?

    python benchmarks/query_selection.py [--clips 4] [--seconds 5] [--side 28] [--rounds 15]

One QSCA module at the paper's width and the size of its finest stage; masks that keep 100 % to 10 % of the
places at random, the same share in every clip. Times are the median of the rounds, the ratios taken in turns
within one run, so that a busy machine slows all of them alike. Beside them: the multiply-adds by the paper's
eq. 6, with the keys that the module really has (T sounds, not N places).

    visual path   queries, attention and output of the places (eq. 3b), which selection makes cheaper
    whole module  with the embedding and the sound's own question (eq. 3a), which need every place
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from avslib.methods.pcmanet.query_selected_attention import QuerySelectedCrossAttention

KEPT = (1.0, 0.75, 0.5, 0.25, 0.1)
WIDTH = 256


def mask(clips: int, seconds: int, side: int, kept: float) -> Tensor:
    """(B, T, side, side) bool with round(kept x places) of every clip's places."""
    places = seconds * side * side
    order = torch.rand(clips, places).argsort(dim=1).argsort(dim=1)
    return (order < round(kept * places)).view(clips, seconds, side, side)


def multiply_adds(places: int, seconds: int, kept: float) -> tuple[float, float]:
    """Of one clip: (visual path, whole module)."""
    asking = kept * places
    visual = asking * (2 * WIDTH**2 + 2 * seconds * WIDTH) + seconds * 2 * WIDTH**2
    sound = places * 2 * WIDTH**2 + seconds * (3 * WIDTH**2 + 2 * places * WIDTH)
    return visual, visual + sound + places * WIDTH**2


def in_turns(work: dict[float, Callable[[], object]], rounds: int) -> dict[float, float]:
    """Median seconds of each, measured in turns after two rounds of warming up."""
    seconds: dict[float, list[float]] = {kept: [] for kept in work}
    for turn in range(rounds + 2):
        for kept, run in work.items():
            start = time.perf_counter()
            run()
            if turn > 1:
                seconds[kept].append(time.perf_counter() - start)
    return {kept: statistics.median(times) for kept, times in seconds.items()}


def main() -> None:
    """Measure both on one thread."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("clips", 4), ("seconds", 5), ("side", 28), ("rounds", 15)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    shape = (options.clips, options.seconds, options.side)
    places = options.seconds * options.side**2
    module = QuerySelectedCrossAttention(width=WIDTH).eval()
    maps = torch.randn(*shape[:2], WIDTH, options.side, options.side)
    sound, valid = torch.randn(*shape[:2], WIDTH), torch.ones(shape[:2], dtype=torch.bool)
    seen, masks = torch.randn(options.clips, places, WIDTH), {kept: mask(*shape, kept) for kept in KEPT}
    with torch.inference_mode():
        visual = in_turns(
            {k: lambda m=m: module.answer_places(seen, sound, valid, m.flatten(1)) for k, m in masks.items()},
            options.rounds,
        )
        whole = in_turns(
            {k: lambda m=m: module(maps, sound, valid, m) for k, m in masks.items()}, options.rounds
        )
    print(f"{options.clips} clips of {options.seconds} s, {options.side} x {options.side} places, one thread")
    print("kept    visual path           whole module          multiply-adds of both")
    full = multiply_adds(places, options.seconds, 1.0)
    for kept in KEPT:
        shares = [now / all_ for now, all_ in zip(multiply_adds(places, options.seconds, kept), full)]
        print(
            f"{kept:4.0%}  {visual[kept] * 1e3:8.1f} ms  {visual[kept] / visual[1.0]:6.2f}"
            f"  {whole[kept] * 1e3:10.1f} ms  {whole[kept] / whole[1.0]:6.2f}"
            f"  {shares[0]:10.2f}  {shares[1]:6.2f}"
        )


if __name__ == "__main__":
    main()
