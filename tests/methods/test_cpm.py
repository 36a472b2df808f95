"""CPM's network: what every model owes, its classifier, and how the best query of each class is read off."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from model_tester import ModelTester, SwitchTester, TinyVisualEncoder, logits, wake
from torch import nn

from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.losses.set_criterion import SetCriterion
from avslib.methods.cpm.build import build
from avslib.methods.cpm.model import CPM, best_scores
from avslib.methods.cpm.sound_map import ResNetSoundMap, SmallSoundMap, VGGishSoundMap
from avslib.training.pretrain import pooled_encoder
from avslib.types import Batch

SIZES: dict[str, Any] = {
    "queries": 6, "dim": 32, "heads": 4, "audio_layers": 2, "layers": 4, "hidden": 24, "pixel_layers": 1, "pixel_hidden": 24,
}  # fmt: skip


def tiny(*, audio: nn.Module | None = None, **options: Any) -> CPM:
    ear = audio or SmallSoundMap(pooled=SmallAudioEncoder(), dim=16)
    return build(visual=TinyVisualEncoder(), audio=ear, **{**SIZES, **options})


PLAIN = partial(SetCriterion, points=None)
ALONE: dict[str, Any] = {"passes": ("vcp",)}
"""Without masks of the spectrogram, which only prompts are asked for: the learner's tests reach those."""


class Bounded(SwitchTester):
    """Which pixels a query may look at is a choice, and on maps of two by two pixels one that falls otherwise is much."""

    def test_bfloat16(self) -> None:
        """Before the first choice of the decoder the masks agree; afterwards they are numbers."""
        model, batch = self.model(), self.batch(clips=1)
        with torch.inference_mode():
            exact = model(batch).layers[0]["mask_logits"]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                prediction = model(batch)
        assert all(term.isfinite() for term in self.criterion()(prediction, batch).values())
        gap = prediction.layers[0]["mask_logits"].float() - exact
        assert torch.linalg.norm(gap) < 0.1 * torch.linalg.norm(exact)


class TestPaper(Bounded, ModelTester):
    build = staticmethod(partial(tiny, **ALONE))
    criterion = PLAIN


class TestSemantic(Bounded):
    build = staticmethod(partial(tiny, classes=5, inference="sum", **ALONE))
    criterion = PLAIN
    classes = 5


class TestBaseline(Bounded):
    """Table 4's first row: Mask2Former's linear classifier, and nothing is prompted."""

    build = staticmethod(partial(tiny, components=None, passes=()))
    criterion = PLAIN


def batch(**sizes: Any) -> Batch:
    return TestPaper().batch(**sizes)


def test_the_prediction_has_what_the_loss_and_the_memory_need() -> None:
    with torch.no_grad():
        prediction = tiny(classes=7).eval()(batch())
    shapes = {name: tuple(x.shape) for name, x in prediction.extras.items()}
    assert shapes == {
        "class_logits": (2, 3, 6, 8),
        "mask_logits": (2, 3, 6, 16, 16),
        "embedding": (2, 3, 6, 32),
    }
    assert len(prediction.layers) == 4, "before the first layer that looks, and after each but the last"
    together = prediction.extras["class_logits"].exp().sum(dim=-1)
    torch.testing.assert_close(together, torch.ones_like(together), msg="a posterior of K + 1 classes")


def test_the_classifier_is_the_posterior_of_the_mixtures() -> None:
    model = tiny(classes=4).eval()
    with torch.no_grad():
        last = model(batch()).extras
    due = model.mixtures.log_posterior(last["embedding"].flatten(0, 2))  # type: ignore[union-attr]
    torch.testing.assert_close(last["class_logits"].flatten(0, 2), due)


def test_the_first_layer_has_heard_and_not_looked() -> None:
    model, one = wake(tiny(**ALONE)).eval(), batch()
    frames = 255 - one.frames
    with torch.no_grad():
        heard = [model(x).layers[0]["class_logits"] for x in (one, Batch(frames, *_rest(one)))]
    assert torch.equal(*heard)


def _rest(one: Batch) -> tuple[Any, ...]:
    return one.sound, one.labels, one.annotated, one.valid


def test_two_evaluations_are_identical() -> None:
    model = wake(tiny()).eval()
    assert torch.equal(logits(model, batch()), logits(model, batch()))


def test_best_scores_by_hand() -> None:
    """Three queries over two pixels; the third is no object, and says nothing where its mask is."""
    classes = torch.tensor([[[0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.2, 0.1, 0.7]]]).log()
    masks = torch.tensor([[[[0.75, 0.25]], [[0.5, 0.5]], [[0.9, 0.9]]]]).logit()
    scores = best_scores({"class_logits": classes, "mask_logits": masks}, (1, 2))
    torch.testing.assert_close(scores[0, :, 0], torch.tensor([[0.0, 0.0], [0.375, 0.3]]))


def test_best_scores_are_the_paper_s_choice() -> None:
    """The class of the query with the largest p_i(c_i) m_i, query by query and pixel by pixel."""
    torch.manual_seed(0)
    prediction = {"class_logits": torch.randn(2, 7, 5), "mask_logits": torch.randn(2, 7, 3, 4)}
    scores, shares = best_scores(prediction, (3, 4)), prediction["mask_logits"].sigmoid()
    probable, own = prediction["class_logits"].softmax(dim=-1).max(dim=-1)
    for n in range(2):
        for y in range(3):
            for x in range(4):
                claims = {
                    float(probable[n, q] * shares[n, q, y, x]): int(own[n, q])
                    for q in range(7)
                    if own[n, q] < 4
                }
                best = max(claims, default=None)
                if best is not None:
                    assert int(scores[n, :, y, x].argmax()) == claims[best]


@pytest.mark.parametrize(
    ("ear", "sound", "grid"),
    [
        (lambda: VGGishSoundMap(pretrained=False, dim=8), (2, 1, 96, 64), (24, 16)),
        (lambda: ResNetSoundMap(pretrained=False, dim=8), (2, 2, 300, 64), (75, 16)),
        (lambda: SmallSoundMap(pooled=SmallAudioEncoder(), dim=8), (2, 1, 96, 64), (24, 16)),
        (
            lambda: SmallSoundMap(pooled=SmallAudioEncoder(channels=2), size=(300, 64), dim=8),
            (2, 2, 300, 64),
            (75, 16),
        ),
    ],
)
def test_maps_of_sound(ear: Any, sound: tuple[int, ...], grid: tuple[int, int]) -> None:
    """Their places are time and pitch; every weight takes part, and the encoder inside gives the token it always gave."""
    torch.manual_seed(0)
    audio = ear().eval()
    heard = torch.randn(sound)
    tokens = audio(heard)
    assert audio.grid == grid and tokens.shape == (2, grid[0] * grid[1], 8)
    torch.testing.assert_close(pooled_encoder(audio)(heard)[:, 0], audio.stages(heard)[-1])
    tokens.square().sum().backward()
    assert not [n for n, p in audio.named_parameters() if p.grad is None]
    late = heard.clone()
    late[:, :, -16:] += 5
    moved = (audio(late) - tokens).detach().abs().sum(dim=2).view(2, *grid).sum(dim=(0, 2))
    assert moved[-4:].mean() > moved[:4].mean(), "what sounds late is late in the map"


def test_the_map_hears_with_holes_in_training_unless_it_is_to_be_whole() -> None:
    audio, sound = SmallSoundMap(pooled=SmallAudioEncoder(), dim=8).train(), torch.randn(4, 1, 96, 64)
    for norm in audio.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.eval()
    with torch.no_grad():
        assert torch.equal(audio(sound, whole=True), audio(sound, whole=True))
        assert not torch.allclose(audio(sound), audio(sound, whole=True))


def test_other_encoders_are_pretrained_as_they_are() -> None:
    plain = SmallAudioEncoder()
    assert pooled_encoder(plain) is plain
