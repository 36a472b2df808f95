"""Models out of the library: the same logits from a `torch.export` program and from ONNX; input made by NumPy alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from avslib.audio.frontends import CavpLogMel, VGGishLogMel
from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.errors import UserError
from avslib.export import check_target, export_onnx, export_program, export_pt2
from avslib.methods import METHODS
from avslib.methods.cpm.sound_map import SmallSoundMap
from avslib.methods.reference_case import fill
from avslib.methods.segmenter import Preprocessing, Segmenter
from avslib.types import Batch

NEAR = 1e-4
FEW: dict[str, Any] = {"dim": 16, "queries": 4, "heads": 2, "layers": 2, "hidden": 16}
MANY: dict[str, Any] = {**FEW, "pixel_layers": 1, "pixel_hidden": 16, "layers": 4}  # each memory is looked at
SMALL: dict[str, dict[str, Any]] = {
    "tpavi": {"width": 8, "inner": 4},
    "avsegformer": {**FEW, "layers": 1},
    "pcmanet": {"width": 8, "groups": 2, "heads": 2, "threshold": 0.58},
    "cavp": {"width": 8, "low": 4, "heads": 2, "audio_dim": 128},
    "vct": {**MANY, "grid": 16, "audio_hidden": 16, "prototypes": 3},
    "cpm": {**MANY, "audio_layers": 1, "layers": 3},
}
"""A few numbers for each method, so that all its layers are there and none is large."""


class Maps(nn.Module):
    """Four maps at strides 4, 8, 16, 32."""

    channels = (4, 6, 8, 10)

    def __init__(self) -> None:
        super().__init__()
        widths = (3, *self.channels)
        self.steps = nn.ModuleList(
            nn.Conv2d(c, d, 2 * s - 1, stride=s, padding=s - 1)
            for c, d, s in zip(widths, widths[1:], (4, 2, 2, 2))
        )

    def forward(self, frames: Tensor) -> list[Tensor]:
        x, maps = frames.float() / 255, []
        for step in self.steps:
            x = step(x).tanh()
            maps.append(x)
        return maps


def tiny(method: str, classes: int = 1) -> Segmenter:
    """The method in small, awake: with the weights of the reference cases' rule."""
    torch.manual_seed(0)
    small = SmallAudioEncoder()
    ear: nn.Module = SmallSoundMap(pooled=small, dim=16) if method == "cpm" else small
    model = METHODS[method].build(visual=Maps(), audio=ear, classes=classes, **SMALL[method]).eval()
    for name, parameter in model.named_parameters():
        parameter.data.copy_(fill(name, parameter.shape))
    if method == "cpm":
        model.mixtures.means[-1] += 5  # "no object" is far away, or the best queries might say nothing
    model.preprocessing = Preprocessing(VGGishLogMel(), 64)
    return model


def asked(seconds: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    frames = torch.randint(0, 256, (seconds, 3, height, width), dtype=torch.uint8)
    return frames, torch.randn(seconds, 1, 96, 64)


@torch.inference_mode()
def logits(model: Segmenter, frames: Tensor, sound: Tensor) -> Tensor:
    every = torch.ones(1, len(frames), dtype=torch.bool)
    result: Tensor = model(Batch(frames[None], sound[None], frames[None, :, 0].long(), every, every)).logits[
        0
    ]
    return result


def session(path: Path) -> Any:
    return pytest.importorskip("onnxruntime").InferenceSession(str(path))


def ran(onnx: Any, frames: Tensor, sound: Tensor) -> Tensor:
    return torch.from_numpy(onnx.run(None, {"frames": frames.numpy(), "sound": sound.numpy()})[0])


def assert_near(one: Tensor, other: Tensor) -> None:
    assert other.std() > 1e-3, "a model that says nothing proves nothing"
    torch.testing.assert_close(one, other, rtol=0, atol=NEAR)


@pytest.mark.parametrize("method", METHODS)
def test_both_files_give_the_model_s_logits_for_clips_of_every_length(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One tracing for both: it takes longest. CAVP's is of pictures of every size."""
    model, any_size = tiny(method, classes=5), method == "cavp"
    model.preprocessing = Preprocessing(VGGishLogMel(), 64, names=("a", "b", "c", "d"))
    traced = export_program(model, any_size=any_size)
    program = traced.module()
    given: list[dict[str, Any]] = []
    monkeypatch.setattr("avslib.export.export_program", lambda _, **options: given.append(options) or traced)
    export_onnx(model, tmp_path / "x.onnx", any_size=any_size)
    assert given == [{"clip_length": None, "size": None, "any_size": any_size}]
    there = session(tmp_path / "x.onnx")
    sizes = [(64, 64), (128, 160), (96, 64)] if any_size else [(64, 64)] * 3
    for seconds, size in zip((3, 5, 1), sizes):
        inputs = asked(seconds, *size)
        right = logits(model, *inputs)
        assert_near(program(*inputs), right)
        assert_near(ran(there, *inputs), right)
    told = json.loads(there.get_modelmeta().custom_metadata_map["avslib"])
    height, width = sides = ["H", "W"] if any_size else [64, 64]
    assert told["logits"] == ["T", 5, height, width] and told["sound"] == ["T", 1, 96, 64]
    assert not told["binary"] and told["classes"] == ["a", "b", "c", "d"]
    assert told["size"] == (None if any_size else 64)
    assert there.get_inputs()[0].shape == ["T", 3, *sides]


def test_a_pt2_brings_its_description_along(tmp_path: Path) -> None:
    model = tiny("cavp")
    export_pt2(model, tmp_path / "x.pt2", clip_length=2, size=96)
    extra = {"avslib.json": ""}
    program = torch.export.load(tmp_path / "x.pt2", extra_files=extra)
    inputs = asked(2, 96, 96)
    assert_near(program.module()(*inputs), logits(model, *inputs))
    assert json.loads(extra["avslib.json"])["frames"] == [2, 3, 96, 96]


def picture(told: dict[str, Any], wave: np.ndarray, frames: int) -> np.ndarray:
    """(S,) -> (T, F, M), by what the docstring of `avslib.export` says, and NumPy."""
    rate, fft, window = told["sample_rate"], told["fft"], told["window"]
    hertz = np.linspace(0, rate / 2, fft // 2 + 1)[:, None]
    mel = 1127 * np.log1p(np.array([told["low"], told["high"]]) / 700)
    corners = np.linspace(*mel, told["bins"] + 2)
    if told["straight_in"] == "mel":
        hertz = 1127 * np.log1p(hertz / 700)
    else:
        corners = 700 * np.expm1(corners / 1127)
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    triangles = np.maximum(0, np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle)))
    length = round(told["frame_seconds"] * rate)
    begin = [t * length for t in range(frames)]
    if told["centred"]:
        begin = [min(max(t * rate + rate // 2 - length // 2, 0), len(wave) - length) for t in range(frames)]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    step, pad, both = told["hop"], told["padding"], told["windows"]
    margin = (fft - window) // 2 if pad else 0
    done = []
    for first in begin:
        piece = wave[first : first + length] if pad else wave[first : first + (both - 1) * step + window]
        piece = np.pad(piece, pad, mode="reflect") if pad else piece
        cut = [piece[i * step + margin :][:window] * hann for i in range(both)]
        done.append(np.abs(np.fft.rfft(cut, fft)) ** told["power"] @ triangles)
    formulas = {
        "ln(x + 0.01)": lambda x: np.log(x + 0.01),
        "20 log10(max(x, 1e-5)) / 100": lambda x: 20 * np.log10(np.maximum(x, 1e-5)) / 100,
    }
    return formulas[told["log"]](np.stack(done))


@pytest.mark.parametrize(
    "front_end", [VGGishLogMel(), CavpLogMel(), CavpLogMel(seconds=3)], ids=["vggish", "cavp", "cavp-3"]
)
def test_numpy_alone_makes_the_sound_s_picture(front_end: VGGishLogMel | CavpLogMel) -> None:
    wave = np.random.default_rng(0).normal(size=5 * 16000).astype(np.float32) / 10
    there = front_end(torch.from_numpy(wave)[None], 16000, frames=5)[:, 0].numpy()
    mine = picture(json.loads(json.dumps(front_end.settings)), wave.astype(np.float64), 5)
    assert mine.shape == there.shape
    np.testing.assert_allclose(mine, there, atol=2e-3)


def test_what_cannot_be_exported_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny("cavp")
    for options, told in (({"size": 16}, "size 16"), ({"clip_length": 0}, "clip length 0"), ({"size": 64, "any_size": True}, "leave it out")):  # fmt: skip
        with pytest.raises(UserError, match=told):
            export_program(model, **options)
    with pytest.raises(UserError, match="PCMANet has no ONNX of any size: adaptive_avg_pool2d"):
        export_onnx(tiny("pcmanet"), tmp_path / "x.onnx", any_size=True)
    model.preprocessing = Preprocessing(VGGishLogMel(), None)
    with pytest.raises(UserError, match="in their own size"):
        export_program(model)
    model.preprocessing = None
    with pytest.raises(UserError, match="does not know its preprocessing"):
        export_program(model)
    monkeypatch.setattr("avslib.export.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs the package onnx; pip install avslib\[export\]"):
        check_target(tmp_path / "x.onnx", ".onnx")
    check_target(tmp_path / "x.pt2", ".pt2")


def test_an_export_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny("cavp")

    def fail(*_: object, **__: object) -> None:
        raise NotImplementedError("aten::grid_sampler_9d\nand many lines")

    monkeypatch.setattr("torch.onnx.export", fail)
    with pytest.raises(
        UserError, match="CAVP cannot be written as ONNX: NotImplementedError: aten::grid_s"
    ) as told:
        export_onnx(model, tmp_path / "x.onnx")
    assert "\n" not in str(told.value) and not list(tmp_path.iterdir())
