"""What a camera does to the light: blur, channel gains, noise; holes and noise in depth. Cheap integer arithmetic."""

from functools import cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

from enpire.simulation.profile import CameraProfile

DEPTH_RANGE_M = (0.04, 2.0)
"""Depth outside it is not measured."""
EDGE_M = 0.02
"""A camera that is not ideal measures no depth where neighbours differ by more."""
_ONE = 128  # fixed point; gains below 2 fit 16 bits
_GRAINS = 1 << 22


def expose(rgb: NDArray[np.uint8], profile: CameraProfile, random: np.random.Generator) -> NDArray[np.uint8]:
    """Picture (H, W, 3) as the camera gives it."""
    if profile.blur_px > 0 or profile.gain != (1.0, 1.0, 1.0):
        rgb = _gain(_blur(rgb.astype(np.uint16), profile.blur_px), profile.gain)
    if profile.noise <= 0:
        return np.ascontiguousarray(rgb)
    values = rgb.astype(np.int16)
    values += _noise(rgb.size, profile.noise, random).reshape(rgb.shape)
    return np.clip(values, 0, 255, out=values).astype(np.uint8)


def expose_depth(
    depth_m: NDArray[np.float32], profile: CameraProfile, random: np.random.Generator
) -> NDArray[np.float32]:
    """Depth (H, W) as the camera gives it, metres, NaN = none."""
    near, far = DEPTH_RANGE_M
    seen = (depth_m >= near) & (depth_m <= far)
    if profile.depth_noise > 0:
        for axis in (0, 1):
            jump = np.abs(np.diff(depth_m, axis=axis)) > EDGE_M
            first = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
            second = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
            seen[first] &= ~jump
            seen[second] &= ~jump
        grains = _noise(depth_m.size, 32.0, random).reshape(depth_m.shape)
        depth_m = depth_m * (1 + np.float32(profile.depth_noise / 32.0) * grains.astype(np.float32))
    return np.where(seen, depth_m, np.float32(np.nan))


def _gain(values: NDArray[np.uint16], gain: tuple[float, float, float]) -> NDArray[np.uint8]:
    factors = np.clip(np.rint(np.asarray(gain) * _ONE), 0, 2 * _ONE - 1).astype(np.uint16)
    values *= factors
    values >>= 7
    return np.minimum(values, 255, out=values).astype(np.uint8)


def _blur(values: NDArray[np.uint16], sd_px: float) -> NDArray[np.uint16]:
    """Passes of (w, 1 - 2 w, w), which add the variance 2 w each, down and across."""
    passes = ceil(2 * sd_px * sd_px)
    for _ in range(passes):
        weight = np.uint16(round(_ONE * sd_px * sd_px / (2 * passes)))
        for swapped in (values, values.swapaxes(0, 1)):
            mixed = swapped * np.uint16(_ONE - 2 * weight) + np.uint16(_ONE // 2)
            mixed[1:-1] += (swapped[:-2] + swapped[2:]) * weight
            mixed[0] += (swapped[0] + swapped[1]) * weight
            mixed[-1] += (swapped[-1] + swapped[-2]) * weight
            swapped[:] = mixed >> np.uint16(7)
    return values


def _noise(size: int, sd: float, random: np.random.Generator) -> NDArray[np.int8]:
    """Rounded normal noise: a stretch of one long strip from a place that `random` chooses; drawing anew is dear."""
    strip = _strip(sd)
    if size >= strip.size:
        strip = np.tile(strip, size // strip.size + 2)
    start = int(random.integers(strip.size - size))
    return strip[start : start + size]


@cache
def _strip(sd: float) -> NDArray[np.int8]:
    grains = np.random.default_rng(7).standard_normal(_GRAINS, np.float32)
    strip: NDArray[np.int8] = np.clip(np.rint(grains * np.float32(sd)), -127, 127).astype(np.int8)
    return strip
