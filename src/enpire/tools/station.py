"""What a station knows and tells its tools. No simulator and no truth: models, calibrations, frames, measurements."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from enpire.core.camera import Calibration, Frame

if TYPE_CHECKING:
    from mink import SE3

    from enpire.tools.kinematics.arm import Arm


@dataclass(frozen=True, kw_only=True)
class View:
    """The newest picture of a camera, with where it was taken from. On the wire: the name of the camera.

    Attributes:
        frame: Picture without depth.
        calibration: Of the camera.
        T_world_camera: Nominal pose of the optical frame (x right, y down, z forward) in the world frame.
    """

    frame: Frame
    calibration: Calibration
    T_world_camera: "SE3"


class DepthView(View):
    """A view whose frame has depth. On the wire: the name of the camera."""


@dataclass(frozen=True, kw_only=True)
class Station:
    """What tools may know of the station on which they are called.

    Attributes:
        arms: By name: `left`, `right`.
        joints: Newest measured joint positions by arm, in rad.
        calibrations: By camera name.
        look: Newest frame of a camera by name; the second argument asks for depth.
        period_s: Control period of the policy.
    """

    arms: "Mapping[str, Arm]"
    joints: Mapping[str, NDArray[np.float64]]
    calibrations: Mapping[str, Calibration]
    look: Callable[[str, bool], Frame]
    period_s: float

    def view(self, camera: str) -> View:
        """Newest picture of a camera."""
        return View(
            frame=self.look(camera, False),
            calibration=self.calibrations[camera],
            T_world_camera=self.T_world_camera(camera),
        )

    def depth_view(self, camera: str) -> DepthView:
        """Newest picture of a camera, with depth."""
        return DepthView(
            frame=self.look(camera, True),
            calibration=self.calibrations[camera],
            T_world_camera=self.T_world_camera(camera),
        )

    def T_world_camera(self, camera: str) -> "SE3":
        """Nominal pose of a camera in the world frame; a wrist camera's by its arm's measured joints."""
        from mink import SE3

        calibration = self.calibrations[camera]
        x, y, z, *quat_wxyz = calibration.pose
        T_parent_camera = SE3(np.array([*quat_wxyz, x, y, z]))
        if calibration.parent == "world":
            return T_parent_camera
        return self.arms[calibration.parent].last_link(self.joints[calibration.parent]) @ T_parent_camera
