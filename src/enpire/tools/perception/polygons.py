"""Convex polygons in the plane, corners counter-clockwise, shape (n, 2)."""

import numpy as np
from numpy.typing import NDArray

from enpire.tools.perception.pinhole import Array


def within(points: Array, polygon: Array) -> NDArray[np.bool_]:
    """Whether points (..., 2) are inside a convex polygon with counter-clockwise corners."""
    inside = np.ones(points.shape[:-1], bool)
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        along = end - start
        inside &= along[0] * (points[..., 1] - start[1]) - along[1] * (points[..., 0] - start[0]) >= 0
    return inside


def within_any(points: Array, polygons: list[Array]) -> NDArray[np.bool_]:
    """Whether points (..., 2) are inside one of several convex polygons."""
    inside = within(points, polygons[0])
    for polygon in polygons[1:]:
        inside = inside | within(points, polygon)
    return inside


def inside_points(polygons: list[Array], spacing_m: float = 0.02) -> Array:
    """Grid points inside of a block, block frame."""
    every = np.concatenate(polygons)
    low, high = every.min(axis=0), every.max(axis=0)
    x, y = np.meshgrid(*(np.arange(low[i] + spacing_m / 2, high[i], spacing_m) for i in (0, 1)))
    grid = np.column_stack([x.ravel(), y.ravel()])
    return grid[within_any(grid, polygons)]


def center(polygons: list[Array]) -> Array:
    """Center of corners of each polygon, weighted by area; for parallelograms the center of gravity."""
    areas = np.array([area(polygon) for polygon in polygons])
    center: Array = areas @ np.array([polygon.mean(axis=0) for polygon in polygons]) / areas.sum()
    return center


def area(polygon: Array) -> float:
    """Area by the shoelace formula."""
    x, y = polygon.T
    return float(0.5 * abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def convex(polygon: Array) -> bool:
    """Whether the corners turn left all the way around, and the polygon is larger than a speck (1 mm²)."""
    edges = np.roll(polygon, -1, axis=0) - polygon
    ahead = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * ahead[:, 1] - edges[:, 1] * ahead[:, 0]
    return bool((turns >= 0).all()) and area(polygon) > 1e-6
