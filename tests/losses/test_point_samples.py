"""Points between pixels, and those that are chosen."""

from __future__ import annotations

import torch

from avslib.losses.point_samples import at_points, seen, uncertain_points

NOTHING = torch.zeros(1, 4, 4, dtype=torch.bool)


def test_a_point_is_between_the_centres_of_pixels() -> None:
    maps = torch.arange(4.0).view(1, 1, 2, 2)
    points = torch.tensor([[[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.5, 0.5], [0.0, 0.75]]])
    assert at_points(maps, points).tolist() == [[[0, 1, 2, 1.5, 1]]]  # on the frame half of it lies outside


def test_all_pixels_are_those_of_the_masks() -> None:
    masks = torch.rand(1, 2, 4, 4) > 0.5
    ignored = torch.rand(1, 4, 4) > 0.5
    found = seen(torch.full((1, 3, 2, 2), 7.0), masks, ignored, None)
    assert torch.equal(found.masks, masks.flatten(2).float())
    assert torch.equal(found.counts[0, 0], (~ignored).flatten().float())
    assert torch.equal(found.logits, torch.full((1, 3, 16), 7.0))


def test_a_point_that_touches_an_ignored_pixel_does_not_count() -> None:
    ignored = NOTHING.clone()
    ignored[0, :, 0] = True
    points = torch.tensor([[[0.1, 0.5], [0.36, 0.5], [0.38, 0.5], [0.99, 0.01]]])
    found = seen(torch.zeros(1, 1, 4, 4), NOTHING[:, None], ignored, points)
    assert found.counts.tolist() == [[[0, 0, 1, 1]]]


def test_uncertain_points_lie_where_a_mask_is_undecided() -> None:
    torch.manual_seed(0)
    logits = torch.linspace(-8, 8, 16).expand(1, 1, 16, 16)  # undecided in the middle
    points = uncertain_points(logits, NOTHING, 1000, oversample=3, importance=0.75)
    assert points.shape == (1, 1000, 2)
    certain = at_points(logits, points)[0, 0].abs()
    assert certain[:750].max() < 2.5 < certain[750:].median()
    assert uncertain_points(logits[:0], NOTHING[:0], 8, oversample=3, importance=0.75).shape == (0, 8, 2)


def test_what_is_ignored_is_not_uncertain() -> None:
    torch.manual_seed(0)
    ignored = torch.zeros(1, 16, 16, dtype=torch.bool)
    ignored[..., 6:10] = True
    logits = torch.linspace(-8, 8, 16).expand(1, 1, 16, 16)
    points = uncertain_points(logits, ignored, 100, oversample=8, importance=1)
    assert seen(logits, ignored[:, None], ignored, points).counts.all()
