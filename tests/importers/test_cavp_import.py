from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from avslib.encoders.resnet_audio import ResNetAudio
from avslib.errors import UserError
from avslib.front_door import load
from avslib.importers import check_case, import_checkpoint
from avslib.importers.check import run_case
from avslib.importers.checkpoint import recognise
from avslib.methods import reference_case
from avslib.methods.cavp import checkpoint as cavp
from avslib.methods.reference_case import read_case

GOLDEN = Path(__file__).parent.parent / "golden"
CASE = GOLDEN / "cavp_avss_s4_224.json"
AVSS = json.loads(CASE.read_text(encoding="utf-8"))["keys"]
CLASSIFIER = "segment.upsample.classifier.weight"
DEAD = {"cross_att.pos_embed_": 2, "audio_backbone.cls_head.": 2}
"""Beginnings of names that the authors' model never uses -> how many."""


def vpo_keys() -> dict[str, list[int]]:
    """The authors' names and shapes for VPO: a ResNet-18 hears both ears."""
    keys = {}
    for line in (GOLDEN / "cavp_vpo_keys.txt").read_text(encoding="utf-8").splitlines():
        name, shape = line.split(" ", 1)
        keys[name] = [int(n) for n in shape.strip("()").split(",") if n.strip()]
    return keys


def empty(keys: dict[str, list[int]], prefix: str = "") -> dict[str, Tensor]:
    return {prefix + name: torch.zeros(()).expand(shape) for name, shape in keys.items()}


def saved(folder: Path, state: dict[str, Tensor]) -> Path:
    torch.save({"model": state, "epoch": 80}, folder / "theirs.pth")
    return folder / "theirs.pth"


def test_the_case_equals_the_reference() -> None:
    comparison = check_case(CASE)
    assert list(comparison.errors) == ["pred", "fused", "audio", "visual", "attn_v"]
    assert max(comparison.errors.values()) < 1e-5, comparison.errors
    assert not comparison.translation.unknown
    assert "cross_att.pos_embed_* (2), audio_backbone.cls_head.* (2)" in str(comparison.translation)


@pytest.mark.parametrize("keys", [AVSS, vpo_keys()])
def test_every_living_name_has_one_of_ours_and_back(keys: dict[str, list[int]]) -> None:
    state = empty(keys)
    model = cavp.build(state)
    translation = cavp.KEY_MAP.load(model, state)
    assert not translation.unknown and set(translation.state) == set(model.state_dict())
    assert translation.dead == DEAD
    assert len(translation.state) + sum(translation.dead.values()) == len(keys)
    assert {cavp.KEY_MAP.theirs(name) for name in translation.state} <= keys.keys()
    assert recognise(state) == "cavp"


def test_what_the_model_hears_decides_how_it_sees() -> None:
    """VPO's looks at maps of stride 8; shapes do not tell that."""
    vpo, avss = (cavp.build(empty(keys)) for keys in (vpo_keys(), AVSS))
    assert isinstance(vpo.audio, ResNetAudio) and vpo.audio.net.conv1.in_channels == 2
    assert (vpo.head.classify.out_channels, avss.head.classify.out_channels) == (22, 71)
    strides = [
        [m.net.layer3[0].conv2.stride, m.net.layer4[0].conv2.stride] for m in (vpo.visual, avss.visual)
    ]
    assert strides == [[(1, 1), (1, 1)], [(2, 2), (1, 1)]]
    mono = vpo_keys() | {"audio_backbone.backbone.conv1.weight": [64, 1, 7, 7]}
    with pytest.raises(UserError, match="one ear"):
        cavp.build(empty(mono))


@pytest.mark.parametrize(("keys", "data"), [(AVSS, "avss"), (vpo_keys(), "vpo-ss")])
def test_a_checkpoint_becomes_a_run_of_ours(tmp_path: Path, keys: dict[str, list[int]], data: str) -> None:
    state, classes = empty(keys, "module."), keys[CLASSIFIER][0]
    state[f"module.{CLASSIFIER}"] = torch.arange(float(classes))[:, None, None, None].expand(keys[CLASSIFIER])
    imported = import_checkpoint(saved(tmp_path, state), out=tmp_path / "ours")
    assert (imported.run.title, imported.run.data.name, imported.run.schedule) == ("cavp", data, "authors")
    assert "cross_att.pos_embed_* (2), audio_backbone.cls_head.* (2)" in str(imported)
    model = load(tmp_path / "ours")
    assert model.head.classify.weight[:, 0, 0, 0].tolist() == list(range(classes))  # type: ignore[union-attr,index]
    masks = model.predict(torch.zeros(1, 3, 64, 64, dtype=torch.uint8), torch.zeros(2, 48000), 16000)
    assert masks.shape == (1, 64, 64)


def test_a_checkpoint_with_one_ear_can_be_loaded_or_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, empty(vpo_keys() | {"audio_backbone.backbone.conv1.weight": [64, 1, 7, 7]}))
    try:
        import_checkpoint(path, out=tmp_path / "ours")
    except UserError:
        return
    assert load(tmp_path / "ours").audio.net.conv1.in_channels == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        (CLASSIFIER, None, f"no entry {CLASSIFIER}; is it the authors' model"),
        ("cross_att.norm.bias", None, r"cross_att\.norm\.bias is missing"),
        ("visual_projector.fc1.weight", torch.zeros(3, 304), r"visual_projector\.fc1\.weight is \(3, 304\) where ours"),
        ("segment.novel.weight", torch.zeros(3), r"names that cavp does not have: segment\.novel\.weight"),
        ("audio_backbone.backbone.fc.weight", torch.zeros(9, 512), r"audio_backbone\.backbone\.fc\.weight is \(9, 512\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(tmp_path: Path, name: str, tensor: Tensor | None, message: str) -> None:
    state = empty(vpo_keys(), "module.")
    state.pop(f"module.{name}", None)
    if tensor is not None:
        state[f"module.{name}"] = tensor
    with pytest.raises(UserError, match=message) as error:
        import_checkpoint(saved(tmp_path, state), model="cavp")
    assert "\n" not in str(error.value)


def test_data_that_it_does_not_fit_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, empty(vpo_keys()))
    assert import_checkpoint(path, data="vpo-msmi").run.data.name == "vpo-msmi"
    with pytest.raises(UserError, match="fits no recipe of the authors of cavp on avss"):
        import_checkpoint(path, data="avss")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "hrnet"}, "cavp has no backbone 'hrnet', only avss, vpo"),
        ({"inputs": {"frames": [2, 3, 224, 224]}}, "no input 'logmel'"),
        ({"inputs": {"frames": [2, 3, 224, 224], "logmel": [3, 1, 96, 64]}}, r"give \(N, 3, H, W\) and \(N, A, F, M\)"),
        ({"keys": {"head.weight": [1]}}, f"no entry {CLASSIFIER}"),
    ],
)  # fmt: skip
def test_bad_cases_take_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], message: str
) -> None:
    monkeypatch.setattr(reference_case, "fill", lambda key, shape: torch.zeros(shape))
    content = json.loads(CASE.read_text(encoding="utf-8")) | changes
    (tmp_path / "case.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=message) as error:
        run_case(read_case(tmp_path / "case.json"))
    assert "\n" not in str(error.value)
