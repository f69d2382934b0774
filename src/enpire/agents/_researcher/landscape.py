"""Utility over parameters and recipes, smoothed from few noisy episodes per candidate.

Gaussian process regression (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, algorithm 2.1). The
covariance of two candidates with parameters x, x' in the unit cube and recipes that differ in h slots is

    s^2 (SHARED^h exp(-|x - x'|^2 / (2 l^2)) + ALIKE^h)

so that what was learned about a parameter carries over to similar recipes, while their levels differ freely. Signal s
and length l are the likeliest of a few.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from enpire.agents._researcher.knowledge import Recipe

Array = NDArray[np.floating[Any]]

_LENGTHS = (0.25, 0.5, 1.0)
"""Length scales tried, each times the square root of the dimension."""
_SIGNALS = (0.05, 0.25)
_SHARED = 0.8
_ALIKE = 0.6


class Shape(NamedTuple):
    """Prior standard deviation of the utility, and the distance over which it changes."""

    signal: float
    length: float


class Landscape:
    """Posterior over utility, given trials.

    Args:
        points: Parameters of each trial in the unit cube, shape (N, D).
        recipes: Recipe of each trial, N of them.
        utilities: Mean utility of each, shape (N,).
        errors: Standard error of each mean, shape (N,).
        recipe: Recipe that will be asked about.
    """

    def __init__(
        self, points: Array, recipes: Sequence[Recipe], *, utilities: Array, errors: Array, recipe: Recipe
    ) -> None:
        self._points = points
        self._centre = float(np.average(utilities, weights=1.0 / errors**2))
        self._noise = errors**2
        self._apart = _distances(recipes, recipes)
        self._away = _distances([recipe], recipes)
        scale = np.sqrt(points.shape[1])
        residuals = utilities - self._centre
        fits = [self._fit(Shape(signal, length * scale), residuals) for signal in _SIGNALS for length in _LENGTHS]
        _, self._shape, self._factor, self._weights = max(fits, key=lambda fit: fit.likelihood)

    def mean(self, points: Array) -> Array:
        """Expected utility of the asked recipe at points (K, D). Shape (K,)."""
        expected: Array = self._centre + self._cross(points) @ self._weights
        return expected

    def draw(self, points: Array, rng: np.random.Generator) -> Array:
        """One function drawn from the posterior for the asked recipe, at points (K, D). Shape (K,)."""
        cross = self._cross(points)
        solved = np.linalg.solve(self._factor, cross.T)
        own = _kernel(points, points, np.zeros((1, 1)), self._shape)
        root = np.linalg.cholesky(own - solved.T @ solved + 1e-6 * np.eye(len(points)))
        mean: Array = self._centre + cross @ self._weights
        return mean + root @ rng.standard_normal(len(points))

    def _cross(self, points: Array) -> Array:
        return _kernel(points, self._points, self._away, self._shape)

    def _fit(self, shape: Shape, residuals: Array) -> "_Fit":
        covariance = _kernel(self._points, self._points, self._apart, shape) + np.diag(self._noise)
        factor = np.linalg.cholesky(covariance)
        weights = np.linalg.solve(factor.T, np.linalg.solve(factor, residuals))
        likelihood = -0.5 * float(residuals @ weights) - float(np.log(np.diag(factor)).sum())
        return _Fit(likelihood, shape, factor, weights)


class _Fit(NamedTuple):
    likelihood: float
    shape: Shape
    factor: Array
    weights: Array


def _distances(one: Sequence[Recipe], other: Sequence[Recipe]) -> Array:
    """Number of slots in which recipes differ, shape (len(one), len(other))."""
    codes: dict[tuple[str, str], int] = {}
    for pair in {pair for recipe in (*one, *other) for pair in recipe}:
        codes[pair] = len(codes)
    rows = [np.isin(np.arange(len(codes)), [codes[p] for p in recipe]) for recipe in (*one, *other)]
    held = np.array(rows, dtype=float)
    a, b = held[: len(one)], held[len(one) :]
    apart: Array = np.maximum(a.sum(axis=1)[:, None], b.sum(axis=1)[None, :]) - a @ b.T
    return apart


def _kernel(one: Array, other: Array, apart: Array, shape: Shape) -> Array:
    """Prior covariance (K, N) between candidates at (K, D) and (N, D) whose recipes are `apart` slots apart."""
    squares = ((one[:, None, :] - other[None, :, :]) ** 2).sum(axis=2)
    similar = _SHARED**apart * np.exp(-0.5 * squares / shape.length**2)
    covariance: Array = shape.signal**2 * (similar + _ALIKE**apart)
    return covariance
