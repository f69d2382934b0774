"""The pinhole camera in arrays, for the inner loops of perception."""

from dataclasses import dataclass

import numpy as np
from mink import SE3
from numpy.typing import NDArray

from enpire.core.camera import Calibration

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pinhole:
    """A camera at a place.

    Attributes:
        matrix: K, shape (3, 3), px; pixel centers are at whole numbers.
        axes: Rotation of T_world_camera, shape (3, 3); columns are the optical x, y and z axes in the world.
        place: Optical center in the world, shape (3,), m.
    """

    matrix: Array
    axes: Array
    place: Array

    @classmethod
    def of(cls, calibration: Calibration, T_world_camera: SE3) -> "Pinhole":
        """From what is said about a camera."""
        return cls(np.array(calibration.matrix), T_world_camera.rotation().as_matrix(), T_world_camera.translation())

    def cropped(self, left: int, top: int) -> "Pinhole":
        """The same camera for a part of its picture that begins at this column and row."""
        return Pinhole(self.matrix - np.array([[0, 0, left], [0, 0, top], [0, 0, 0]]), self.axes, self.place)

    def project(self, points: Array) -> Array:
        """Pixels (N, 2) of world points (N, 3); NaN for points behind the camera."""
        camera = (points - self.place) @ self.axes
        depth = np.where(camera[:, 2] > 1e-6, camera[:, 2], np.nan)
        pixels: Array = (camera @ self.matrix.T)[:, :2] / depth[:, None]
        return pixels

    def jacobian(self, points: Array) -> Array:
        """Derivative of the pixels by the world points, shape (N, 2, 3), px/m."""
        camera = (points - self.place) @ self.axes
        z = camera[:, 2]
        fx, fy, skew = self.matrix[0, 0], self.matrix[1, 1], self.matrix[0, 1]
        zero = np.zeros_like(z)
        by_x = np.stack([fx / z, skew / z, -(fx * camera[:, 0] + skew * camera[:, 1]) / z**2], axis=1)
        by_y = np.stack([zero, fy / z, -fy * camera[:, 1] / z**2], axis=1)
        slopes: Array = np.stack([by_x, by_y], axis=1) @ self.axes.T
        return slopes

    def rays(self, pixels: Array) -> Array:
        """Directions (N, 3) in the world, of length 1 along the optical axis."""
        homogeneous = np.column_stack([pixels, np.ones(len(pixels))])
        directions: Array = np.linalg.solve(self.matrix, homogeneous.T).T @ self.axes.T
        return directions

    def on_plane(self, pixels: Array, z_m: float) -> Array:
        """World points (N, 3) of the plane z = `z_m` seen at pixels (N, 2); NaN where the ray misses it."""
        directions = self.rays(pixels)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = (z_m - self.place[2]) / directions[:, 2]
        points: Array = self.place + np.where(reach > 0, reach, np.nan)[:, None] * directions
        return points
