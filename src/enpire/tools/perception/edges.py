"""Where the edge of a coloured thing crosses the normals of its predicted outline, to a fraction of a pixel.

The colour's hue tells where to look: where it ends. The place is where the picture, from the colour just inside to the
colour just outside, is half-way for the last time. Chroma alone would not do: a side face in the shade has half of the
chroma of the top and would count as half a table.
"""

import numpy as np
from numpy.typing import NDArray

from enpire.tools.perception.hue import Tint

Array = NDArray[np.float64]
_STEP = 0.5
_BEFORE, _AFTER = 4, 4  # samples before and from the first one without the hue, in which the edge is placed: 2 px each
_INSIDE = slice(1, 3)  # of them: nearer to the edge is blurred, farther may be beyond a narrow side face
_OUTSIDE = slice(-2, None)
_LEAST_CONTRAST = 16.0
"""Grey levels between the colours on both sides."""


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
    steps = np.arange(-half - _BEFORE, half + _AFTER + 1) * _STEP
    places = pixels[:, None, :] + steps[None, :, None] * normals[:, None, :]
    columns, rows = places[..., 0], places[..., 1]
    height, width = tint.share.shape
    fits = (columns[:, [0, -1]] >= 0) & (columns[:, [0, -1]] <= width - 1.001)
    fits &= (rows[:, [0, -1]] >= 0) & (rows[:, [0, -1]] <= height - 1.001)
    columns, rows = np.clip(columns, 0, width - 1.001), np.clip(rows, 0, height - 1.001)
    left, top = columns.astype(np.intp), rows.astype(np.intp)
    corner, right, down = top * width + left, columns - left, rows - top
    coloured = _bilinear(tint.share.reshape(-1, 1), width, corner, right, down)[..., 0] > threshold
    falls = coloured[:, _BEFORE - 1 : -_AFTER - 1] & ~coloured[:, _BEFORE:-_AFTER]
    distance = np.abs(steps[_BEFORE:-_AFTER] - _STEP / 2)
    first = np.argmin(np.where(falls, distance, np.inf), axis=1)
    window = first[:, None] + np.arange(_BEFORE + _AFTER)
    near = (np.take_along_axis(values, window, axis=1) for values in (corner, right, down))
    share, contrast = _share_of_outside(_bilinear(tint.rgb.reshape(-1, 3), width, *near))
    rises = (share[:, :-1] < 0.5) & (share[:, 1:] >= 0.5)
    last = rises.shape[1] - 1 - np.argmax(rises[:, ::-1], axis=1)
    seen = fits.all(axis=1) & falls.any(axis=1) & rises.any(axis=1) & (contrast > _LEAST_CONTRAST)
    line = np.arange(len(share))
    before, after = share[line, last], share[line, last + 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = steps[window[line, last]] + _STEP * (0.5 - before) / (after - before)
    return np.where(seen, found, np.nan)


def _share_of_outside(colours: Array) -> tuple[Array, Array]:
    """How much of the colour outside is in each sample, and the distance of both colours in grey levels.

    Args:
        colours: Along each normal, from inside to outside, (N, samples, 3).
    """
    inside, outside = colours[:, _INSIDE].mean(axis=1), colours[:, _OUTSIDE].mean(axis=1)
    way = outside - inside
    squared = np.maximum((way**2).sum(axis=1), 1e-6)
    share: Array = ((colours - inside[:, None]) @ way[:, :, None])[..., 0] / squared[:, None]
    return share, np.sqrt(squared)


def _bilinear(
    values: NDArray[np.float32], width: int, corner: NDArray[np.intp], right: Array, down: Array
) -> NDArray[np.float64]:
    """Samples of a picture (H W, channels) between pixels; the channels come last."""
    right, down = right[..., None], down[..., None]
    upper = values[corner] * (1 - right) + values[corner + 1] * right
    lower = values[corner + width] * (1 - right) + values[corner + width + 1] * right
    mixed: Array = upper * (1 - down) + lower * down
    return mixed
