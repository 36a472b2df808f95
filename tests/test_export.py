"""Models taken out of the library: the same logits from a `torch.export` program and from ONNX, and input made by NumPy alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from avslib.audio.frontends import VGGishLogMel
from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.export import export_onnx, export_program
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
    "avsegformer": FEW,
    "pcmanet": {"width": 8, "groups": 2, "heads": 2, "threshold": 0.58},
    "cavp": {"width": 8, "low": 4, "heads": 2, "audio_dim": 128},
    "vct": {**MANY, "grid": 16, "audio_hidden": 16, "prototypes": 3},
    "cpm": {**MANY, "audio_layers": 1},
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
def test_a_program_gives_the_model_s_logits_for_clips_of_every_length(method: str) -> None:
    model = tiny(method)
    program = export_program(model).module()
    for seconds in (3, 5, 1):
        inputs = asked(seconds, 64, 64)
        assert_near(program(*inputs), logits(model, *inputs))


@pytest.mark.parametrize("method", METHODS)
def test_onnx_gives_the_model_s_logits_over_classes(method: str, tmp_path: Path) -> None:
    model = tiny(method, classes=5)
    export_onnx(model, tmp_path / "x.onnx", classes=("a", "b", "c", "d"))
    there = session(tmp_path / "x.onnx")
    for seconds in (3, 5, 1):
        inputs = asked(seconds, 64, 64)
        assert_near(ran(there, *inputs), logits(model, *inputs))
    told = json.loads(there.get_modelmeta().custom_metadata_map["avslib"])
    assert told["logits"] == ["T", 5, 64, 64] and told["sound"] == ["T", 1, 96, 64] and told["size"] == 64
    assert not told["binary"] and told["classes"] == ["a", "b", "c", "d"]
    assert there.get_inputs()[0].shape == ["T", 3, 64, 64]
