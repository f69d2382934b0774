"""How much of a colour is in each pixel, whatever the light: chroma along the colour's hue.

Brightness scales chroma and a whitish gleam adds to all three channels, which leaves chroma as it is; saturation
suffers from both. Mixed pixels at an edge are linear in chroma, so half-way between both sides is the edge.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_DARK = 12.0
"""Grey levels: below, colour drowns in noise."""
_WIDTH = 0.7
"""Tangent of half the hue sector."""


class Tint(NamedTuple):
    """A picture seen through one hue; all (H, W) float32.

    Attributes:
        chroma: Grey levels along the hue; 0 for greys, negative for opposite colours, -1 outside of the hue sector.
        share: Chroma over brightness: nearly equal for the lit and the shaded faces of one object.
    """

    chroma: NDArray[np.float32]
    share: NDArray[np.float32]


def tint(rgb: NDArray[np.uint8], colour: tuple[float, float, float]) -> Tint:
    """Chroma of a picture (H, W, 3) along the hue of `colour` (r, g, b in [0, 1])."""
    along = np.asarray(colour, np.float64) - np.mean(colour)
    along /= np.linalg.norm(along)
    across = np.cross(np.full(3, 3**-0.5), along)
    basis = np.column_stack([along, across, np.full(3, 1 / 3)]).astype(np.float32)
    values = rgb.reshape(-1, 3).astype(np.float32) @ basis
    chroma = values[:, 0].copy()
    chroma[np.abs(values[:, 1]) > _WIDTH * np.abs(chroma) + 4.0] = 0.0
    share = chroma / (values[:, 2] + np.float32(_DARK))
    height, width = rgb.shape[:2]
    return Tint(chroma.reshape(height, width), share.reshape(height, width))


def split(values: NDArray[np.float32], lowest: float) -> float:
    """Threshold between the few coloured pixels and the many others, after Otsu (IEEE Trans. SMC 9, 1979).

    Args:
        values: Shares of a hue.
        lowest: The threshold is never below; with nothing coloured in view Otsu would split the noise.
    """
    counts, edges = np.histogram(values, bins=64, range=(0.0, max(float(values.max()), 1e-6)))
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    moments = np.cumsum(counts * centers)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = (moments[-1] - moments[:-1]) / above - moments[:-1] / below
        between = np.nan_to_num(below * above * gap**2)
    best = np.flatnonzero(between >= between.max() * 0.999)
    return max(lowest, float(edges[1:-1][best].mean()))
