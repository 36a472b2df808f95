"""Noise from off the screen: what is added to a sound, and which part of the mixture was there before (CPM, eq. 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

LITTLE = 1e-2
"""A magnitude that is next to silence: where both sounds are silent the ratio is 1, not 0/0. (The paper has no word on it.)"""


@dataclass(frozen=True)
class Magnitudes:
    """The numbers of a front end as magnitudes, which may be added, and back.

    of:      (..., F, M) as the front end gives it -> magnitudes, not below 0
    picture: the reverse; what is quieter than the front end's floor is at the floor
    """

    of: Callable[[Tensor], Tensor]
    picture: Callable[[Tensor], Tensor]


def vggish_magnitude(x: Tensor) -> Tensor:
    return (x.exp() - 0.01).clamp(min=0)


def vggish_picture(magnitude: Tensor) -> Tensor:
    return (magnitude + 0.01).log()


def cavp_magnitude(x: Tensor) -> Tensor:
    return 10 ** (2.5 * x)


def cavp_picture(magnitude: Tensor) -> Tensor:
    return magnitude.clamp(min=10**-2.5).log10() / 2.5


VGGISH = Magnitudes(of=vggish_magnitude, picture=vggish_picture)
"""Of `VGGishLogMel`. Mel filters are sums, so magnitudes add behind them as they do before."""

CAVP = Magnitudes(of=cavp_magnitude, picture=cavp_picture)
"""Of `CavpLogMel`: roots of powers, behind the filters. One filter covers several frequencies, so there the sum is near."""


def with_noise(sound: Tensor, noise: Tensor, off: Tensor, scale: Magnitudes) -> tuple[Tensor, Tensor]:
    """sound and noise (N, A, F, M), off (N,) bool: where the noise is from off the screen, and is added
    -> the mixture a_p = a_i + a_j (N, A, F, M) as a picture, and a_i / a_p (N, F, M), over all ears together."""
    own, other = scale.of(sound), scale.of(noise) * off[:, None, None, None]
    before, after = (x.sum(dim=1) + LITTLE for x in (own, own + other))
    mixture = torch.where(off[:, None, None, None], scale.picture(own + other), sound)
    return mixture, before / after


def off_screen(sound: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """For each frame the sound of another clip of the batch, and whether nothing in the frame makes it.

    sound (B, T, A, F, M), present (B, T, K) bool, K classes without the background -> (B, T, A, F, M), (B, T) bool.
    Of one class it is not known what makes a sound: there any other clip is off the screen. A clip alone has no other.
    """
    clips, seconds = sound.shape[:2]
    shift = int(torch.randint(1, max(2, clips), ()))
    order = torch.randperm(seconds, device=sound.device)
    noise, theirs = (x.roll(shift, dims=0)[:, order] for x in (sound, present))
    apart = ~(theirs & present).any(dim=-1)
    if present.shape[-1] == 1:
        apart = torch.ones_like(apart)
    return noise, apart & (clips > 1)
