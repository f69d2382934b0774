"""Fit of a block's silhouette to the edges in a picture: Gauss-Newton on x, y, yaw with Tukey's weights."""

from typing import NamedTuple

import numpy as np

from enpire.tools.perception import edges
from enpire.tools.perception.hue import Tint
from enpire.tools.perception.pinhole import Array, Pinhole
from enpire.tools.perception.silhouette import covered, outline, place

_CLOSE_PX = 1.5
_MOST_CHANGE = np.array([0.03, 0.03, 0.3])
_NEARLY, _THERE = np.array([3e-4, 3e-4, 3e-3]), np.array([3e-5, 3e-5, 3e-4])
"""Changes of a pose (m, m, rad) below which a fit has converged."""
_CORRELATED = 3.0
"""Neighbouring edge samples err together; measured in benchmarks/perception."""


class Fit(NamedTuple):
    """A pose (x, y, yaw) with how well it explains the edges.

    Attributes:
        matched: Share of the outline with an edge within 1.5 px.
        rms_px: Distance of these edges from the outline.
        sd: Standard deviation of the pose, m, m, rad.
        quality: Set at the end of a fit.
    """

    pose: Array
    matched: float
    rms_px: float
    sd: Array
    quality: float = 0.0

    @property
    def rank(self) -> float:
        """By what fits are compared on the way."""
        return self.matched / (1.0 + self.rms_px)


class Fitting(NamedTuple):
    """Gauss-Newton on x, y, yaw with Tukey's weights; the reach shrinks as the fit improves."""

    seen: Tint
    threshold: float
    camera: Pinhole
    parts: list[Array]
    coloured: Array  # pixels, (N, 2)

    def best(self, starts: list[Array]) -> Fit:
        """The best of the fits from some starts."""
        fits = sorted((self.approach(start) for start in starts), key=lambda fit: fit.rank)
        likely = [fit for fit in fits[-2:] if fit.rank >= 0.85 * fits[-1].rank]
        return max((self.settle(fit.pose) for fit in likely), key=lambda fit: fit.quality)

    def approach(self, start: Array) -> Fit:
        """A fit from a rough start."""
        scale = float(np.linalg.norm(self.camera.jacobian(np.array([[start[0], start[1], 0.0]]))[0], axis=1).mean())
        reach = float(np.clip(0.016 * scale, 4.0, 16.0))
        fit = Fit(start, 0.0, 9.0, np.full(3, np.inf))
        for _ in range(4):
            before, fit = fit.pose, self._step(fit.pose, reach, 4.0, margin_px=0.5 * reach)
            if (np.abs(fit.pose - before) < _NEARLY).all():
                break
        return fit

    def settle(self, pose: Array) -> Fit:
        """The fit to a fraction of a pixel."""
        fit = self._step(pose, 4.0, 2.0, margin_px=1.0)
        for _ in range(3):
            before, fit = fit.pose, self._step(fit.pose, 2.5, 1.5, margin_px=0.0)
            if (np.abs(fit.pose - before) < _THERE).all():
                break
        strays = 1 - float(covered(self.camera, self.parts, fit.pose, self.coloured, slack_px=1.0).mean())
        quality = fit.matched * np.exp(-0.5 * fit.rms_px**2) * max(0.0, 1 - 5 * strays)
        return fit._replace(quality=float(np.clip(quality, 0.0, 1.0)))

    def _step(self, pose: Array, reach_px: float, spacing_px: float, *, margin_px: float) -> Fit:
        samples = outline(self.camera, self.parts, pose, spacing_px)
        offset = edges.find(self.seen, self.threshold, samples.pixels, samples.normals, reach_px)
        found = np.isfinite(offset)
        if found.sum() < 12:
            return Fit(pose, 0.0, 9.0, np.full(3, np.inf))
        slopes = _slopes(self.camera, samples.points[found], pose, samples.normals[found])
        residual = offset[found]
        spread = max(0.25, 1.48 * float(np.median(np.abs(residual - np.median(residual)))))
        weight = np.clip(1 - (residual / (4.0 * spread + margin_px)) ** 2, 0, None) ** 2
        normal = slopes.T @ (weight[:, None] * slopes)
        normal += (1e-9 * np.trace(normal) + 1e-12) * np.eye(3)
        change = np.clip(np.linalg.solve(normal, slopes.T @ (weight * residual)), -_MOST_CHANGE, _MOST_CHANGE)
        close = np.abs(residual) < _CLOSE_PX
        rms = float(np.sqrt(np.mean(residual[close] ** 2))) if close.any() else 9.0
        sd = _CORRELATED * np.sqrt(np.diag(np.linalg.inv(normal))) * max(rms, 0.1)
        return Fit(pose + change, float(close.sum() / len(offset)), rms, sd)


def _slopes(camera: Pinhole, points: Array, pose: Array, normals: Array) -> Array:
    """Derivative of the outline's place along its normals by x, y, yaw; (N, 3), px per m and rad."""
    placed = place(points, pose)
    by_point = np.einsum("ni,nij->nj", normals, camera.jacobian(placed))
    arm = placed[:, :2] - pose[:2]
    return np.column_stack([by_point[:, 0], by_point[:, 1], by_point[:, 1] * arm[:, 0] - by_point[:, 0] * arm[:, 1]])
