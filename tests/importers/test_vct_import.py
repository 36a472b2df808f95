from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.methods.reference_case import ReferenceCase, read_case, read_outputs, relative_error
from avslib.methods.vct import checkpoint as vct
from avslib.methods.vct.model import VCT

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = [GOLDEN / f"vct_r50_{task}_224.json" for task in ("s4", "avss")]
HEAD = ["head.pred_logits", "head.pred_masks", "head.feats.proto_feat"]
INPUTS = [*(f"head_input.0.res{i}" for i in (2, 3, 4, 5)), "head_input.1"]
DEAD = {"audio_backbone.embeddings.": 6, "criterion.": 2}
"""Beginnings of names that take no part in the authors' network -> how many."""


def swin_keys() -> dict[str, list[int]]:
    """The authors' names and shapes for AVSS: a Swin-B for the frame, one for its regions, 384 pixels."""
    keys = {}
    for line in (GOLDEN / "vct_swinb_avss_keys.txt").read_text(encoding="utf-8").splitlines():
        name, shape = line.split(" ", 1)
        keys[name] = [int(n) for n in shape.strip("()").split(",") if n.strip()]
    return keys


def empty(keys: dict[str, list[int]]) -> dict[str, Tensor]:
    return {name: torch.zeros(()).expand(shape) for name, shape in keys.items()}


def on_meta(state: dict[str, Tensor]) -> VCT:
    with torch.device("meta"):
        return vct.build(state)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_case_equals_the_reference(path: Path) -> None:
    case = read_case(path)
    state = case.state_dict()
    model = vct.build(state)
    translation = vct.KEY_MAP.load(model, state)
    assert not translation.unknown and translation.dead == DEAD
    with torch.inference_mode():
        ours = vct.outputs(model.eval(), *vct.inputs(case))
    reference = read_outputs(path.with_suffix(".npz"))
    assert list(reference) == [*HEAD, *INPUTS, "sem_seg"]
    errors = {name: relative_error(ours[name], values) for name, values in reference.items()}
    assert max(errors.values()) < 1e-5, errors


@pytest.mark.parametrize("swin", [False, True])
def test_every_living_name_has_one_of_ours_and_back(swin: bool) -> None:
    keys = swin_keys() if swin else json.loads(CASES[0].read_text(encoding="utf-8"))["keys"]
    state = vct.prepared(empty(keys))
    translation = vct.KEY_MAP.translate(state)
    own = {name: tuple(x.shape) for name, x in on_meta(state).state_dict().items()}
    assert not translation.unknown and translation.dead == DEAD
    assert {name: tuple(x.shape) for name, x in translation.state.items()} == own
    assert {vct.KEY_MAP.theirs(name) for name in translation.state} <= keys.keys()


def test_the_weights_decide_the_switches() -> None:
    s4 = json.loads(CASES[0].read_text(encoding="utf-8"))["keys"]
    plain, swin = on_meta(empty(s4)), on_meta(empty(swin_keys()))
    assert (plain.classes, swin.classes) == (1, 71)
    assert (plain.siam is None, swin.siam is None) == (True, False)
    assert plain.generator is not None and swin.generator is not None
    assert (plain.generator.grid, swin.generator.grid) == ((56, 56), (96, 96))
    assert [len(m.generator.prompt.prototypes) for m in (plain, swin)] == [23, 71]  # type: ignore[union-attr,arg-type]
    ms3 = on_meta(empty({k: v for k, v in s4.items() if "proto" not in k and "pre_attn" not in k and "audio_proj" not in k}))  # fmt: skip
    assert ms3.generator is not None and ms3.generator.prompt is None and ms3.space is None


def test_what_does_not_fit_is_named() -> None:
    state = empty(json.loads(CASES[0].read_text(encoding="utf-8"))["keys"])
    with pytest.raises(
        UserError, match=r"no entry sem_seg_head\.predictor\.class_embed\.bias; is it the authors'"
    ):
        vct.build({})
    model = on_meta(state)
    wrong = state | {"sem_seg_head.predictor.query_embed.weight": torch.zeros(3, 256)}
    del wrong["sem_seg_head.pixel_decoder.layer_1.norm.bias"]
    with pytest.raises(UserError) as error:
        vct.KEY_MAP.load(model, wrong)
    assert "layer_1.norm.bias is missing" in str(error.value)
    assert "query_embed.weight is (3, 256) where ours is (100, 256)" in str(error.value)


def test_inputs_that_do_not_go_together_are_refused() -> None:
    shapes: dict[str, tuple[int, ...]] = {"frames": (5, 3, 64, 64), "logmel": (4, 1, 96, 64)}
    case = ReferenceCase(CASES[0], "vct", "r50", "s4", {}, shapes, {})
    with pytest.raises(UserError, match=r"give \(N, 3, H, W\) and \(N, A, F, M\)"):
        vct.inputs(case)
