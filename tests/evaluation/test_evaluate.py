"""Scoring: foreground counted by hand, sounds that must not be believed, and a run scored again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import toy
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from avslib.errors import UserError
from avslib.evaluation.counterfactual import foreground_counts, score_by_sound
from avslib.evaluation.evaluate import evaluate
from avslib.methods.run import SoundBlind
from avslib.types import IGNORE, Batch, Prediction


class Oracle(nn.Module):
    """Marks the red or the blue square, whichever it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(()))

    def forward(self, batch: Batch) -> Prediction:
        low, high = batch.sound[:, :, 0, 0, 0], batch.sound[:, :, 0, 1, 0]
        red, blue = batch.frames[:, :, 0] > 0, batch.frames[:, :, 2] > 0
        marked = (
            torch.where((low >= high)[:, :, None, None], red, blue) & (low + high > 0.1)[:, :, None, None]
        )
        return Prediction(marked.float()[:, :, None] - 0.5)


def test_foreground_of_binary_and_of_semantic_logits() -> None:
    labels = torch.tensor([[[[1, 1, 0, IGNORE]]]])  # B T H W
    binary = torch.tensor([1.0, -1.0, 1.0, 1.0]).view(1, 1, 1, 1, 4)
    assert foreground_counts(binary, labels).tolist() == [1, 3]
    semantic = torch.stack([-binary, binary, binary - 5], dim=2)[:, :, :, 0]
    assert foreground_counts(semantic, labels).tolist() == [1, 3]


def test_the_oracle_follows_the_sound() -> None:
    heard = score_by_sound(
        Oracle(), toy.ToyScenes(7, 0), toy.tone, batch_size=3, sounds=("right", "silence", "visible")
    )
    assert heard == {"right": 1.0, "silence": 0.0, "visible": 0.0}


def test_every_clip_is_scored_once_and_the_mode_is_given_back() -> None:
    model = Oracle().train()
    scores = evaluate(model, toy.ToyScenes(7, 0), toy.tone, [toy.Foreground()], batch_size=3)
    assert scores == {"toy": {"IoU": 1.0, "clips": 7.0}}
    assert model.training


def test_sound_blind_hears_zeros_of_the_right_shape() -> None:
    clip = toy.ToyScenes(1, 0)[0]
    heard: Tensor = SoundBlind(toy.tone)(clip.waveform, clip.sample_rate, frames=2)
    assert heard.shape == (2, 1, 2, 1)
    assert not heard.any()


def test_losses_and_scores_are_computed_in_float32() -> None:
    masks = torch.tensor([True])
    prediction = Prediction(torch.ones(1, dtype=torch.bfloat16), {"mask": masks}).in_float32()
    assert prediction.logits.dtype == torch.float32
    assert prediction.extras["mask"] is masks


def test_a_run_is_read_back_and_scored_the_same(tmp_path: Path) -> None:
    from avslib.evaluation.score import choose_protocols, load_run, score
    from avslib.methods.resolve import find_run
    from avslib.training.loop import train

    record = train(find_run(toy.__file__, "toy", "smoke", seed=3), out=tmp_path)
    run, model = load_run(tmp_path)
    assert (run.seed, run.schedule) == (3, "smoke")
    assert score(run, model, "test") == record.metrics["test"]
    with pytest.raises(UserError, match="unknown protocol 'nope'; choose of: toy, avsbench-binary, "):
        choose_protocols(run.data.protocols(), ["nope"])
    weights = tmp_path / "weights.safetensors"
    whole, state = weights.read_bytes(), load_file(weights)
    for wrong in ({"head.bias": state["head.bias"]}, state | {"novel": torch.zeros(1)}):
        save_file(wrong, weights)
        with pytest.raises(UserError, match=r"weights\.safetensors: cannot be read as this run's weights"):
            load_run(tmp_path)
    weights.write_bytes(whole[:-10])
    with pytest.raises(UserError, match=r"weights\.safetensors: cannot be read"):
        load_run(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"method": "tpavi"}), encoding="utf-8")
    with pytest.raises(UserError, match=r"config\.json: damaged"):
        load_run(tmp_path)
