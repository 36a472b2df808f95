"""`python -m avslib.figures readme OUT.png`: the picture of the front page, from a scene of AVS-Mini."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from avslib.data import MiniScenes
from avslib.errors import UserError
from avslib.figures.glance import scene_figure
from avslib.files import check_file, forgiving_output

FAMILY, NUMBER = "CC-BY-SA", 214
"""The scene: two sound, each at its own time, a third could, and they stand beside each other."""


def readme(out: Path) -> str:
    """Write the picture; gives its text alternative, which names the licence. Replaces pngs only, else UserError."""
    check_file(out, "OUT", b"\x89PNG")
    scene = MiniScenes("ms3", split="test", fold=2, size=256, family=FAMILY).scene(NUMBER)
    names = [source.name for source in scene.sources]
    # A binary scene knows one label; for this picture each source keeps its own colour.
    labels = np.zeros_like(scene.labels)
    for number, source in enumerate(scene.sources, start=1):
        labels[source.sounding[:, None, None] & source.mask] = number
    figure = scene_figure(scene.clip(), rows={"who sounds": labels}, names=names, log_mel=False, width=9)
    figure.savefig(out, dpi=110)
    silent = [thing.name for thing in scene.objects if not thing.sounding.any()]
    return (
        f"A scene of AVS-Mini over {scene.seconds} seconds: {' and '.join(names)}, painted while they sound; "
        f"{' and '.join(silent)}, silent and unpainted; the waveform below. {scene.licence}"
    )


def main(arguments: list[str]) -> int:
    """Raises nothing: a wrong call prints the right one and gives status 2."""
    if len(arguments) != 2 or arguments[0] != "readme":
        print("usage: python -m avslib.figures readme OUT.png", file=sys.stderr)
        return 2
    forgiving_output()
    try:
        print(readme(Path(arguments[1])))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
