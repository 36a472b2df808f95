"""`import avslib`: models and data by name, one example each, and what wrong names are told."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import avslib
from avslib.data import DATASETS, find_data
from avslib.errors import UserError
from avslib.evaluation.score import load_run, score
from avslib.methods import METHODS
from avslib.methods.resolve import find_run
from avslib.methods.segmenter import Segmenter, resize
from avslib.training import train

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "first"
    train(find_run("tpavi", "mini/ms3", "smoke"), out=folder)
    return folder


@pytest.fixture(scope="module")
def model(run_folder: Path) -> Segmenter:
    return avslib.load(run_folder)


def test_it_opens_at_once_and_lists_what_it_offers() -> None:
    code = "import sys, time; t = time.perf_counter(); import avslib; t = time.perf_counter() - t; "
    code += "print(t < 0.3, 'torch' in sys.modules, set(avslib.__all__) <= set(dir(avslib)))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert answer.stdout.split() == ["True", "False", "True"]


def test_models_by_name() -> None:
    assert avslib.list_models() == list(METHODS)
    assert "pcmanet-no-masking" in avslib.list_models(variants=True)
    made = avslib.create_model(
        "pcmanet-no-masking", backbone="efficientnet_lite0", classes=3, pretrained=False
    )
    assert not made.masking and not made.training
    assert made.predict(np.zeros((2, 40, 60, 3), np.uint8), np.zeros(32000, np.float32), 16000).shape == (
        2,
        40,
        60,
    )


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: avslib.create_model("tpavy"), r"unknown method 'tpavy'; choose one of: tpavi, avsegformer, pcmanet"),
        (lambda: avslib.create_model("tpavi-x"), r"unknown variant tpavi-x; there are: none"),
        (lambda: avslib.create_model("pcmanet-x"), r"there are: pcmanet-baseline, pcmanet-no-cross-attention"),
        (lambda: avslib.create_model("tpavi", backbone="vgg", pretrained=False), r"vgg: no such visual encoder; take one of"),
        (lambda: avslib.create_model("tpavi", classes=0), r"classes=0: 1 for binary masks"),
        (lambda: avslib.open_data("mini/s3"), r"unknown data 'mini/s3'; choose one of: mini/ms3"),
        (lambda: avslib.open_data("mini/ms3", "exam"), r"unknown split 'exam'"),
        (lambda: avslib.open_data("avss"), r"give the folder of the release with --data-dir DIR"),
        (lambda: avslib.open_data("mini/ms3", length=0), r"length 0: give a whole number, 1 or more"),
        (lambda: avslib.open_data("mini/ms3", fold=-1), r"fold -1: give a whole number, 0 or more"),
        (lambda: avslib.open_data("mini/ms3", size=float("nan")), r"size nan: give a whole number, 1 or more"),
        (lambda: avslib.load("~/nowhere at all"), r"nowhere at all: no such run or checkpoint"),
        (lambda: avslib.load("nowhere"), r"nowhere: no such run or checkpoint"),
        (lambda: avslib.load(Path(__file__).parent), r"holds no run"),
    ],
)  # fmt: skip
def test_wrong_names_are_answered_with_the_known_ones(call: object, told: str) -> None:
    with pytest.raises(UserError, match=told):
        call()  # type: ignore[operator]


def test_a_run_predicts_what_it_is_scored_on(model: Segmenter, run_folder: Path) -> None:
    """The masks of `predict` on raw frames and sound are those of the evaluation, to the pixel."""
    run, same = load_run(run_folder)
    scene = run.clips("test").scene(0)
    clip = scene.clip()
    frames = clip.frames.expand(len(clip.labels), -1, -1, -1)
    masks = model.predict(frames, clip.waveform, clip.sample_rate)
    from avslib.data import collate

    with torch.no_grad():
        logits = same(collate([clip], run.front_end())).logits[0]
    assert torch.equal(masks, (logits[:, 0] > 0).long())
    with_channels_last = model.predict(
        frames.permute(0, 2, 3, 1).numpy(), clip.waveform.numpy(), clip.sample_rate
    )
    assert torch.equal(with_channels_last, masks)


def test_any_size_and_any_rate(model: Segmenter) -> None:
    frames = torch.randint(0, 256, (3, 3, 111, 257), dtype=torch.uint8)
    masks = model.predict(frames, torch.randn(2, 3 * 44100) * 0.1, 44100)
    assert (
        masks.shape == (3, 111, 257) and masks.dtype == torch.long and set(masks.unique().tolist()) <= {0, 1}
    )
    assert model.predict(frames[:1], torch.randn(8000) * 0.1, 8000).shape == (1, 111, 257)
    smaller = resize(frames, 64)
    picture = Image.fromarray(frames[0].permute(1, 2, 0).numpy()).resize((64, 64), Image.Resampling.BILINEAR)
    assert np.array_equal(smaller[0].permute(1, 2, 0).numpy(), np.asarray(picture))


@pytest.mark.parametrize(
    ("frames", "wave", "rate", "told"),
    [
        (torch.zeros(3, 3, 64, 64), torch.zeros(1, 48000), 16000, "uint8 pixels, one frame a second"),
        (torch.zeros(3, 64, 64, dtype=torch.uint8), torch.zeros(1, 48000), 16000, r"\(3, 64, 64\)"),
        (torch.zeros(0, 3, 64, 64, dtype=torch.uint8), torch.zeros(1, 48000), 16000, r"\(0, 3, 64, 64\)"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), torch.zeros(1, 0), 16000, "sample"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), torch.full((1, 16000), torch.nan), 16000, "NaN"),
    ],
)
def test_bad_input_is_told(
    model: Segmenter, frames: torch.Tensor, wave: torch.Tensor, rate: int, told: str
) -> None:
    with pytest.raises(UserError, match=told):
        model.predict(frames, wave, rate)


def test_a_model_without_preprocessing_says_so() -> None:
    bare = avslib.create_model("tpavi", backbone="efficientnet_lite0", pretrained=False)
    bare.preprocessing = None
    for call in (
        lambda: bare.predict(torch.zeros(1, 3, 64, 64, dtype=torch.uint8), torch.zeros(1, 16000), 16000),
        lambda: avslib.evaluate(bare, avslib.open_data("mini/ms3")),
    ):
        with pytest.raises(UserError, match="get it from create_model or load"):
            call()


def test_evaluate_gives_the_run_s_own_scores(model: Segmenter, run_folder: Path) -> None:
    run, same = load_run(run_folder)
    data = avslib.open_data("mini/ms3", "test", size=64, length=4)
    assert avslib.evaluate(model, data) == score(run, same, "test")
    assert list(avslib.evaluate(model, data, "J&F")) == ["J&F"]
    assert len(avslib.evaluate(model, data, ["all"])) == 5
    with pytest.raises(UserError, match="batch_size 0: give a whole number, 1 or more"):
        avslib.evaluate(model, data, batch_size=0)
    with pytest.raises(UserError, match="unknown protocol 'J'"):
        avslib.evaluate(model, data, protocols="J")
    with pytest.raises(
        UserError, match=r"pictures of 128 pixels, and a model for 64; open_data\(..., size=64\)"
    ):
        avslib.evaluate(model, avslib.open_data("mini/ms3", "test", size=128))


def test_every_data_set_is_open_by_name() -> None:
    for name, spec in DATASETS.items():
        assert find_data(name) is spec
        if spec.composed:
            clips = avslib.open_data(name, "test", size=64, length=2)
            assert len(clips) == 2 and clips.spec is spec  # type: ignore[attr-defined]


def test_the_readme_s_example_runs(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    assert "avslib.load" in code and "predict" in code and "evaluate" in code
    code = code.replace('"runs/first"', repr(str(run_folder))).replace("size=192", "size=64, length=4")
    exec(compile(code, "README.md", "exec"), {})
