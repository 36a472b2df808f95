"""AVSegFormer's weights in our model: the reference case, and the backbones, tasks and sizes that it leaves out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import documented_avsegformer
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from avslib.errors import UserError
from avslib.importers import check_case, import_checkpoint
from avslib.methods import reference_case
from avslib.methods.reference_case import read_case

GOLDEN = Path(__file__).parent.parent / "golden"
RESNET = GOLDEN / "avsegformer_res50_s4_224.json"


def pvt_keys(classes: int) -> dict[str, list[int]]:
    """The authors' names and shapes for the PVT."""
    keys = {}
    for line in (GOLDEN / "avsegformer_pvt2_s4_keys.txt").read_text(encoding="utf-8").splitlines():
        name, shape = line.split(" ", 1)
        keys[name] = [int(n) for n in shape.strip("()").split(",") if n.strip()]
    for name in ("head.fc.4.weight", "head.attn_fc.4.weight"):
        keys[name][0] = classes
    return keys


def resnet_keys() -> dict[str, list[int]]:
    keys: dict[str, list[int]] = json.loads(RESNET.read_text(encoding="utf-8"))["keys"]
    return keys


def write(path: Path, keys: dict[str, list[int]], **inputs: list[int]) -> Path:
    content = {"method": "avsegformer", "backbone": "pvt2", "task": "avss", "keys": keys, "inputs": inputs}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_resnet_equals_the_reference() -> None:
    comparison = check_case(RESNET)
    assert comparison.errors.keys() == {"pred", "mask_feature"}
    assert max(comparison.errors.values()) < 1e-5
    assert comparison.translation.dead == {
        "backbone.layer3_2.": 114, "backbone.layer4_2.": 60, "head.fpn.": 6, "head.attn_fc.": 5,
    }  # fmt: skip
    assert not comparison.translation.unknown


def test_pvt_on_avss_equals_what_is_documented(tmp_path: Path) -> None:
    path = write(tmp_path / "case.json", pvt_keys(71), frames=[2, 3, 64, 96], logmel=[2, 1, 96, 64])
    case = read_case(path)
    with torch.inference_mode():
        outputs = documented_avsegformer.model(
            case.state_dict(), case.tensor("frames"), case.tensor("logmel")
        )
    flat = {name: x.reshape(-1).numpy() for name, x in outputs.items()}
    np.savez(path.with_suffix(".npz"), **{n: x[:: max(1, x.size // 16384)][:16384] for n, x in flat.items()})
    comparison = check_case(path)
    assert max(comparison.errors.values()) < 1e-4, comparison.errors
    assert comparison.translation.dead["head.fpn."] == 6 and not comparison.translation.unknown


@pytest.mark.parametrize(
    ("keys", "inputs", "message"),
    [
        ({}, {"frames": [2, 3, 32, 32], "logmel": [2, 1, 96, 64]}, "neither backbone.conv1."),
        (None, {"frames": [2, 3, 32, 32]}, "no input 'logmel'"),
        (None, {"frames": [2, 3, 32, 32], "logmel": [3, 1, 96, 64]}, "do not go together"),
        (None, {"frames": [2, 3, 16, 32], "logmel": [2, 1, 96, 64]}, "32 pixels or more"),
    ],
)
def test_bad_cases_take_one_line(
    tmp_path: Path, keys: dict[str, Any] | None, inputs: dict[str, list[int]], message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(reference_case, "fill", lambda key, shape: torch.zeros(shape))
    path = write(tmp_path / "case.json", pvt_keys(1) if keys is None else keys, **inputs)
    np.savez(path.with_suffix(".npz"), pred=np.zeros(1, np.float32))
    with pytest.raises(UserError, match=message):
        check_case(path)


def test_a_checkpoint_becomes_a_run_of_ours(tmp_path: Path) -> None:
    state = {f"module.{n}": torch.zeros(()).expand(s) for n, s in resnet_keys().items()}
    state["module.head.level_embed"] = torch.arange(768.0).view(3, 256)
    torch.save(state, tmp_path / "theirs.pth")
    imported = import_checkpoint(tmp_path / "theirs.pth", model="avsegformer", out=tmp_path / "ours")
    ours = load_file(tmp_path / "ours" / "weights.safetensors")
    assert torch.equal(ours["encoder.levels"], torch.arange(768.0).view(3, 256))
    assert "head.fpn.* (6), head.attn_fc.* (5)" in str(imported)
    assert not any("attn_fc" in name for name in ours)


@pytest.mark.parametrize(
    "name",
    [
        "head.transformer.decoder.layers.5.cross_attn.in_proj_bias",
        "head.query_generator.layers.0.norm2.weight",
    ],
)
def test_a_missing_entry_is_named_as_the_authors_name_it(tmp_path: Path, name: str) -> None:
    state = {n: torch.zeros(()).expand(s) for n, s in resnet_keys().items() if n != name}
    torch.save(state, tmp_path / "theirs.pth")
    with pytest.raises(UserError, match=f"{name} is missing"):
        import_checkpoint(tmp_path / "theirs.pth", model="avsegformer")
