"""Utility over the parameters of one lane, smoothed from few noisy episodes per point.

Gaussian process regression with a squared exponential kernel (Rasmussen and Williams, Gaussian Processes for Machine
Learning, 2006, algorithm 2.1). Points are in the unit cube. The length scale is the likeliest of a few.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

_LENGTHS = (0.25, 0.5, 1.0)
"""Length scales tried, each times the square root of the dimension."""
_SIGNAL = 0.2
"""Prior standard deviation of the utility over the cube."""
_NOISE = 0.4
"""Standard deviation of one episode's utility."""


class Landscape:
    """Posterior over utility, given the trials of a lane.

    Args:
        points: Parameter points in the unit cube, shape (N, D).
        utilities: Mean utility at each, shape (N,).
        episodes: Number of episodes behind each mean, all positive, shape (N,).
    """

    def __init__(self, points: Array, utilities: Array, episodes: Array) -> None:
        self._points = points
        self._centre = float(np.average(utilities, weights=episodes))
        self._noise = _NOISE**2 / episodes
        fits = [self._fit(length * np.sqrt(points.shape[1]), utilities - self._centre) for length in _LENGTHS]
        _, self._length, self._factor, self._weights = max(fits, key=lambda fit: fit.likelihood)

    def mean(self, points: Array) -> Array:
        """Expected utility, shape (K,) for points (K, D)."""
        return self._centre + _kernel(points, self._points, self._length) @ self._weights

    def draw(self, points: Array, rng: np.random.Generator) -> Array:
        """One function drawn from the posterior, at points (K, D). Shape (K,)."""
        cross = _kernel(points, self._points, self._length)
        solved = np.linalg.solve(self._factor, cross.T)
        covariance = _kernel(points, points, self._length) - solved.T @ solved
        root = np.linalg.cholesky(covariance + 1e-6 * np.eye(len(points)))
        mean: Array = self._centre + cross @ self._weights
        return mean + root @ rng.standard_normal(len(points))

    def _fit(self, length: float, residuals: Array) -> "_Fit":
        covariance = _kernel(self._points, self._points, length) + np.diag(self._noise)
        factor = np.linalg.cholesky(covariance)
        weights = np.linalg.solve(factor.T, np.linalg.solve(factor, residuals))
        likelihood = -0.5 * float(residuals @ weights) - float(np.log(np.diag(factor)).sum())
        return _Fit(likelihood, length, factor, weights)


class _Fit(NamedTuple):
    likelihood: float
    length: float
    factor: Array
    weights: Array


def _kernel(one: Array, other: Array, length: float) -> Array:
    """Prior covariance (K, N) between points (K, D) and (N, D)."""
    squares = ((one[:, None, :] - other[None, :, :]) ** 2).sum(axis=2)
    result: Array = _SIGNAL**2 * np.exp(-0.5 * squares / length**2)
    return result
