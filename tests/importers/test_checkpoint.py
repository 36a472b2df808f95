from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from avslib.errors import UserError
from avslib.importers import import_checkpoint

KEYS = json.loads((Path(__file__).parent.parent / "golden" / "tpavi_resnet_s4_224.json").read_text())["keys"]


def authors_state(without: str = "") -> dict[str, Tensor]:
    """Their names behind DataParallel's prefix; views of one zero, but for one entry."""
    state = {f"module.{n}": torch.zeros(()).expand(s) for n, s in KEYS.items() if n != without}
    state["module.tpavi_b1.phi.bias"] = torch.arange(128.0)
    return state


def test_a_checkpoint_becomes_a_file_of_ours(tmp_path: Path) -> None:
    torch.save(authors_state(), tmp_path / "theirs.pth")
    imported = import_checkpoint(
        tmp_path / "theirs.pth", model="tpavi", out=tmp_path / "new" / "ours.safetensors"
    )
    ours = load_file(tmp_path / "new" / "ours.safetensors")
    assert torch.equal(ours["interactions.0.key.bias"], torch.arange(128.0))
    assert torch.equal(imported.model.interactions[0].key.bias, torch.arange(128.0))  # type: ignore[union-attr,index]
    assert not any("layer3_2" in name or "blocks.3.take" in name for name in ours)
    assert "resnet.layer3_2.* (114)" in str(imported)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (lambda: authors_state(without="conv2.conv2d_list.1.bias"), "conv2.conv2d_list.1.bias is missing"),
        (lambda: {**authors_state(), "closer.weight": torch.zeros(1)}, "closer.weight"),
        (lambda: {"head.weight": torch.zeros(1)}, "begin with neither"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, state: object, message: str) -> None:
    path = tmp_path / "theirs.pth"
    torch.save(state(), path)  # type: ignore[operator]
    with pytest.raises(UserError, match=message) as error:
        import_checkpoint(path, model="tpavi")
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_other_files_and_models(tmp_path: Path) -> None:
    path = tmp_path / "code.pth"
    torch.save({"weights": Path("x")}, path)  # an object that only unpickling could make
    with pytest.raises(UserError, match="not a readable weight file"):
        import_checkpoint(path, model="tpavi")
    with pytest.raises(UserError, match="no importer"):
        import_checkpoint(path, model="magic")
