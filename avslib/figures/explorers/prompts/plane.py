"""A plane through many points in D dimensions, and what Gaussians look like on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from avslib.figures.explorers.prompts.shots import PromptShot
from avslib.figures.html import Floats


@dataclass(frozen=True)
class Plane:
    """centre: (D,); axes: (2, D), orthonormal; share: of the points' variance that lies in the plane."""

    centre: Floats
    axes: Floats
    share: float

    @classmethod
    def through(cls, points: Floats) -> Plane:
        """The two directions in which points (R, D) vary most (PCA); R and D are at least 2."""
        centre = points.mean(axis=0)
        _, lengths, axes = np.linalg.svd(points - centre, full_matrices=False)
        squares = lengths**2
        return cls(centre, axes[:2], float(squares[:2].sum() / max(squares.sum(), 1e-12)))

    def places(self, points: Floats) -> Floats:
        """(..., D) -> (..., 2)."""
        found: Floats = (points - self.centre) @ self.axes.T
        return found

    def ellipses(self, means: Floats, spread: Floats) -> tuple[Floats, Floats]:
        """Gaussians as seen from above: one standard deviation.

        means: (..., D); spread: (..., D) variances or (..., D, D) covariances
        -> half axes (..., 2), the longer first, and the angle (...) of the longer one, in radians
        """
        if spread.ndim == means.ndim:
            flat = np.einsum("id,...d,jd->...ij", self.axes, spread, self.axes)
        else:
            flat = self.axes @ spread @ self.axes.T
        values, vectors = np.linalg.eigh(flat)  # rising
        halves: Floats = np.sqrt(values.clip(min=0))[..., ::-1]
        return halves, np.arctan2(vectors[..., 1, 1], vectors[..., 0, 1])


def placed(shots: Sequence[PromptShot], plane: Plane) -> list[dict[str, Any]]:
    """What the script draws of each shot, all of them in one frame from 0 to 1."""
    every = [plane.places(x).reshape(-1, 2) for s in shots for x in (s.embeddings, s.means, s.prompts)]
    low, high = np.concatenate(every).min(axis=0), np.concatenate(every).max(axis=0)
    size = max(float((high - low).max()), 1e-9)

    def fitted(points: Floats) -> Any:
        return ((plane.places(points) - (low + high) / 2) / size + 0.5).round(3).tolist()

    found = []
    for shot in shots:
        halves, angles = plane.ellipses(shot.means, shot.spread)
        ellipses = {"halves": (halves / size).round(4).tolist(), "angles": angles.round(3).tolist()}
        points = {"embeddings": shot.embeddings, "means": shot.means, "prompts": shot.prompts}
        found.append(ellipses | {name: fitted(each) for name, each in points.items()})
    return found
