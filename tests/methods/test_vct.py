"""VCT's network: what every model owes, and the switches of its tables."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from model_tester import ModelTester, SwitchTester, TinyVisualEncoder, logits, wake
from torch import nn

from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.errors import UserError
from avslib.layers.masked_attention import semantic_scores
from avslib.methods.vct.build import AUTHORS, build
from avslib.methods.vct.criterion import VCTCriterion
from avslib.methods.vct.model import VCT
from avslib.methods.vct.vggish_map import VGGishMap
from avslib.types import Batch

SIZES: dict[str, Any] = {
    "queries": 6, "dim": 32, "grid": 16, "heads": 4, "layers": 5, "hidden": 24, "pixel_layers": 1, "pixel_hidden": 24,
    "audio_hidden": 24, "prototypes": 5,
}  # fmt: skip


def tiny(*, audio: nn.Module | None = None, **options: Any) -> VCT:
    return build(visual=TinyVisualEncoder(), audio=audio or SmallAudioEncoder(), **{**SIZES, **options})


CONTRAST = partial(VCTCriterion, contrast=True, points=None)
PLAIN = partial(VCTCriterion, points=None)


class TestPaper(ModelTester):
    build = staticmethod(tiny)
    criterion = CONTRAST


class TestSemantic(SwitchTester):
    build = staticmethod(partial(tiny, classes=5, prototypes=None))
    criterion = CONTRAST
    classes = 5


class Bounded(SwitchTester):
    """Which pixels a query may look at is a choice, and on maps of two by two pixels one that falls otherwise is much."""

    def test_bfloat16(self) -> None:
        """Before the first choice of the decoder the numbers agree; afterwards they are numbers."""
        model, batch = self.model(), self.batch(clips=1)
        with torch.inference_mode():
            exact = model(batch).layers[0]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                prediction = model(batch)
        assert all(term.isfinite() for term in self.criterion()(prediction, batch).values())
        for name, x in prediction.layers[0].items():
            assert torch.linalg.norm(x.float() - exact[name]) < 0.1 * torch.linalg.norm(exact[name])


class TestAuthors(Bounded):
    build = staticmethod(partial(tiny, **AUTHORS))
    criterion = CONTRAST


class TestAudioCentric(Bounded):
    """The baseline of Table 2: queries from the sound look at the picture alone."""

    build = staticmethod(partial(tiny, source="audio", learned=True, order=(1, 2, 3)))
    criterion = PLAIN


@pytest.mark.parametrize(
    "switches",
    [
        {"prompt": None, "grouping": None},
        {"prompt": None, "grouping": "cross"},
        {"prompt": None},
        {"contrast": False},
        {"prompt": "multiply"},
        {"prompt": "concatenate"},
        {"prompt": "add"},
        {"prompt": "replace"},
        {"order": (1, 2, 3, 0)},
    ],
)
def test_rows_of_the_tables(switches: dict[str, Any]) -> None:
    """Each is another function, in which every weight takes part."""
    model = wake(tiny(**switches)).train()
    prediction = model(batch())
    contrasts = switches.get("contrast", True) and switches.get("prompt", "prototypes") == "prototypes"
    criterion = VCTCriterion(contrast=contrasts, points=None)
    torch.stack(list(criterion(prediction, batch()).values())).sum().backward()
    dead = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not dead
    assert ("audio_embedding" in prediction.extras) == contrasts
    if switches != {"contrast": False}:
        assert not torch.allclose(
            logits(model.eval(), batch()), logits(wake(tiny()).eval(), batch()), atol=1e-3
        )


def batch(**sizes: Any) -> Batch:
    return TestPaper().batch(**sizes)


def test_the_prediction_has_what_the_loss_needs() -> None:
    with torch.no_grad():
        prediction = tiny(classes=7).eval()(batch())
    shapes = {name: tuple(x.shape) for name, x in prediction.extras.items()}
    assert shapes == {
        "class_logits": (2, 3, 6, 8), "mask_logits": (2, 3, 6, 16, 16),
        "audio_embedding": (2, 3, 32), "prototype_embedding": (5, 32),
    }  # fmt: skip
    assert len(prediction.layers) == 5, "before the first layer, and after each but the last"
    assert {tuple(p["mask_logits"].shape) for p in prediction.layers} == {(2, 3, 6, 16, 16)}
    assert {tuple(p["class_logits"].shape) for p in prediction.layers} == {(2, 3, 6, 8)}


def test_one_logit_has_the_probability_of_two_scores() -> None:
    with torch.no_grad():
        prediction = wake(tiny()).eval()(batch())
    last = {name: prediction.extras[name].flatten(0, 1) for name in ("class_logits", "mask_logits")}
    assert last["class_logits"].shape[-1] == 3, "background, object, no object"
    scores = semantic_scores(last, (64, 64)).unflatten(0, (2, 3))
    torch.testing.assert_close(prediction.logits.sigmoid(), scores.softmax(dim=2)[:, :, 1:])


def test_semantic_scores_by_hand() -> None:
    """Two queries over two pixels; "no object" takes its share and gives nothing."""
    classes = torch.tensor([[[0.2, 0.5, 0.3], [0.6, 0.0, 0.4]]]).log()
    masks = torch.tensor([[[[0.75, 0.25]], [[0.5, 0.5]]]]).logit()
    scores = semantic_scores({"class_logits": classes, "mask_logits": masks}, (1, 2))
    torch.testing.assert_close(scores[0, :, 0], torch.tensor([[0.45, 0.35], [0.375, 0.125]]))


def test_a_still_is_seen_once() -> None:
    model = tiny().eval()
    logits(model, batch(clips=2, seconds=7, still=True))
    assert model.visual.pictures == 2


def test_padded_frames_have_no_logits() -> None:
    valid = torch.tensor([[True, False]])
    result = logits(wake(tiny()).eval(), replace(batch(clips=1, seconds=2), valid=valid))
    assert result.isfinite().all() and result[valid].any() and not result[~valid].any()


def test_one_silent_frame_among_others_changes_no_other() -> None:
    model, heard = wake(tiny()).eval(), batch(clips=1, seconds=3)
    sound = heard.sound.clone()
    sound[:, 1] = 0
    before, after = logits(model, heard), logits(model, replace(heard, sound=sound))
    assert after.isfinite().all() and not torch.allclose(before[:, 1], after[:, 1], atol=1e-4)
    torch.testing.assert_close(before[:, ::2], after[:, ::2], rtol=1e-4, atol=1e-5)


def test_a_number_of_prototypes_is_needed() -> None:
    with pytest.raises(UserError, match="number of prototypes"):
        tiny(prototypes=None)
    prototypes = tiny(classes=9, prototypes=None).generator.prompt.prototypes  # type: ignore[union-attr]
    assert len(prototypes) == 9  # type: ignore[arg-type]


def test_the_sound_is_a_map_where_the_encoder_makes_one() -> None:
    model = wake(tiny(audio=VGGishMap(pretrained=False))).eval()
    assert (model.sound_grid, model.hear[0].in_features) == ((6, 4), 512)
    sound = torch.randn(1, 24, 32)
    positions = model.heard(sound).positions
    assert positions is not None and positions.unique(dim=0).shape == (24, 32)
    assert logits(model, batch(clips=1, seconds=2)).isfinite().all()
    assert tiny().heard(torch.randn(1, 1, 32)).positions is None


def test_a_model_with_a_siam_encoder_needs_regions() -> None:
    model, seen = wake(tiny(siam=TinyVisualEncoder)).eval(), batch(still=True)
    with pytest.raises(UserError, match="batch's extra 'regions'"):
        model(seen)
    results = [
        logits(model, replace(seen, extras={"regions": regions}))
        for regions in (seen.frames, 255 - seen.frames)
    ]
    assert results[0].shape == (2, 3, 1, 64, 64) and not torch.allclose(*results, atol=1e-3)
