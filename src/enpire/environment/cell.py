"""What resets and judges work with: the robot under its supervisor, its cameras and tools. Not the world."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from enpire.core.camera import Calibration, Frame
from enpire.core.errors import BadInput, ResetFailed
from enpire.environment.drive import RATE_HZ, Drive
from enpire.tools import catalogue
from enpire.tools.station import Station

if TYPE_CHECKING:
    from enpire.tools.kinematics.arm import Arm

JOINTS_PER_ARM = 7
"""Six joints and the gripper."""


class Camera(Protocol):
    """A camera of a station; see `enpire.simulation.sim_camera` for the simulated one."""

    def look(self, *, depth: bool = False) -> Frame:
        """The newest frame that has arrived."""
        ...

    def age_s(self) -> float:
        """Age of the frame that `look` would give."""
        ...


class Cell:
    """A station as everybody but the simulator knows it: nominal models, calibrations, readings.

    Args:
        drive: Commands the robot.
        cameras: By name.
        arms: Kinematic models by name, in the order of the action.
        calibrations: By camera name.

    Attributes:
        period_s: Of one `act`.
    """

    def __init__(
        self,
        drive: Drive,
        cameras: Mapping[str, Camera],
        arms: "Mapping[str, Arm]",
        calibrations: Mapping[str, Calibration],
    ) -> None:
        self._drive, self._cameras = drive, cameras
        self.arms, self.calibrations = arms, calibrations
        self.period_s = 1.0 / RATE_HZ

    @property
    def state(self) -> NDArray[np.float64]:
        """Measured positions, shape (A,): rad, and openings of the grippers in [0, 1]."""
        return self._drive.joints

    @property
    def velocity(self) -> NDArray[np.float64]:
        """Measured velocities, shape (A,)."""
        found: NDArray[np.float64] = self._drive.reading["observation.velocity"]
        return found

    @property
    def effort(self) -> NDArray[np.float64]:
        """Measured efforts, shape (A,): Nm, grippers in N."""
        found: NDArray[np.float64] = self._drive.reading["observation.effort"]
        return found

    def entries(self, arm: str) -> slice:
        """Where an arm's six joints and its gripper stand in a state or an action."""
        start = list(self.arms).index(arm) * JOINTS_PER_ARM
        return slice(start, start + JOINTS_PER_ARM)

    def act(self, action: NDArray[np.float64]) -> None:
        """One control period towards an action, shape (A,).

        Raises:
            ResetFailed: The supervisor stopped the robot, or it does not obey.
        """
        self._drive.step(action)
        if self._drive.stopped:
            raise ResetFailed(f"the robot was stopped ({self._drive.stopped}): {self._drive.detail}")

    def follow(self, actions: Iterable[NDArray[np.float64]]) -> None:
        """One control period per action.

        Raises:
            ResetFailed: As of `act`.
        """
        for action in actions:
            self.act(action)

    def wait(self, seconds: float) -> None:
        """Hold the present target for a while."""
        target = self._drive.target
        self.follow(target for _ in range(round(seconds * RATE_HZ)))

    def look(self, camera: str, *, depth: bool = False) -> Frame:
        """Newest picture of a camera.

        Raises:
            BadInput: There is no such camera.
        """
        if camera not in self._cameras:
            raise BadInput(f"there is no camera {camera!r}; cameras: {', '.join(self._cameras)}")
        return self._cameras[camera].look(depth=depth)

    def ages_s(self) -> dict[str, float]:
        """Age of the newest picture by camera."""
        return {name: camera.age_s() for name, camera in self._cameras.items()}

    def station(self) -> Station:
        """What tools may know here, now."""
        return Station(
            arms=self.arms,
            joints={name: self.state[self.entries(name)][:-1].copy() for name in self.arms},
            calibrations=self.calibrations,
            look=lambda camera, depth: self.look(camera, depth=depth),
            period_s=self.period_s,
        )

    def call(self, tool: str, **arguments: Any) -> Any:
        """Answer of a tool, as a policy would get it.

        Raises:
            ToolError: It cannot answer.
        """
        return catalogue.call(tool, arguments, self.station())
