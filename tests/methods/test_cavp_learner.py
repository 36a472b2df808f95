"""CAVP's step: which sounds are exchanged, what is to be seen under them, and the bank, which survives a resumption."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from avslib.methods.cavp.learner import PairingLearner
from avslib.methods.cavp.sound_bank import SoundBank
from avslib.methods.learner import Clock
from avslib.methods.resolve import find_run
from avslib.training.checkpoint import load_checkpoint
from avslib.training.loop import train
from avslib.types import IGNORE, Batch, Prediction


def numbered(*numbers: float) -> Tensor:
    return torch.tensor(numbers)[:, None, None, None].expand(-1, 1, 2, 3)


def told(bank: SoundBank, *classes: int) -> list[float | None]:
    """The numbers of the sounds that the bank gives; None where it has none."""
    sounds, there = bank.take(torch.tensor(classes, dtype=torch.long))
    return [sound[0, 0, 0].item() if ok else None for sound, ok in zip(sounds, there.tolist())]


def test_the_bank_gives_the_oldest_first_and_forgets_it_first() -> None:
    bank = SoundBank(classes=3, kept=3, shape=(1, 2, 3))
    assert told(bank, 0, 2) == [None, None] and told(bank) == []
    bank.put(numbered(1, 2, 3), torch.tensor([0, 2, 0]))
    assert told(bank, 0, 2, 1, 0) == [1, 2, None, 3]
    assert told(bank, 0, 0, 0, 2, 2) == [1, 3, 1, 2, 2], (
        "it starts again when more are asked for than there are"
    )
    bank.put(numbered(4, 5), torch.tensor([0, 0]))
    assert told(bank, 0, 0, 0, 0) == [3, 4, 5, 3], "1 made room"
    bank.put(numbered(), torch.empty(0, dtype=torch.long))
    assert told(bank, 0, 2) == [3, 2]


def test_of_more_than_it_holds_the_bank_keeps_the_last() -> None:
    bank = SoundBank(classes=2, kept=3, shape=(1, 2, 3))
    bank.put(numbered(9), torch.tensor([0]))
    bank.put(numbered(*range(7), 8), torch.tensor([0] * 7 + [1]))
    assert told(bank, 0, 0, 0, 1) == [4, 5, 6, 8]
    bank.put(numbered(7), torch.tensor([0]))
    assert told(bank, 0, 0, 0) == [5, 6, 7]


class Echo(nn.Module):
    """In place of CAVP: what it makes of a frame is the number of the sound that the frame is given."""

    def audio(self, sound: Tensor) -> Tensor:
        return sound.flatten(1)[:, None, :1]  # N 1 1

    def see(self, frames: Tensor) -> Tensor:
        return frames.flatten(1)[:, :1, None, None].float()

    def fuse(self, seen: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        return tokens[..., None], tokens  # B T 1 1 1, B T 1 1

    def score(self, fused: Tensor, response: Tensor, valid: Tensor, size: Sequence[int]) -> Prediction:
        return Prediction(fused, {"embedding": fused})


class Step:
    """Frame i holds the classes `contents[i]` and sounds like i; all in one clip, one pixel of each is ignored."""

    def __init__(
        self, contents: Sequence[Sequence[int]], annotated: Sequence[int] | None = None, **options: Any
    ) -> None:
        torch.manual_seed(0)
        known = range(len(contents)) if annotated is None else annotated
        labels = torch.zeros(1, len(contents), 4, 4, dtype=torch.long)
        for frame, classes in zip(labels[0], contents):
            frame[0, : len(classes)] = torch.tensor(list(classes), dtype=torch.long)
            frame[3, 3] = IGNORE
        every = torch.ones(1, len(contents), dtype=torch.bool)
        annotation = torch.tensor([[i in known for i in range(len(contents))]])
        sound = numbered(*range(len(contents)))[None].contiguous()
        self.batch = Batch(torch.zeros(1, len(contents), 3, 4, 4), sound, labels, annotation, every)
        sizes: dict[str, Any] = {"classes": 4, "sound_shape": (1, 2, 3), **options}
        self.learner = PairingLearner(model=Echo(), criterion=self.look, **sizes)

    def look(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        self.own = prediction.extras["embedding"].flatten().tolist()
        self.given = [int(x) for x in prediction.extras["shuffled"].flatten()]
        self.labels, self.seen = prediction.extras["shuffled_labels"][0], batch.labels[0]
        return {"mask": prediction.logits.sum()}

    def __call__(self, epoch: int) -> Step:
        self.learner(self.batch, Clock(step=epoch, epoch=epoch, steps=9))
        return self

    def fill(self) -> Step:
        """The bank, with a sound of each class: 101, 102, 103."""
        self.learner.bank.put(numbered(101, 102, 103), torch.tensor([0, 1, 2]))
        return self


MIXED = [(1,), (2,), (1,), (1, 2), (), (3,), (2, 1), (2,), (3,), ()]


def test_a_matching_pair_keeps_its_mask_and_another_has_nothing_to_be_seen() -> None:
    step, matching = Step(MIXED), 0
    for _ in range(10):
        step(epoch=0)
        assert step.own == list(range(len(MIXED))) and sorted(step.given) == list(range(len(MIXED)))
        for frame, sound in enumerate(step.given):
            same = set(MIXED[frame]) == set(MIXED[sound])
            matching += same
            expected = step.batch.labels[0, frame] if same else step.batch.labels[0, frame] // IGNORE * IGNORE
            assert torch.equal(step.labels[frame], expected)
    assert 10 < matching < 60


def test_the_bank_gives_from_its_epoch_on_once_it_has_something() -> None:
    early = Step(MIXED, matching=1.0).fill()(epoch=0)
    assert max(early.given) < 100, "too early"
    assert early.learner.bank.written.tolist() == [1 + 2, 1 + 2, 1 + 2], "but it listens: to single sources"
    assert max(Step(MIXED, matching=1.0)(epoch=1).given) < 100, "nothing is there"
    assert max(Step(MIXED, matching=1.0).fill()(epoch=1).given) > 100
    assert max(Step(MIXED, matching=1.0, starts=2).fill()(epoch=1).given) < 100


def test_with_a_full_bank_every_single_source_matches() -> None:
    step, banked = Step(MIXED, matching=1.0).fill(), 0
    for epoch in (1, 2):
        step(epoch=epoch)
        for frame, (classes, sound) in enumerate(zip(MIXED, step.given)):
            if len(classes) == 1:
                assert torch.equal(step.labels[frame], step.batch.labels[0, frame])
            assert sound < 100 or classes == (sound - 100,), "of its own class, to a single source"
            banked += sound > 100
    assert banked > 1


@pytest.mark.parametrize("matching", [0.0, 0.1, 0.5, 0.9])
def test_the_bank_makes_so_many_of_the_mismatched_match(matching: float) -> None:
    contents = [(1,), (2,), (1, 2)] * 10
    step = Step(contents, matching=matching, kept=100)
    for epoch in range(5):
        before, random = step.learner.bank.written.clone(), torch.get_rng_state()
        step.learner.matching = 0.0
        plain = step(epoch=epoch).given  # the same exchange without a bank
        assert torch.equal(step.learner.bank.written, before), "without a bank nothing is kept"
        wrong = [i for i, sound in enumerate(plain) if contents[i] != contents[sound]]
        single = [i for i in wrong if len(contents[i]) == 1]
        torch.set_rng_state(random)
        step.learner.matching = matching
        step(epoch=epoch)
        still = sum(not (labels[0] > 0).any() for labels in step.labels)
        given = min(int(matching * len(wrong)), len(single)) if epoch else 0
        assert 10 < len(single) < len(wrong) and len(wrong) - still == given


def test_a_frame_that_is_not_annotated_is_ignored_and_not_kept() -> None:
    step = Step([(1,), (2,), (3,), (1,)], annotated=[0, 2])(epoch=0)
    for labels in (step.seen, step.labels):
        assert (labels[[1, 3]] == IGNORE).all() and not (labels[[0, 2]] == IGNORE).all()
    assert torch.equal(step.seen[[0, 2]], step.batch.labels[0, [0, 2]])
    assert step.learner.bank.written.tolist() == [1, 0, 1]
    assert told(step.learner.bank, 0, 2) == [0, 2]


def test_a_sound_that_is_not_annotated_says_nothing_of_what_is_to_be_seen() -> None:
    """On S4 four of five sounds are such, some of them of the same clip; the authors exchange annotated ones alone."""
    step = Step([(1,), (1,), (1,), (1,)], annotated=[0, 1])
    for _ in range(10):
        step(epoch=0)
        for frame in (0, 1):
            assert step.given[frame] < 2 or (step.labels[frame] == IGNORE).all()


def test_stills_are_paired_with_each_second_and_evaluation_leaves_the_bank_alone() -> None:
    run = find_run("cavp", "mini/vpo-ms", "smoke")
    torch.manual_seed(0)
    learner = run.learner().eval()
    still = torch.randint(0, 256, (2, 1, 3, 64, 64), dtype=torch.uint8)
    every = torch.ones(2, 3, dtype=torch.bool)
    labels = torch.ones(2, 3, 64, 64, dtype=torch.long)
    batch = Batch(still, torch.randn(2, 3, 2, 96, 64).clamp(-1, 1), labels, every, every)
    with torch.no_grad():
        terms = learner(batch, Clock(0, 0, 1)).keys()
        alone = learner.criterion(learner.model(batch), batch).keys()
        assert terms - alone == {"contrast"}, "no exchanged sounds in validation"
        assert terms == run.loss_weights.keys()
    assert not learner.bank.written.any()  # type: ignore[union-attr]
    learner.train()(batch, Clock(0, 0, 1))
    assert learner.bank.written.tolist() == [6] + [0] * 7  # type: ignore[union-attr]


def test_the_bank_is_in_the_state() -> None:
    step, other = Step(MIXED)(epoch=0), Step(MIXED)
    state = step.learner.state_dict()
    assert set(state) == {"bank.sounds", "bank.written"}
    other.learner.load_state_dict(state)
    assert told(other.learner.bank, 0, 0, 1, 1, 2, 2) == [0, 2, 1, 7, 5, 8]


SMOKE = find_run("cavp", "mini/vpo-ms", "smoke")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    train(SMOKE, out=out)
    return out


@pytest.mark.parametrize("stop_at", [1, 3])  # in the first epoch; in the second, when the bank gives
def test_interrupted_and_resumed_equals_unbroken(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    step = PairingLearner.forward

    def stopping(self: PairingLearner, batch: Batch, clock: Clock) -> dict[str, Tensor]:
        if clock.step == stop_at:
            raise KeyboardInterrupt
        return step(self, batch, clock)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(PairingLearner, "forward", stopping)
        train(SMOKE, out=tmp_path, checkpoint_every=1)
    torch.manual_seed(5)
    train(SMOKE, out=tmp_path, resume=True)
    assert (whole / "log.jsonl").read_text(encoding="utf-8") == (tmp_path / "log.jsonl").read_text(
        encoding="utf-8"
    )
    one, two = (
        load_checkpoint(folder / "checkpoint.pt", SMOKE.config())["learner"] for folder in (whole, tmp_path)
    )
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    assert one["bank.written"].sum() > 0 and one["bank.sounds"].any(), "else nothing of it was tested"
    records = [
        json.loads((folder / "record.json").read_text(encoding="utf-8")) for folder in (whole, tmp_path)
    ]
    assert records[0]["metrics"] == records[1]["metrics"]
