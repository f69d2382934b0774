"""Where the edge of a coloured thing crosses the normals of its predicted outline, to a fraction of a pixel."""

import numpy as np
from numpy.typing import NDArray

from enpire.tools.perception.hue import Tint

Array = NDArray[np.float64]
_STEP = 0.5
_AROUND = 2  # samples on each side of the edge that give its place: 1 px, as narrow side faces are darker than the top


def find(tint: Tint, threshold: float, pixels: Array, normals: Array, reach_px: float) -> Array:
    """Look along each normal for the transition from coloured (inside) to not, nearest to the prediction.

    Args:
        tint: The picture through the colour's hue.
        threshold: Share of the hue that tells the colour from the rest.
        pixels, normals: Of the outline, (N, 2) each.
        reach_px: How far to look on both sides.

    Returns:
        From the predicted to the seen edge along the outward normal, px, (N,); NaN where none is seen.
    """
    half = round(reach_px / _STEP)
    steps = np.arange(-half - _AROUND, half + _AROUND + 1) * _STEP
    places = pixels[:, None, :] + steps[None, :, None] * normals[:, None, :]
    columns, rows = places[..., 0], places[..., 1]
    height, width = tint.share.shape
    fits = (columns[:, [0, -1]] >= 0) & (columns[:, [0, -1]] <= width - 1.001)
    fits &= (rows[:, [0, -1]] >= 0) & (rows[:, [0, -1]] <= height - 1.001)
    seen = fits.all(axis=1)
    columns, rows = np.clip(columns, 0, width - 1.001), np.clip(rows, 0, height - 1.001)
    left, top = columns.astype(np.intp), rows.astype(np.intp)
    corner = top * width + left
    right, down = columns - left, rows - top
    chroma = _bilinear(tint.chroma, corner, right, down)
    coloured = _bilinear(tint.share, corner, right, down) > threshold
    falls = coloured[:, _AROUND - 1 : -_AROUND - 1] & ~coloured[:, _AROUND:-_AROUND]
    seen &= falls.any(axis=1)
    distance = np.abs(steps[_AROUND:-_AROUND] - _STEP / 2)
    at = np.argmin(np.where(falls, distance, np.inf), axis=1) + _AROUND
    window = at[:, None] + np.arange(-_AROUND - 1, _AROUND + 1)
    window = np.clip(window, 0, len(steps) - 1)
    across = np.take_along_axis(chroma, window, axis=1)
    inside, outside = across[:, :2].mean(axis=1), across[:, -2:].mean(axis=1)
    contrast = inside - outside
    seen &= contrast > 8.0
    with np.errstate(divide="ignore", invalid="ignore"):
        covered = np.clip((across - outside[:, None]) / contrast[:, None], 0.0, 1.0)
    first = steps[window[:, 0]] - _STEP / 2
    return np.where(seen, first + _STEP * covered.sum(axis=1), np.nan)


def _bilinear(values: NDArray[np.float32], corner: NDArray[np.intp], right: Array, down: Array) -> Array:
    flat, width = values.ravel(), values.shape[1]
    upper = flat[corner] * (1 - right) + flat[corner + 1] * right
    lower = flat[corner + width] * (1 - right) + flat[corner + width + 1] * right
    mixed: Array = upper * (1 - down) + lower * down
    return mixed
