"""What a station knows and tells its tools. No simulator and no truth: models, calibrations, frames, measurements."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from enpire.core.camera import Calibration, Frame
from enpire.core.tracker import Reading

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
class TrackedView(DepthView):
    """What a marker tracker says, on a station that has one in place of cameras. `frame` has no pixels.

    Attributes:
        tags: T_world_body of the bodies that were measured, by name.
    """

    tags: "Mapping[str, SE3]"


@dataclass(frozen=True, kw_only=True)
class Station:
    """What tools may know of the station on which they are called.

    Attributes:
        arms: By name: `left`, `right`.
        joints: Newest measured joint positions by arm, in rad.
        calibrations: By camera name.
        look: Newest frame of a camera by name; the second argument asks for depth.
        period_s: Control period of the policy.
        track: Newest reading of the marker tracker; None on a station with cameras. It answers for every camera.
    """

    arms: "Mapping[str, Arm]"
    joints: Mapping[str, NDArray[np.float64]]
    calibrations: Mapping[str, Calibration]
    look: Callable[[str, bool], Frame]
    period_s: float
    track: Callable[[], Reading] | None = None

    def view(self, camera: str) -> View:
        """Newest picture of a camera, or what the tracker says in its place."""
        if self.track is not None:
            return self._tracked(camera, self.track())
        return View(
            frame=self.look(camera, False),
            calibration=self.calibrations[camera],
            T_world_camera=self.T_world_camera(camera),
        )

    def depth_view(self, camera: str) -> DepthView:
        """Newest picture of a camera, with depth, or what the tracker says in its place."""
        if self.track is not None:
            return self._tracked(camera, self.track())
        return DepthView(
            frame=self.look(camera, True),
            calibration=self.calibrations[camera],
            T_world_camera=self.T_world_camera(camera),
        )

    def _tracked(self, camera: str, reading: Reading) -> TrackedView:
        from mink import SE3

        no_pixels = np.empty((0, 0, 3), np.uint8)
        return TrackedView(
            frame=Frame(rgb=no_pixels, age_s=reading.age_s),
            calibration=self.calibrations[camera],
            T_world_camera=self.T_world_camera(camera),
            tags={name: SE3(np.array([*quat, x, y, z])) for name, (x, y, z, *quat) in reading.poses.items()},
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
