"""What resets and judges work with: the robot under its supervisor, its cameras and tools. Not the world."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from enpire.core.camera import Calibration, Frame
from enpire.core.errors import BadInput, ResetFailed
from enpire.core.tracker import Reading
from enpire.environment.drive import RATE_HZ, Drive
from enpire.tools import catalogue
from enpire.tools.station import Station

if TYPE_CHECKING:
    from enpire.tools.kinematics.arm import Arm

JOINTS_PER_ARM = 7
"""Six joints and the gripper."""


TRACKER = "tracker"
"""Name of a marker tracker among the sensors of a station."""


class Sensor(Protocol):
    """What a station sees with."""

    def age_s(self) -> float:
        """Age of what it would tell now."""
        ...


class Tracker(Sensor, Protocol):
    """A marker tracker in place of cameras; see `enpire.simulation.sim_tracker` for the simulated one."""

    def read(self) -> Reading:
        """The newest reading that has arrived."""
        ...


class Camera(Sensor, Protocol):
    """A camera of a station; see `enpire.simulation.sim_camera` for the simulated one."""

    def look(self, *, depth: bool = False) -> Frame:
        """The newest frame that has arrived."""
        ...


class Cell:
    """A station as everybody but the simulator knows it: nominal models, calibrations, readings.

    Args:
        drive: Commands the robot.
        cameras: By name.
        arms: Kinematic models by name, in the order of the action.
        calibrations: By camera name.
        tracker: In place of the cameras, of which there are none then.

    Attributes:
        period_s: Of one `act`.
    """

    def __init__(
        self,
        drive: Drive,
        cameras: Mapping[str, Camera],
        arms: "Mapping[str, Arm]",
        calibrations: Mapping[str, Calibration],
        tracker: Tracker | None = None,
    ) -> None:
        self._drive, self._cameras, self._tracker = drive, cameras, tracker
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
            known = ", ".join(self._cameras) or "none, this station sees with a marker tracker"
            raise BadInput(f"there is no camera {camera!r}; cameras: {known}")
        return self._cameras[camera].look(depth=depth)

    def age_s(self, camera: str) -> float:
        """Age of a camera's newest picture, or of the newest reading of the tracker in its place."""
        return (self._tracker or self._cameras[camera]).age_s()

    def station(self) -> Station:
        """What tools may know here, now."""
        return Station(
            arms=self.arms,
            joints={name: self.state[self.entries(name)][:-1].copy() for name in self.arms},
            calibrations=self.calibrations,
            look=lambda camera, depth: self.look(camera, depth=depth),
            period_s=self.period_s,
            track=self._tracker.read if self._tracker else None,
        )

    def call(self, tool: str, **arguments: Any) -> Any:
        """Answer of a tool, as a policy would get it.

        Raises:
            ToolError: It cannot answer.
        """
        return catalogue.call(tool, arguments, self.station())
