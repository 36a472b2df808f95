"""Does `avslib segment` keep up with the video, and does a long one need more memory than a short one?

    python benchmarks/own_video.py [--width 1280] [--height 720] [--fps 30] [--short 60] [--long 600]

Writes two videos of 720p of the lengths `--short` and `--long` (seconds), made of moving gradients and tones, and
segments each in a process of its own with the small TPAVI of the reduced schedule (random weights: they cost the same),
one mask a second. Printed are seconds of video in a second of work, of the shorter one, and the peak memory of both.

Bars: real time, and a longer video within 20 % of a shorter one's memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the library beside this file, installed or not

from avslib.video.sound import SOUND_RATE
from avslib.video.writing import VideoWriter

LEAST_SPEED, MOST_GROWTH = 1.0, 1.2

WORK = """
import json, resource, sys, time
sys.path.insert(0, {root!r})
import avslib
from avslib.methods.resolve import find_run
model = find_run("tpavi", "mini/ms3", "reduced").model(pretrained=False).eval()
start = time.perf_counter()
avslib.segment({video!r}, model, out={out!r}, device="cpu")
seconds = time.perf_counter() - start
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def write_video(path: Path, seconds: int, size: tuple[int, int], fps: int) -> None:
    """A gradient that drifts, under noise that does not, and a tone that comes and goes."""
    width, height = size
    rng = np.random.default_rng(0)
    grain = rng.integers(0, 40, (height, 2 * width, 3), dtype=np.uint8)
    grain += np.linspace(0, 200, 2 * width, dtype=np.uint8)[None, :, None]
    moments = np.arange(SOUND_RATE) / SOUND_RATE
    with VideoWriter(path, size=size, rate=fps, channels=1) as out:
        for second in range(seconds):
            out.sound((0.3 * (second % 2) * np.sin(2 * np.pi * 440 * moments)).astype(np.float32)[None])
            for number in range(fps):
                left = (second * fps + number) * 4 % width
                out.picture(Image.fromarray(grain[:, left : left + width]), second + number / fps)


def measured(video: Path, out: Path) -> tuple[float, float]:
    """(seconds of work, peak megabytes) of a process that segments `video`."""
    root = str(Path(__file__).resolve().parents[1])
    code = WORK.format(root=root, video=str(video), out=str(out))
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    ).stdout
    seconds, megabytes = json.loads(told.splitlines()[-1])
    return seconds, megabytes


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, value in {"width": 1280, "height": 720, "fps": 30, "short": 60, "long": 600}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for length in (options.short, options.long):
            video = Path(folder, f"{length}.mp4")
            write_video(video, length, (options.width, options.height), options.fps)
            seconds, megabytes = found[length] = measured(video, Path(folder, f"{length}-out.mp4"))
            print(
                f"{length:4} s of video: {seconds:6.1f} s, {length / seconds:.2f} x real time, {megabytes:.0f} MB"
            )
    growth = found[options.long][1] / found[options.short][1]
    print(f"memory of the longer one: {growth:.2f} x the shorter one's")
    return 0 if options.short / found[options.short][0] >= LEAST_SPEED and growth <= MOST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
