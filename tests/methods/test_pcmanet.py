from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from model_tester import ModelTester, SwitchTester, TinyVisualEncoder, logits, wake

from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.layers.recording import recording
from avslib.methods.pcmanet.criterion import PCMANetCriterion
from avslib.methods.pcmanet.model import PCMANet

AUTHORS = {"scrambled_layout": True, "selection_without_gradient": True, "bias_on_unselected": True}


def tiny(**options: object) -> PCMANet:
    sizes: dict[str, object] = {"width": 16, "groups": 2, "heads": 2, "threshold": 0.58}
    return PCMANet(visual=TinyVisualEncoder(), audio=SmallAudioEncoder(), **{**sizes, **options})  # type: ignore[arg-type]


class TestPaper(ModelTester):
    build = staticmethod(tiny)
    criterion = PCMANetCriterion


class TestSemantic(SwitchTester):
    build = staticmethod(lambda: tiny(classes=5))
    criterion = PCMANetCriterion
    classes = 5


class TestWithoutTheFinestMap(SwitchTester):
    build = staticmethod(lambda: tiny(stages=(2, 3, 4)))
    criterion = PCMANetCriterion


class TestNothingOfThePaper(SwitchTester):
    """The first row of Table IV."""

    build = staticmethod(lambda: tiny(group_attention=False, cross_attention=False))
    criterion = PCMANetCriterion


class TestAllQueriesAndNoContinuity(SwitchTester):
    build = staticmethod(lambda: tiny(masking=False, continuity=False))
    criterion = PCMANetCriterion


def test_the_authors_code_leaves_queries_untrained_and_the_paper_does_not() -> None:
    batch = TestPaper().batch()
    for options, trained in (({}, True), (AUTHORS, False)):
        model = wake(tiny(**options)).train()
        terms = PCMANetCriterion()(model(batch), batch)
        torch.stack(list(terms.values())).sum().backward()
        gradients = [attend.visual_query.weight.grad for attend in model.attend]  # type: ignore[union-attr]
        assert gradients[-1].abs().sum() > 0, "the coarsest stage asks with everything"  # type: ignore[union-attr]
        assert [g is not None and bool(g.any()) for g in gradients[:-1]] == [trained] * 3  # type: ignore[union-attr]


@pytest.mark.parametrize("option", [*AUTHORS, "progression", "masking", "continuity"])
def test_every_switch_does_something(option: str) -> None:
    """Except to the value, where only the gradient is cut."""
    value = option in AUTHORS
    batch = TestPaper().batch()
    model, other = (wake(tiny(**{option: v})).eval() for v in (not value, value))
    other.load_state_dict(model.state_dict(), strict=False)  # fewer layers without continuity
    same = torch.equal(logits(model, batch), logits(other, batch))
    assert same == (option == "selection_without_gradient")


def test_masks_only_shrink_from_stage_to_stage() -> None:
    batch = TestPaper().batch()
    with recording() as tape, torch.no_grad():
        wake(tiny()).eval()(batch)
    coarse_to_fine = tape["pcmanet.unsure"]
    assert [tuple(m.shape) for m in coarse_to_fine] == [(2, 3, n, n) for n in (2, 4, 8, 16)]
    for coarse, fine in pairwise(coarse_to_fine):
        allowed = coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        assert not (fine & ~allowed).any()
    assert 0 < coarse_to_fine[2].float().mean() < 1, "else nothing is tested"


def test_layers_are_the_other_stages_from_the_coarsest_on() -> None:
    with torch.no_grad():
        prediction = tiny(auxiliary=True, stages=(2, 3, 4)).eval()(TestPaper().batch())
    assert [tuple(layer["logits"].shape) for layer in prediction.layers] == [(2, 3, 1, n, n) for n in (2, 4)]
    assert set(prediction.extras) == {"agreement2", "agreement3", "agreement4"}


def test_a_still_is_seen_once() -> None:
    model = tiny().eval()
    logits(model, TestPaper().batch(clips=2, seconds=7, still=True))
    assert model.visual.pictures == 2


def test_padded_frames_have_no_logits() -> None:
    batch = TestPaper().batch(clips=1, seconds=2)
    for valid in ([[True, False]], [[False, False]]):
        result = logits(wake(tiny()).eval(), replace(batch, valid=torch.tensor(valid)))
        assert result.isfinite().all() and not result[~torch.tensor(valid)].any()


def test_no_parameter_is_dead() -> None:
    """The paper's own model carries 0.59 M in the decoder and 0.2 M in the last stage's sound."""
    model = tiny()
    assert model.fuse[-1].coarse is None and model.fuse[0].coarse is not None
    assert model.attend[0].sound_query is None and model.attend[1].sound_query is not None
    assert not tiny(cross_attention=False).attend
    assert all(attend.sound_query is None for attend in tiny(continuity=False).attend)


def test_a_compiled_graph_erases_instead_of_gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = wake(tiny(bias_on_unselected=True)).eval(), TestPaper().batch()
    gathered = logits(model, batch)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    torch.testing.assert_close(logits(model, batch), gathered)
