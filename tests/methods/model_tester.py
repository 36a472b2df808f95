"""What every model owes: subclass `ModelTester`, give it `build` (and `criterion`), and inherit the checks.

    class TestMine(ModelTester):
        build = staticmethod(lambda: Mine(...))
        criterion = MineCriterion

The model should be tiny. `wake` fills it first: a branch that starts switched off (a norm whose weights are
zero) would pass every check by doing nothing.

For a model with other switches `SwitchTester` has the same checks without compiling, which takes longest.
`AVS_COMPILE=inductor python -m pytest tests/methods -k compile` compiles to machine code, in minutes; without
it the graphs are captured and differentiated, and run by PyTorch itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn

from avslib.methods.reference_case import fill
from avslib.types import Batch


class TinyVisualEncoder(nn.Module):
    """Four maps at strides 4, 8, 16, 32; counts the pictures it was shown."""

    channels = (4, 6, 8, 10)

    def __init__(self) -> None:
        super().__init__()
        self.pictures = 0
        widths = (3, *self.channels)
        self.steps = nn.ModuleList(
            nn.Conv2d(c, d, 2 * s - 1, stride=s, padding=s - 1)
            for c, d, s in zip(widths, widths[1:], (4, 2, 2, 2))
        )

    def forward(self, frames: Tensor) -> list[Tensor]:
        self.pictures += len(frames)
        x, maps = frames.float() / 255 if frames.dtype == torch.uint8 else frames, []
        for step in self.steps:
            x = step(x).tanh()
            maps.append(x)
        return maps


class SwitchTester:
    build: Callable[[], nn.Module]
    criterion: Callable[[], nn.Module]
    size = (64, 64)
    classes = 1
    sound_shape = (1, 96, 64)

    def model(self) -> nn.Module:
        torch.manual_seed(0)
        return wake(self.build()).eval()

    def batch(
        self, clips: int = 2, seconds: int = 3, size: tuple[int, int] | None = None, still: bool = False
    ) -> Batch:
        torch.manual_seed(1)
        height, width = size or self.size
        frames = torch.randint(0, 256, (clips, 1 if still else seconds, 3, height, width), dtype=torch.uint8)
        labels = torch.randint(0, max(2, self.classes), (clips, seconds, height, width))
        every = torch.ones(clips, seconds, dtype=torch.bool)
        return Batch(frames, torch.randn(clips, seconds, *self.sound_shape), labels, every, every)

    def test_every_trainable_parameter_gets_a_gradient(self) -> None:
        model, batch = self.model().train(), self.batch()
        terms = self.criterion()(model(batch), batch)
        total = torch.stack(list(terms.values())).sum()
        assert torch.isfinite(total), terms
        total.backward()
        dead = [n for n, p in model.named_parameters() if p.requires_grad and not _reached(p)]
        broken = [
            n for n, p in model.named_parameters() if p.grad is not None and not p.grad.isfinite().all()
        ]
        assert not dead, f"no gradient reaches {dead}"
        assert not broken, f"gradients are not finite in {broken}"

    def test_odd_sizes(self) -> None:
        for size in ((45, 70), (97, 33)):
            self.assert_shape(self.batch(clips=1, seconds=2, size=size))

    def test_one_second_and_ten(self) -> None:
        for seconds in (1, 10):
            self.assert_shape(self.batch(clips=1, seconds=seconds))
            self.assert_shape(self.batch(clips=1, seconds=seconds, still=True))

    def test_a_clip_alone_is_the_clip_in_a_batch(self) -> None:
        model, batch = self.model(), self.batch(clips=3)
        together = logits(model, batch)
        for index in range(3):
            alone = logits(model, rows(batch, index))
            torch.testing.assert_close(alone[0], together[index], rtol=1e-3, atol=1e-4)

    def test_a_still_is_a_video_of_equal_frames(self) -> None:
        model, still = self.model(), self.batch(still=True)
        video = replace(still, frames=still.frames.expand(-1, still.sound.shape[1], -1, -1, -1))
        torch.testing.assert_close(logits(model, still), logits(model, video), rtol=1e-3, atol=1e-4)

    def test_it_listens(self) -> None:
        model, batch = self.model(), self.batch()
        other = replace(batch, sound=torch.randn_like(batch.sound))
        assert not torch.allclose(logits(model, batch), logits(model, other), atol=1e-3)

    def test_a_single_picture(self) -> None:
        """One clip of one second, alone in its batch: the place where squeezed axes are found."""
        model, batch = self.model(), self.batch(clips=1, seconds=1)
        self.assert_shape(batch)
        terms = self.criterion()(model.train()(batch), batch)
        torch.stack(list(terms.values())).sum().backward()

    def test_silence(self) -> None:
        batch = self.batch()
        assert logits(self.model(), replace(batch, sound=torch.zeros_like(batch.sound))).isfinite().all()

    def test_padded_frames_change_nothing(self) -> None:
        model, batch = self.model(), self.batch(seconds=4)
        batch = replace(batch, valid=torch.tensor([[True, True, False, False], [True] * 4]))
        frames, sound = batch.frames.clone(), batch.sound.clone()
        frames[0, 2:], sound[0, 2:] = 255 - frames[0, 2:], torch.randn_like(sound[0, 2:])
        before = logits(model, batch)
        after = logits(model, replace(batch, frames=frames, sound=sound))
        torch.testing.assert_close(before[batch.valid], after[batch.valid], rtol=1e-4, atol=1e-5)
        short = rows(batch, 0, seconds=2)
        torch.testing.assert_close(before[:1, :2], logits(model, short), rtol=1e-3, atol=1e-4)

    def test_weights_survive_a_file(self, tmp_path: Path) -> None:
        model, batch = self.model(), self.batch(clips=1)
        save_model(model, str(tmp_path / "weights.safetensors"))
        other = self.build().eval()
        load_model(other, str(tmp_path / "weights.safetensors"))
        assert torch.equal(logits(model, batch), logits(other, batch))

    def test_bfloat16(self) -> None:
        model, batch = self.model(), self.batch(clips=1)
        exact = logits(model, batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = logits(model, batch).float()
            terms = self.criterion()(model.train()(batch), batch)
        assert all(term.isfinite() for term in terms.values())
        assert torch.linalg.norm(rounded - exact) < 0.1 * torch.linalg.norm(exact)

    def assert_shape(self, batch: Batch) -> None:
        result = logits(self.model(), batch)
        clips, seconds, height, width = batch.labels.shape
        assert result.shape == (clips, seconds, self.classes, height, width)
        assert result.isfinite().all()


class ModelTester(SwitchTester):
    def test_compile(self) -> None:
        """The compiled model gives the same logits, and the same gradients to the same parameters."""
        model, batch = (
            self.model(),
            self.batch(clips=1, seconds=2),
        )  # in evaluation mode: dropout would differ
        torch.compiler.reset()
        compiled = torch.compile(model, backend=os.environ.get("AVS_COMPILE", "aot_eager"))
        answers, gradients = [], []
        for network in (model, compiled):
            model.zero_grad()
            prediction = network(batch)
            torch.stack(list(self.criterion()(prediction, batch).values())).sum().backward()
            answers.append(prediction.logits.detach())
            gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
        torch.testing.assert_close(answers[1], answers[0], rtol=1e-3, atol=1e-4)
        assert gradients[0].keys() == gradients[1].keys()
        for name, plain in gradients[0].items():
            gap = torch.linalg.norm(plain - gradients[1][name])
            assert gap <= 1e-3 * torch.linalg.norm(plain) + 1e-5, name


def _reached(parameter: nn.Parameter) -> bool:
    return parameter.grad is not None and bool(parameter.grad.any())


def wake(model: nn.Module) -> nn.Module:
    """The weights of the reference cases' rule: activations near 1, and nothing starts switched off."""
    statistics = ("running_mean", "running_var")
    state = {n: t for n, t in model.named_buffers() if n.endswith(statistics)} | dict(
        model.named_parameters()
    )
    for name, tensor in state.items():
        tensor.data.copy_(fill(name, tensor.shape))
    return model


def logits(model: nn.Module, batch: Batch) -> Tensor:
    with torch.inference_mode():
        result: Tensor = model(batch).logits
    return result


def rows(batch: Batch, index: int, seconds: int | None = None) -> Batch:
    """One clip of the batch, cut to its first seconds."""
    parts = (batch.frames, batch.sound, batch.labels, batch.annotated, batch.valid)
    return Batch(*(part[index : index + 1, :seconds] for part in parts))
