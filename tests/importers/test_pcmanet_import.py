from __future__ import annotations

import json
from pathlib import Path

import documented_pcmanet
import numpy as np
import pytest
import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.importers import check_case, import_checkpoint
from avslib.importers.check import run_case
from avslib.layers.recording import recording
from avslib.methods import reference_case
from avslib.methods.pcmanet import checkpoint as pcmanet
from avslib.methods.reference_case import read_case

GOLDEN = Path(__file__).parent.parent / "golden"
RESNET = json.loads((GOLDEN / "pcmanet_resnet_s4_224.json").read_text(encoding="utf-8"))["keys"]
SOUND_QUERY = "qsca1.attn.transformer.layers.0.0.fn.a_to_qkv.weight"


def pvt_keys(task: str) -> dict[str, list[int]]:
    """The authors' names and shapes for the PVT; in their MS3 model one layer is called otherwise."""
    keys = {}
    for line in (GOLDEN / "pcmanet_pvt_s4_keys.txt").read_text(encoding="utf-8").splitlines():
        name, shape = line.split(" ", 1)
        keys[name] = [int(n) for n in shape.strip("()").split(",") if n.strip()]
    if task == "ms3":
        keys = {name.replace("aud_fc1.", "aud_fc."): shape for name, shape in keys.items()}
    if task == "avss":
        for stage in (1, 2, 3, 4):
            keys[f"output_conv{stage}.3.weight"][0] = keys[f"output_conv{stage}.3.bias"][0] = 71
    return keys


def write_case(folder: Path, task: str, *, frames: int, size: int, gain: float) -> Path:
    """A PVT case whose outputs come from the model as documented."""
    content = {
        "method": "pcmanet",
        "backbone": "pvt",
        "task": task,
        "keys": pvt_keys(task),
        "inputs": {"frames": [frames, 3, size, size], "audio128": [frames, 128]},
        "gain": {"output_conv{1..4}.3.weight": gain},
    }
    path = folder / "case.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    case = read_case(path)
    with torch.inference_mode():
        pictures, sound = case.tensor("frames"), case.tensor("audio128").abs()
        seconds = pcmanet.CLIP_SECONDS[task]
        outputs = documented_pcmanet.model(case.state_dict(), pictures, sound, groups=8, seconds=seconds)
    flat = {name: x.reshape(-1).numpy() for name, x in outputs.items()}
    np.savez(folder / "case.npz", **{n: x[:: max(1, x.size // 16384)][:16384] for n, x in flat.items()})
    return path


@pytest.mark.parametrize("name", ["pcmanet_resnet_s4_224", "pcmanet_resnet_s4_224_gain40"])
def test_resnet_equals_the_reference(name: str) -> None:
    comparison = check_case(GOLDEN / f"{name}.json")
    assert list(comparison.errors) == ["out1", "out2", "out3", "out4"]
    assert max(comparison.errors.values()) < 1e-5
    assert "gf4.seq2.* (7)" in str(comparison.translation) and not comparison.translation.unknown


def test_pvt_on_avss_equals_what_is_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcmanet, "SIDES", [96])  # smaller pictures than the authors' code takes, for speed
    with recording() as tape:
        comparison = check_case(write_case(tmp_path, "avss", frames=10, size=96, gain=30.0))
    assert 0.1 < tape["pcmanet.unsure"][1].float().mean() < 0.9, "else no query is left out"
    assert comparison.equal and max(comparison.errors.values()) < 1e-5, comparison.errors


@pytest.mark.parametrize("keys", [RESNET, pvt_keys("s4"), pvt_keys("ms3"), pvt_keys("avss")])
def test_every_living_name_has_one_of_ours(keys: dict[str, list[int]]) -> None:
    state = {name: torch.zeros(()).expand(shape) for name, shape in keys.items()}
    translation = pcmanet.KEY_MAP.load(pcmanet.build(state), state)
    assert not translation.unknown
    projections = sum(name.endswith("a_to_qkv.weight") for name in keys)
    assert len(translation.state) + sum(translation.dead.values()) == len(keys) + projections


def authors_state() -> dict[str, Tensor]:
    state = {f"module.{n}": torch.zeros(()).expand(s) for n, s in RESNET.items()}
    state["module." + SOUND_QUERY.replace("qsca1", "qsca2")] = torch.arange(768.0)[:, None].expand(768, 256)
    return state


def test_a_checkpoint_becomes_a_run_of_ours(tmp_path: Path) -> None:
    torch.save(authors_state(), tmp_path / "theirs.pth")
    imported = import_checkpoint(tmp_path / "theirs.pth", model="pcmanet", out=tmp_path / "ours")
    first = imported.model.attend[1].sound_query.weight[:, 0]  # type: ignore[union-attr,index]
    rest = imported.model.attend[1].sound_key_value.weight[:, 0]  # type: ignore[union-attr,index]
    assert torch.equal(torch.cat([first, rest]), torch.arange(768.0))
    assert imported.model.align[0].groups == 4  # type: ignore[union-attr,index]
    assert (tmp_path / "ours" / "weights.safetensors").stat().st_size > 1e6


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("aud_fc1.bias", None, "aud_fc1.bias is missing"),
        ("avga3.fc.1.bias", torch.zeros(3), "avga3.fc.1.bias is"),
        (SOUND_QUERY, torch.zeros(3), r"qsca1.*a_to_qkv.weight\[key, value\] is missing"),
        ("novel.weight", torch.zeros(3), "novel.weight"),
        ("avga1.seq1.0.weight", torch.zeros(3), "avga1.seq1.0.weight is"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, name: str, tensor: Tensor | None, message: str) -> None:
    state = authors_state()
    state.pop(f"module.{name}", None)
    if tensor is not None:
        state[f"module.{name}"] = tensor
    torch.save(state, tmp_path / "theirs.pth")
    with pytest.raises(UserError, match=message) as error:
        import_checkpoint(tmp_path / "theirs.pth", model="pcmanet")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "vpo"}, "no task 'vpo', only s4, ms3, avss"),
        ({"inputs": {"frames": [5, 3, 512, 512], "audio128": [5, 128]}}, "217 to 224"),
        ({"inputs": {"frames": [6, 3, 224, 224], "audio128": [6, 128]}}, "clips of 5"),
        ({"task": "avss"}, "clips of 10"),
        ({"keys": {"head.weight": [1]}}, "begin with neither"),
    ],
)
def test_bad_cases_take_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], message: str
) -> None:
    monkeypatch.setattr(reference_case, "fill", lambda key, shape: torch.zeros(shape))
    content = json.loads((GOLDEN / "pcmanet_resnet_s4_224.json").read_text(encoding="utf-8")) | changes
    (tmp_path / "case.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=message) as error:
        run_case(read_case(tmp_path / "case.json"))
    assert "\n" not in str(error.value)
