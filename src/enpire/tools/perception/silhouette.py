"""The outline at which a prism standing on the table is seen, as points of the prism that can be moved with it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from enpire.tools.perception.pinhole import Array, Pinhole


class Outline(NamedTuple):
    """Samples of a silhouette.

    Attributes:
        points: In the block frame, m, shape (N, 3).
        pixels: Where they are seen, shape (N, 2).
        normals: Outward, unit length, in the picture, shape (N, 2).
    """

    points: Array
    pixels: Array
    normals: Array


def place(points: Array, pose: Array) -> Array:
    """World points (N, 3) of block points under pose (x, y, yaw): m, m, rad."""
    cosine, sine = np.cos(pose[2]), np.sin(pose[2])
    turned = points @ np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    placed: Array = turned + np.array([pose[0], pose[1], 0.0])
    return placed


def outline(camera: Pinhole, parts: list[Array], pose: Array, spacing_px: float) -> Outline:
    """Silhouette of a union of convex prisms: the hulls of their projected corners, less what another hull covers.

    Args:
        camera: Where it is seen from.
        parts: Corners of each prism in the block frame, (2 n, 3).
        pose: x, y, yaw of the block frame.
        spacing_px: Between samples.
    """
    hulls: list[tuple[Array, Array]] = []
    for corners in parts:
        pixels = camera.project(place(corners, pose))
        around = _hull(pixels)
        hulls.append((corners[around], pixels[around]))
    points, pixels_out, normals = [], [], []
    for index, (corners, corner_pixels) in enumerate(hulls):
        edges = np.roll(corner_pixels, -1, axis=0) - corner_pixels
        lengths = np.hypot(edges[:, 0], edges[:, 1])
        outward = np.column_stack([edges[:, 1], -edges[:, 0]]) / lengths[:, None]
        counts = np.maximum(1, np.rint(lengths / spacing_px)).astype(int)
        edge = np.repeat(np.arange(len(counts)), counts)
        along = (np.concatenate([np.arange(n) for n in counts]) + 0.5) / counts[edge]
        ahead = np.roll(corners, -1, axis=0)
        sample = corner_pixels[edge] + along[:, None] * edges[edge]
        free = np.ones(len(edge), bool)
        for other, (_, other_pixels) in enumerate(hulls):
            if other != index:
                free[~_outside(sample + 0.5 * outward[edge], other_pixels)] = False
        points.append((corners[edge] + along[:, None] * (ahead - corners)[edge])[free])
        pixels_out.append(sample[free])
        normals.append(outward[edge][free])
    return Outline(np.concatenate(points), np.concatenate(pixels_out), np.concatenate(normals))


def covered(
    camera: Pinhole, parts: list[Array], pose: Array, pixels: Array, *, slack_px: float = 0.0
) -> NDArray[np.bool_]:
    """Whether pixels (N, 2) show the block under a pose, or what is within about `slack_px` of it."""
    inside = np.zeros(len(pixels), bool)
    for corners in parts:
        seen = camera.project(place(corners, pose))
        around = seen[_hull(seen)]
        center = around.mean(axis=0)
        away = around - center
        inside |= ~_outside(pixels, around + slack_px * away / np.hypot(away[:, 0], away[:, 1])[:, None])
    return inside


def prisms(polygons: list[Array], height_m: float) -> list[Array]:
    """Corners (2 n, 3) of the prisms over convex polygons (n, 2), m, standing on z = 0."""
    floors = [np.column_stack([polygon, np.zeros(len(polygon))]) for polygon in polygons]
    return [np.concatenate([floor, floor + np.array([0.0, 0.0, height_m])]) for floor in floors]


def _hull(pixels: Array) -> list[int]:
    """Indices around the convex hull, with the inside on the left of x right, y up; Andrew's monotone chain (1979)."""
    order = sorted(range(len(pixels)), key=lambda i: (pixels[i, 0], pixels[i, 1]))
    flat = pixels.tolist()

    def chain(indices: list[int]) -> list[int]:
        kept: list[int] = []
        for i in indices:
            while len(kept) > 1:
                (ax, ay), (bx, by), (cx, cy) = flat[kept[-2]], flat[kept[-1]], flat[i]
                if (bx - ax) * (cy - ay) - (by - ay) * (cx - ax) > 1e-9:
                    break
                kept.pop()
            kept.append(i)
        return kept[:-1]

    return chain(order) + chain(order[::-1])


def _outside(points: Array, around: Array) -> NDArray[np.bool_]:
    edges = np.roll(around, -1, axis=0) - around
    offset = points[:, None, :] - around[None]
    side = edges[None, :, 0] * offset[:, :, 1] - edges[None, :, 1] * offset[:, :, 0]
    return np.asarray(np.any(side < 0, axis=1))
