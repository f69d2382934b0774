"""A simulated station, built: world, robot, cameras, and the drive and cell that everybody else works with."""

from collections.abc import Mapping
from typing import Literal

from enpire.core.camera import Calibration
from enpire.environment.cell import TRACKER, Cell, Sensor
from enpire.environment.drive import Drive
from enpire.environment.feed_forward import FeedForward
from enpire.environment.safety.clearance import Clearance
from enpire.environment.safety.gate import Gate
from enpire.environment.scenario import Scenario
from enpire.robots.yam_sim import YamSim
from enpire.simulation import scene
from enpire.simulation.life import write_profile
from enpire.simulation.profile import Profile
from enpire.simulation.sim_camera import SimCamera, sim_cameras
from enpire.simulation.sim_tracker import SimTracker
from enpire.simulation.world import World
from enpire.tools.kinematics.arm import Arm

Calibrations = Mapping[str, Calibration]
Sight = Literal["cameras", "tracker"]


class Setup:
    """The station of a profile with the objects of a scenario.

    Args:
        scenario: Its objects and limits.
        profile: How the station really is.
        arms: Kinematic models by name.
        clearance: Geometry of the supervisor; shared, it is costly to make.
        feed_forward: Dynamics of the nominal arms; shared too.
        calibrations: By camera name.
        pace: 0: as fast as possible; 1: real time.
        sight: What the cell sees with: cameras, or a marker tracker on the scenario's tagged bodies.

    Attributes:
        world, robot, cameras, tracker: What is simulated. With a tracker, the cameras are there for viewers only.
        drive, cell: What acts and looks.
    """

    def __init__(
        self,
        scenario: Scenario,
        profile: Profile,
        arms: Mapping[str, Arm],
        clearance: Clearance,
        feed_forward: FeedForward,
        calibrations: Calibrations,
        pace: float,
        sight: Sight = "cameras",
    ) -> None:
        spec = scene.station_spec(profile)
        scenario.objects(spec, profile)
        self.world = World(spec)
        limits = scenario.facts.limits
        self.robot = YamSim(self.world, profile, gripper_force_n=limits.gripper_force_n)
        self.robot.connect()
        self.cameras: dict[str, SimCamera] = sim_cameras(self.world, calibrations, profile)
        tagged = scenario.facts.tagged
        self.tracker = SimTracker(self.world, tagged, profile.tracker) if sight == "tracker" else None
        self.drive = Drive(self.world, self.robot, Gate(limits, clearance), pace, feed_forward)
        self.cell = Cell(self.drive, {} if self.tracker else self.cameras, arms, calibrations, self.tracker)
        self.become(profile)

    @property
    def sensors(self) -> Mapping[str, Sensor]:
        """What resets, judges and policies see with."""
        return {TRACKER: self.tracker} if self.tracker else self.cameras

    def become(self, profile: Profile) -> None:
        """Be as `profile` says from now on, in what drifts."""
        write_profile(self.world.model, profile)
        self.robot.renew(profile)
        for name, camera in self.cameras.items():
            camera.profile = profile.cameras.get(name, camera.profile)
        if self.tracker:
            self.tracker.profile = profile.tracker

    def begin(self, seed: int) -> None:
        """An episode, or a reset, begins: noise from its seed, the supervisor open, the robot where it stands."""
        self.robot.begin_episode(seed)
        for camera in self.cameras.values():
            camera.begin_episode(seed)
        if self.tracker:
            self.tracker.begin_episode(seed)
        self.drive.begin()

    def close(self) -> None:
        """Release everything."""
        for camera in self.cameras.values():
            camera.close()
        self.robot.disconnect()
