"""How much of a colour is in each pixel: chroma along the colour's hue over brightness. Light scales both alike."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_DARK = 12.0
"""Grey levels: below, colour drowns in noise."""
_WIDTH = 0.7
"""Tangent of half the hue sector."""


class Tint(NamedTuple):
    """A picture seen through one hue; float32.

    Attributes:
        rgb: The picture itself, (H, W, 3), grey levels.
        share: Chroma along the hue over brightness, (H, W): nearly equal for the lit and the shaded faces of one
            object; 0 for greys and outside of the hue sector, negative for opposite colours.
    """

    rgb: NDArray[np.float32]
    share: NDArray[np.float32]


def tint(rgb: NDArray[np.uint8], colour: tuple[float, float, float]) -> Tint:
    """A picture (H, W, 3) through the hue of `colour` (r, g, b in [0, 1])."""
    along = np.asarray(colour, np.float64) - np.mean(colour)
    along /= np.linalg.norm(along)
    across = np.cross(np.full(3, 3**-0.5), along)
    basis = np.column_stack([along, across, np.full(3, 1 / 3)]).astype(np.float32)
    picture = rgb.astype(np.float32)
    values = picture.reshape(-1, 3) @ basis
    chroma = values[:, 0].copy()
    chroma[np.abs(values[:, 1]) > _WIDTH * np.abs(chroma) + 4.0] = 0.0
    share = chroma / (values[:, 2] + np.float32(_DARK))
    height, width = rgb.shape[:2]
    return Tint(picture, share.reshape(height, width))


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
