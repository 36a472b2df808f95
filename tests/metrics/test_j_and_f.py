"""`J&F`: cases worked out by hand, and the same numbers by another way through scipy."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from avslib.errors import UserError
from avslib.metrics.j_and_f import JAndF, contour, contour_f, near, region_j
from avslib.metrics.protocols import AVSBenchBinary, AVSBenchSemantic, JAndFOfPapers

GOLDEN = Path(__file__).parents[1] / "golden" / "metrics.json"


def logits_of(masks: Tensor) -> Tensor:
    return torch.where(masks, 9.0, -9.0)


def square(size: int, top: int, left: int, side: int) -> Tensor:
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[top : top + side, left : left + side] = True
    return mask


def scipy_contour_f(marked: np.ndarray, true: np.ndarray) -> float:
    """The DAVIS recipe by distances: no dilation, no shifted copies."""

    def outline(mask: np.ndarray) -> np.ndarray:
        wide = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
        window = np.zeros((3, 3), bool)
        window[1:, 1:] = True  # a pixel, the next, the one below, and the one below right
        some = ndimage.maximum_filter(wide, footprint=window, origin=0)[:-1, :-1]
        every = ndimage.minimum_filter(wide, footprint=window, origin=0)[:-1, :-1]
        return some & ~every

    ours, theirs = outline(marked), outline(true)
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    reach = math.ceil(0.008 * math.sqrt(marked.shape[0] ** 2 + marked.shape[1] ** 2))
    precision = (ndimage.distance_transform_edt(~theirs)[ours] <= reach).mean()
    recall = (ndimage.distance_transform_edt(~ours)[theirs] <= reach).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def blobs(count: int, height: int, width: int, seed: int) -> Tensor:
    rough = np.random.default_rng(seed).normal(size=(count, height, width))
    smooth = np.stack([ndimage.gaussian_filter(each, 4) for each in rough])
    return torch.from_numpy(smooth > 0.03)


def test_contour_by_hand() -> None:
    mask = torch.tensor([[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]], dtype=torch.bool)
    assert contour(mask[None])[0].int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    half = torch.tensor([[1, 1, 0]] * 3, dtype=torch.bool)  # the picture's border is no contour
    assert contour(half[None])[0].int().tolist() == [[0, 1, 0]] * 3
    assert not contour(torch.ones(1, 4, 5, dtype=torch.bool)).any()


def test_near_is_a_disk() -> None:
    point = torch.zeros(1, 7, 7, dtype=torch.bool)
    point[0, 3, 3] = True
    assert int(near(point, 1).sum()) == 5
    assert int(near(point, 2).sum()) == 13
    assert int(near(point, 3).sum()) == 29


def test_j_and_f_by_hand() -> None:
    # 100 x 100: the tolerance is ceil(0.008 * 141.4) = 2 pixels
    true, near_by, far = square(100, 20, 20, 20), square(100, 21, 20, 20), square(100, 60, 60, 20)
    assert region_j(near_by[None], true[None]).item() == pytest.approx(380 / 420)
    assert contour_f(near_by[None], true[None]).item() == 1  # one pixel off is near
    assert contour_f(far[None], true[None]).item() == 0
    # Twice as high: outlines of 80 and 120 pixels. Of either, 65 lie near the other: the top row of 21, 2 x 20
    # of the sides, and 4 at the ends, down the longer sides or along the bottom.
    tall = true.clone()
    tall[40:60, 20:40] = True
    assert contour(torch.stack([true, tall])).sum((1, 2)).tolist() == [80, 120]
    assert contour_f(tall[None], true[None]).item() == pytest.approx(2 * 65 / (80 + 120))
    found = JAndF()
    found.update(logits_of(torch.stack([near_by, far])), torch.stack([true, true]).long())
    assert found.compute() == pytest.approx({"J&F": (190 / 420 + 0.5) / 2, "J": 190 / 420, "F": 0.5})


def test_contour_f_by_hand() -> None:
    # Two vertical edges in a 10 x 100 strip (tolerance 1). The prediction has the left one and misses the right.
    true, marked = torch.zeros(2, 10, 100, dtype=torch.bool)
    true[:, 20:60], marked[:, 20:] = True, True
    assert contour(true[None]).sum().item() == 20
    assert contour(marked[None]).sum().item() == 10
    assert contour_f(marked[None], true[None]).item() == pytest.approx(2 * 1 * 0.5 / 1.5)


@pytest.mark.parametrize(("height", "width"), [(64, 48), (112, 150), (224, 224)])
def test_the_same_as_scipy(height: int, width: int) -> None:
    marked, true = blobs(6, height, width, 0), blobs(6, height, width, 1)
    true[3:] = torch.roll(marked[3:], (2, 3), (1, 2))
    true[5] = marked[4] = False
    expected = [scipy_contour_f(m.numpy(), t.numpy()) for m, t in zip(marked, true)]
    assert contour_f(marked, true).tolist() == pytest.approx(expected, abs=1e-12)
    assert len(set(expected)) > 3


def test_silent_frames() -> None:
    none, dot, full = torch.zeros(3, 1, 20, 20, dtype=torch.bool)
    dot[0, 5, 5], full[:] = True, True
    for marked, j, f in ((none, 1, 1), (dot, 0, 0), (full, 0, 1)):
        protocol = JAndF()
        protocol.update(logits_of(marked), torch.zeros(1, 20, 20, dtype=torch.long))
        assert protocol.compute() == {"J&F": (j + f) / 2, "J": j, "F": f}


def test_classes_are_objects() -> None:
    truth = torch.zeros(3, 20, 20, dtype=torch.long)
    truth[0, :10], truth[1, :, :10] = 1, 2
    found = truth.clone()
    found[1, 19, 19] = 3  # a stray pixel of a class that is not there
    protocol = JAndF(classes=5)
    protocol.update(9.0 * F.one_hot(found, 5).movedim(-1, 1), truth)
    assert protocol.count.tolist() == [0, 1, 1, 1, 0]  # the silent third frame earns nothing
    assert protocol.compute() == pytest.approx({"J&F": 2 / 3, "J": 2 / 3, "F": 2 / 3})
    assert math.isnan(protocol.per_class()["J"][4])


def test_many_objects_are_scored_in_turns() -> None:
    marked, true = blobs(40, 24, 24, 2), blobs(40, 24, 24, 3)
    protocol = JAndF()
    protocol.update(logits_of(marked).view(8, 5, 1, 24, 24), true.long().view(8, 5, 24, 24))
    assert protocol.compute()["J"] == pytest.approx(region_j(marked, true).mean().item())
    assert protocol.compute()["F"] == pytest.approx(contour_f(marked, true).mean().item())


@pytest.mark.parametrize("classes", [2, 4])
def test_merge_equals_one_pass(classes: int) -> None:
    generator = torch.Generator().manual_seed(7)
    logits = torch.randn(9, 1 if classes == 2 else classes, 30, 20, generator=generator)
    labels = torch.randint(0, classes, (9, 30, 20), generator=generator)
    whole, first, second, idle = (JAndF(classes=classes) for _ in range(4))
    whole.update(logits, labels)
    first.update(logits[:2], labels[:2])
    second.update(logits[2:], labels[2:])
    for other in (idle, second):
        first.merge(other)
    assert first.compute() == pytest.approx(whole.compute(), abs=1e-12)


def test_the_papers_mean_is_of_golden_numbers() -> None:
    reference = json.loads(GOLDEN.read_text(encoding="utf-8"))
    with np.load(GOLDEN.with_suffix(".npz")) as file:
        arrays = {name: torch.from_numpy(file[name]) for name in file.files}
    for frames in (1, 4, 12):
        protocol = JAndFOfPapers(of=AVSBenchBinary(frames_per_batch=frames))
        protocol.update(arrays["binary_logits"], (arrays["binary_gt"] > 0).long())
        expected = reference[f"avsbench_binary_batch{frames}"]
        mean = (expected["mIoU"] + expected["F"]) / 2
        assert protocol.compute()["J&F"] == pytest.approx(mean, abs=1e-6)
    protocol = JAndFOfPapers(of=AVSBenchSemantic(classes=5))
    protocol.update(arrays["class_logits"], arrays["labels"].long())
    expected = reference["avsbench_semantic"]
    assert protocol.compute()["J&F"] == pytest.approx((expected["mIoU"] + expected["F"]) / 2, abs=1e-6)


def test_the_papers_mean_merges_like_with_like() -> None:
    labels = torch.ones(5, 3, 3, dtype=torch.long)
    one, two = JAndFOfPapers(), JAndFOfPapers()
    one.update(labels.float(), labels)
    two.merge(one)
    assert two.compute() == pytest.approx({"J&F": 1, "J": 1, "F": 1}, abs=1e-6)
    assert two.name == "J&F-papers (avsbench-binary, batch of 4 clips)"
    assert two.frames_per_batch == 20
    with pytest.raises(UserError, match="cannot merge J&F-papers"):
        two.merge(JAndFOfPapers(of=AVSBenchSemantic()))


def test_bad_input_is_named() -> None:
    labels = torch.zeros(1, 4, 4, dtype=torch.long)
    with pytest.raises(UserError, match="classes=1"):
        JAndF(classes=1)
    with pytest.raises(UserError, match="no frame was scored"):
        JAndF().compute()
    with pytest.raises(UserError, match="cannot leave out pixels"):
        JAndF().update(torch.zeros(1, 4, 4), labels + 255)
    with pytest.raises(UserError, match="J&F of 3 classes got 4 logits"):
        JAndF(classes=3).update(torch.zeros(1, 4, 4, 4), labels)
    with pytest.raises(UserError, match="cannot merge J&F"):
        JAndF(classes=3).merge(JAndF())
