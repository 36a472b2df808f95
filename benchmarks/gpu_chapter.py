"""One chapter at the schedule `full`, cut to a few steps, through papermill: the last part of gpu.py."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from avslib.encoders.vggish import VGGish
from avslib.encoders.visual import VisualEncoder

ROOT = Path(__file__).resolve().parents[1]

CUT = """
import dataclasses, importlib
paper = importlib.import_module("avslib.methods.tpavi.recipe")
few = {"train": 20, "val": 4, "test": 8, "test-seen": 8}
paper.FULL = dataclasses.replace(paper.FULL, steps_per_epoch=5, clips=few)
paper.EPOCHS.update(dict.fromkeys(paper.EPOCHS, 1))
"""
TELL = """
import json
told = ("steps", "seconds", "device", "precision", "peak_memory_mb")
print("GPU.PY", json.dumps({name: getattr(record, name) for name in told}))
"""


def sentence(error: str) -> str:
    """The first line of an error, without colours and without this machine's folders."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", error).strip()
    return re.sub(r"(?:/[\w.@+~-]+)+/", "", plain.splitlines()[0] if plain else "no message")[:240]


def chapter() -> dict[str, Any]:
    """book/05_tpavi.ipynb at the full schedule, one epoch of five steps, through papermill."""
    for package in ("papermill", "ipykernel"):
        if importlib.util.find_spec(package) is None:
            return {"ran": False, "error": f"not run: no {package}"}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source, result = folder / "chapter.ipynb", folder / "executed.ipynb"
        source.write_text(
            json.dumps(cut_short(json.loads((ROOT / "book/05_tpavi.ipynb").read_text(encoding="utf-8")))),
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "papermill", str(source), str(result), "-k", "python3",
                   "-p", "SCHEDULE", "full", "-p", "LIVE", "False",
                   "--cwd", str(ROOT), "--no-progress-bar"]  # fmt: skip
        # A session of its own, so that nothing of it, the kernel included, outlives its time.
        running = subprocess.Popen(
            command, env=surroundings(folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, start_new_session=True, encoding="utf-8"
        )  # fmt: skip
        try:
            _, errors = running.communicate()
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()
        told = outcome(json.loads(result.read_text(encoding="utf-8"))) if result.exists() else {}
    if running.returncode and "error" not in told:
        last = sentence((errors.strip().splitlines() or ["no message"])[-1])
        told["error"] = f"papermill ended with status {running.returncode}: {last}"
    return {"ran": running.returncode == 0, "chapter": "05_tpavi", "schedule": "full", **told}


def cut_short(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with `CUT` after its parameters, and `TELL` as its last cell."""
    cells: list[dict[str, Any]] = notebook["cells"]
    at = next(i for i, cell in enumerate(cells) if "parameters" in cell["metadata"].get("tags", []))
    empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cut, tell = ({**empty, "id": name, "source": text} for name, text in (("cut", CUT), ("tell", TELL)))
    return {**notebook, "cells": [*cells[: at + 1], cut, *cells[at + 1 :], tell]}


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of the chapter: stand-ins for the public weights, and this Python as the kernel."""
    weights, kernel = folder / "cache", folder / "jupyter" / "kernels" / "python3"
    weights.mkdir()
    kernel.mkdir(parents=True)
    torch.manual_seed(0)
    visual, audio = VisualEncoder(name="resnet50", pretrained=False).net, VGGish(pretrained=False)
    torch.save(visual.state_dict(), weights / "resnet50-0676ba61.pth")
    torch.save(audio.state_dict(), weights / "vggish-10086976.pth")
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    inherited = {name: os.environ.get(name, "") for name in ("PYTHONPATH", "JUPYTER_PATH")}
    return {
        **os.environ,
        "AVSLIB_CACHE": str(weights),
        "HF_HUB_OFFLINE": "1",
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_PATH": os.pathsep.join(filter(None, [str(folder / "jupyter"), inherited["JUPYTER_PATH"]])),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), inherited["PYTHONPATH"]])),
    }


def outcome(notebook: dict[str, Any]) -> dict[str, Any]:
    """What the executed notebook says: `TELL`'s record, and the cell that failed with its error's last line."""
    for number, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            text = "".join(output.get("text", []))
            if text.startswith("GPU.PY"):
                return dict(json.loads(text.removeprefix("GPU.PY").splitlines()[0]))
            if output["output_type"] == "error":
                first = "".join(cell["source"]).strip().splitlines()[0]
                last = (output["evalue"].strip().splitlines() or [""])[-1]
                told = {"cell": number, "cell_begins": sentence(first)}
                return {**told, "error": f"{output['ename']}: {sentence(last)}"}
    return {}
