from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import documented_tpavi
import numpy as np
import pytest
import torch

from avslib.importers.__main__ import main
from avslib.importers.check import Comparison
from avslib.methods import reference_case
from avslib.methods.key_map import Translation
from avslib.methods.reference_case import read_case, relative_error

GOLDEN = Path(__file__).parent.parent / "golden"
RESNET = GOLDEN / "tpavi_resnet_s4_224.json"

Check = Callable[[Path], tuple[int, str, str]]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """`python -m avslib.importers check PATH` -> (exit status, what it printed, what it complained)."""

    def run(path: Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["importers", "check", str(path)])
        status = main()
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def weightless(monkeypatch: pytest.MonkeyPatch) -> None:
    """All weights are zero, where only names matter: drawing 90 million takes seconds."""
    monkeypatch.setattr(reference_case, "fill", lambda key, shape: torch.zeros(shape))


def pvt_keys(task: str) -> dict[str, list[int]]:
    """The authors' names and shapes for the PVT."""
    keys = {}
    for line in (GOLDEN / "tpavi_pvt_s4_keys.txt").read_text(encoding="utf-8").splitlines():
        name, shape = line.split(" ", 1)
        keys[name] = [int(n) for n in shape.strip("()").split(",") if n.strip()]
    if task == "avss":
        keys = {name: shape for name, shape in keys.items() if not name.endswith("align_channel.bias")}
        keys["output_conv.4.weight"][0] = keys["output_conv.4.bias"][0] = 71
    return keys


def write_case(folder: Path, task: str, frames: int, size: int) -> Path:
    """A PVT case whose outputs come from the model as documented."""
    content = {
        "method": "tpavi",
        "backbone": "pvt",
        "task": task,
        "keys": pvt_keys(task),
        "inputs": {"frames": [frames, 3, size, size], "audio128": [frames, 128]},
    }
    path = folder / "case.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    case = read_case(path)
    with torch.inference_mode():
        pictures, sound = case.tensor("frames"), case.tensor("audio128").abs()
        outputs = documented_tpavi.model(case.state_dict(), pictures, sound)
    flat = {name: x.reshape(-1).numpy() for name, x in outputs.items()}
    np.savez(folder / "case.npz", **{n: x[:: max(1, x.size // 16384)][:16384] for n, x in flat.items()})
    return path


def spoiled(folder: Path, **changes: Any) -> Path:
    """A copy of the ResNet case with other entries, beside its real outputs."""
    content = json.loads(RESNET.read_text(encoding="utf-8")) | changes
    (folder / "case.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "case.npz").write_bytes(RESNET.with_suffix(".npz").read_bytes())
    return folder / "case.json"


def test_resnet_equals_the_reference(check: Check) -> None:
    status, out, _ = check(RESNET)
    assert status == 0, out
    assert [line.split()[0] for line in out.splitlines()[1:6]] == ["pred", "fmap0", "fmap1", "fmap2", "fmap3"]
    assert all(float(line.split()[1]) < 1e-5 for line in out.splitlines()[1:6])
    assert "path4.resConfUnit1.* (4), resnet.layer3_2.* (114), resnet.layer4_2.* (60)" in out


def test_pvt_on_avss_equals_what_is_documented(check: Check, tmp_path: Path) -> None:
    status, out, _ = check(write_case(tmp_path, "avss", frames=10, size=64))
    assert status == 0, out
    assert [line.split()[0] for line in out.splitlines()[1:6]] == ["pred", "fmap0", "fmap1", "fmap2", "fmap3"]


@pytest.mark.usefixtures("weightless")
def test_a_difference_is_seen(check: Check, tmp_path: Path) -> None:
    path = spoiled(tmp_path, inputs={"frames": [5, 3, 32, 32], "audio128": [5, 128]})
    with np.load(RESNET.with_suffix(".npz")) as arrays:
        np.savez(tmp_path / "case.npz", pred=arrays["pred"][: 5 * 32 * 32], novel=arrays["pred"])
    status, out, _ = check(path)
    assert status == 1
    assert "above 0.0001" in out and "novel        inf" in out and "differs" in out


@pytest.mark.usefixtures("weightless")
def test_wrong_names_are_told(check: Check, tmp_path: Path) -> None:
    keys = json.loads(RESNET.read_text(encoding="utf-8"))["keys"]
    small = {"frames": [5, 3, 32, 32], "audio128": [5, 128]}
    less = {n: s for n, s in keys.items() if n not in ("tpavi_b2.phi.bias", "resnet.layer4_1.0.bn1.weight")}
    status, _, error = check(spoiled(tmp_path, keys={**less, "tpavi_b2.phy.bias": [128]}))
    assert status == 2 and error.count("\n") == 1
    for text in (
        "tpavi_b2.phi.bias is missing",
        "resnet.layer4_1.0.bn1.weight is missing",
        "tpavi_b2.phy.bias",
    ):
        assert text in error
    status, _, error = check(spoiled(tmp_path, keys={**keys, "tpavi_b3.phi.bias": [64]}))
    assert status == 2 and "tpavi_b3.phi.bias is (64,) where ours is (128,)" in error
    status, out, _ = check(spoiled(tmp_path, keys={**keys, "extra.weight": [3]}, inputs=small))
    assert status == 1 and "unknown, left out: extra.weight" in out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "magic"}, "magic: no importer"),
        ({"backbone": "vit"}, "no backbone 'vit', only resnet, pvt"),
        ({"keys": {}}, "begin with neither"),
        ({"keys": {"resnet.conv1.weight": "64"}}, "keys.resnet.conv1.weight"),
        ({"keys": []}, "keys must be"),
        ({"inputs": {"frames": [5, 3, 32, 32]}}, "no input 'audio128'"),
        ({"inputs": {"frames": [4, 3, 32, 32], "audio128": [4, 128]}}, "clips of 5"),
        ({"inputs": {"frames": [5, 3, 32, 32], "audio128": [10, 128]}}, "128 numbers of sound a frame"),
        ({"inputs": {"frames": [5, 3, 16, 16], "audio128": [5, 128]}}, "32 pixels or more"),
        ({"inputs": {"frames": [5], "audio128": [5, 128]}}, "frames"),
        ({"inputs": {"frames": [5, 3, 32, 32], "audio128": [5, 64]}}, "128 numbers of sound"),
        ({"gain": {"nowhere.weight": 2.0}}, "nowhere.weight"),
        ({"gain": [1]}, "gain"),
    ],
)
@pytest.mark.usefixtures("weightless")
def test_bad_cases_take_one_line(check: Check, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    status, _, error = check(spoiled(tmp_path, **changes))
    assert status == 2
    assert error.count("\n") == 1 and "case.json" in error and message in error, error


def test_bad_files_take_one_line(check: Check, tmp_path: Path) -> None:
    for content, message in (("{", "not JSON"), ("[1]", "not an object"), ("{}", "no entry method")):
        (tmp_path / "bad.json").write_text(content, encoding="utf-8")
        status, _, error = check(tmp_path / "bad.json")
        assert (status, error.count("\n")) == (2, 1) and message in error
    assert check(tmp_path / "none.json")[0] == 2
    path = spoiled(tmp_path)
    for damaged in (b"PK\x03\x04 torn", b"", b"text"):
        path.with_suffix(".npz").write_bytes(damaged)
        status, _, error = check(path)
        assert (status, error.count("\n")) == (2, 1) and "case.npz" in error
    path.with_suffix(".npz").unlink()
    status, _, error = check(path)
    assert (status, error.count("\n")) == (2, 1) and "case.npz" in error


def test_what_counts_as_equal() -> None:
    nothing = Translation({}, {}, ())
    verdicts = [Comparison({"pred": e}, nothing).equal for e in (0.0, 9e-5, 2e-4, math.nan, math.inf)]
    assert verdicts == [True, True, False, False, False]
    assert not Comparison({}, nothing).equal, "nothing compared is nothing proven"


def test_relative_error() -> None:
    x = torch.arange(40_000.0)
    stored = x[::2][:16384].numpy()
    assert relative_error(x.view(2, 20_000), stored) == 0
    assert relative_error(x * 1.001, stored) == pytest.approx(1e-3, rel=1e-3)
    assert relative_error(x[:1000], stored) == math.inf
    assert math.isnan(relative_error(x * math.nan, stored))
