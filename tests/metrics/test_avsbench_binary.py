"""`avsbench-binary` on cases that can be worked out by hand, and its batches."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.metrics.protocols import AVSBenchBinary

ON, OFF = 30.0, -30.0


def picture(*pixels: int, size: int = 4) -> Tensor:
    """(1, size, size) long with 1 at the given flat positions."""
    flat = torch.zeros(size * size, dtype=torch.long)
    flat[list(pixels)] = 1
    return flat.view(1, size, size)


def score(marked: Tensor, truth: Tensor, *, batch: int = 20) -> dict[str, float]:
    protocol = AVSBenchBinary(frames_per_batch=batch)
    protocol.update(torch.where(marked > 0, ON, OFF), truth)
    return protocol.compute()


@pytest.fixture
def noisy() -> tuple[Tensor, Tensor]:
    """11 frames of logits and labels; the third is silent."""
    generator = torch.Generator().manual_seed(3)
    truth = (torch.rand(11, 8, 9, generator=generator) < 0.3).long()
    truth[2] = 0
    return 2 * torch.randn(11, 1, 8, 9, generator=generator) + truth.unsqueeze(1), truth


def test_silent_frame_left_blank_is_right() -> None:
    assert score(picture(), picture()) == {"mIoU": 1.0, "F": 0.0}


def test_silent_frame_is_scored_by_its_unmarked_share() -> None:
    assert score(picture(0, 1, 2, 3), picture())["mIoU"] == pytest.approx(12 / 16)


def test_nothing_marked() -> None:
    # Every pixel is marked at threshold 0: precision 4/16, recall 1
    found = score(picture(), picture(0, 1, 2, 3))
    assert found["mIoU"] == 0
    assert found["F"] == pytest.approx(1.3 * 0.25 / (0.3 * 0.25 + 1))


def test_one_pixel_object() -> None:
    assert score(picture(5), picture(5)) == pytest.approx({"mIoU": 1.0, "F": 1.0}, abs=1e-6)
    half = score(picture(5, 6), picture(5))  # precision 1/2, recall 1
    assert half == pytest.approx({"mIoU": 0.5, "F": 1.3 * 0.5 / (0.3 * 0.5 + 1)}, abs=1e-6)


def test_small_last_batch_weighs_as_much_as_a_full_one() -> None:
    marked, truth = torch.cat([picture(0), picture(0), picture(1)]), torch.cat([picture(0)] * 3)
    found = score(marked, truth, batch=2)
    assert found["mIoU"] == pytest.approx((1 + 0) / 2, abs=1e-6)  # not 2/3
    assert score(marked, truth, batch=3)["mIoU"] == pytest.approx(2 / 3, abs=1e-6)


def test_larger_batches_lower_f(noisy: tuple[Tensor, Tensor]) -> None:
    f = {}
    for batch in (1, 11):
        protocol = AVSBenchBinary(frames_per_batch=batch)
        protocol.update(*noisy)
        silent = 10 / 11 if batch == 1 else 1.0  # the silent frame alone is a batch with F = 0
        f[batch] = protocol.compute()["F"] / silent
    assert f[11] < f[1]


@pytest.mark.parametrize("pieces", [[11], [1] * 11, [4, 4, 3], [7, 4]])
def test_pieces_do_not_matter(noisy: tuple[Tensor, Tensor], pieces: list[int]) -> None:
    logits, truth = noisy
    whole, cut = AVSBenchBinary(frames_per_batch=4), AVSBenchBinary(frames_per_batch=4)
    whole.update(logits, truth)
    for scores, labels in zip(logits.split(pieces), truth.split(pieces)):
        cut.update(scores, labels)
        cut.compute()  # looking changes nothing
    assert cut.compute() == pytest.approx(whole.compute(), abs=1e-12)


def test_clips_are_frames(noisy: tuple[Tensor, Tensor]) -> None:
    logits, truth = noisy[0][:10], noisy[1][:10]
    frames, clips, flat = (AVSBenchBinary(frames_per_batch=5) for _ in range(3))
    frames.update(logits, truth)
    clips.update(logits.view(2, 5, 1, 8, 9), truth.view(2, 5, 8, 9))
    flat.update(logits[:, 0], truth.to(torch.uint8))
    assert frames.compute() == clips.compute() == flat.compute()


def test_merge_equals_one_process(noisy: tuple[Tensor, Tensor]) -> None:
    logits, truth = noisy
    alone, first, second = (AVSBenchBinary(frames_per_batch=4) for _ in range(3))
    alone.update(logits, truth)
    second.update(logits[:4], truth[:4])
    first.update(logits[4:], truth[4:])  # the process with the small batch
    first.merge(second)
    assert first.compute() == pytest.approx(alone.compute(), abs=1e-12)


def test_padding_is_left_out(noisy: tuple[Tensor, Tensor]) -> None:
    logits, truth = noisy[0][:10].view(2, 5, 1, 8, 9), noisy[1][:10].view(2, 5, 8, 9).clone()
    valid = torch.tensor([[True] * 5, [True, True, False, False, False]])
    truth[1, 2:] = 255
    padded, bare = AVSBenchBinary(), AVSBenchBinary()
    padded.update(logits, truth, valid)
    bare.update(logits.flatten(0, 1)[:7], truth.flatten(0, 1)[:7])
    assert padded.compute() == bare.compute()


def test_memory_does_not_grow(noisy: tuple[Tensor, Tensor]) -> None:
    protocol = AVSBenchBinary(frames_per_batch=4)
    for _ in range(5):
        protocol.update(*noisy)
    assert len(protocol.pending) < 4 and protocol.batches == 13
    assert protocol.pending.untyped_storage().nbytes() <= 4 * 257 * 8


def test_name_holds_the_batch() -> None:
    assert AVSBenchBinary().name == "avsbench-binary (batch of 4 clips)"
    assert AVSBenchBinary(frames_per_batch=5).name == "avsbench-binary (batch of 1 clip)"
    assert AVSBenchBinary(frames_per_batch=12).name == "avsbench-binary (batch of 12 frames)"


def test_bad_input_is_named() -> None:
    logits, truth = torch.zeros(2, 1, 4, 4), torch.zeros(2, 4, 4, dtype=torch.long)
    protocol = AVSBenchBinary()
    with pytest.raises(UserError, match="frames_per_batch=0"):
        AVSBenchBinary(frames_per_batch=0)
    with pytest.raises(UserError, match=r"\(2, 1, 4, 4\).*\(2, 8, 8\)"):
        protocol.update(logits, torch.zeros(2, 8, 8, dtype=torch.long))
    with pytest.raises(UserError, match="NaN"):
        protocol.update(logits / 0, truth)
    with pytest.raises(UserError, match="not 2"):
        protocol.update(torch.zeros(2, 2, 4, 4), truth)
    with pytest.raises(UserError, match="255"):
        protocol.update(logits, truth + 255)
    with pytest.raises(UserError, match="float32"):
        protocol.update(logits, truth.float())
    with pytest.raises(UserError, match="3 valid flags for 2"):
        protocol.update(logits, truth, torch.ones(3, dtype=torch.bool))
    with pytest.raises(UserError, match="no frame"):
        protocol.compute()
    with pytest.raises(UserError, match="cannot merge"):
        protocol.merge(AVSBenchBinary(frames_per_batch=1))
