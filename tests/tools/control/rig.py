"""A simulated station driven tick by tick, for tests of control tools: readings as policies get them, and the truth."""

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from mink import SE3
from numpy.typing import NDArray

from enpire.robots.yam_sim import YamSim
from enpire.simulation.arms.yam import HOME
from enpire.simulation.profile import ArmProfile, Profile
from enpire.simulation.scene import station_spec
from enpire.simulation.world import World
from enpire.tools.control import jerk_limited
from enpire.tools.kinematics import mink_ik
from tests.tools.robot import HOME_RAD, left

PERIOD_S = 0.01
LIMITS = jerk_limited.Limits(velocity=np.full(6, 1.0), acceleration=np.full(6, 4.0), jerk=np.full(6, 40.0))
NOMINAL = Profile()
SAGGING = Profile(
    latency_s=0.02,
    arms={"left": ArmProfile(gravity=0.97, friction=(1.2,) * 6, stiffness=(0.95,) * 6, effort_noise_nm=0.05)},
)
"""A left arm 5 % softer than its model, with 20 % more friction, 3 % of its weight not carried, and late by 20 ms."""


@dataclass(frozen=True)
class Reading:
    q: NDArray[np.float64]
    effort: NDArray[np.float64]
    opening: float
    grip_n: float


class Rig:
    def __init__(self, profile: Profile = NOMINAL, add: Callable[[mujoco.MjSpec], None] | None = None) -> None:
        spec = station_spec(profile)
        if add:
            add(spec)
        self.world = World(spec)
        self.robot = YamSim(self.world, profile)
        self.robot.connect()
        self.robot.place(np.array(HOME * 2))
        self.sent = np.array(HOME * 2)

    def go(self, q: NDArray[np.float64], opening: float | None = None, ticks: int = 1) -> Reading:
        """Command the left arm for some ticks; the reading after them."""
        self.sent[:6] = q
        if opening is not None:
            self.sent[6] = opening
        for _ in range(ticks):
            self.robot.send_action(self.sent)
            self.world.advance(PERIOD_S)
        return self.read()

    def read(self) -> Reading:
        seen = self.robot.get_observation()
        state, effort = seen["observation.state"], seen["observation.effort"]
        return Reading(state[:6].copy(), effort[:6].copy(), float(state[6]), float(effort[6]))

    def travel(self, T_world_tool: SE3, opening: float | None = None) -> Reading:
        """Go to a pose without compensation and wait a second."""
        q = mink_ik.reach(left(), T_world_tool, HOME_RAD, "grip")
        for row in jerk_limited.move(self.sent[:6], q, LIMITS, PERIOD_S).q:
            self.go(row, opening)
        return self.go(q, opening, ticks=100)

    def tool(self) -> NDArray[np.float64]:
        """Where the tool really is, m."""
        return self.world.data.site("left_tool").xpos.copy()

    def table_force(self) -> float:
        """What the table really bears, N."""
        data, force, total = self.world.data, np.zeros(6), 0.0
        table = self.world.model.geom("table").id
        for i in range(data.ncon):
            if table in (data.contact[i].geom1, data.contact[i].geom2):
                mujoco.mj_contactForce(self.world.model, data, i, force)
                total += force[0]
        return total


def target(x_m: float, y_m: float, z_m: float, yaw_rad: float = 0.0) -> SE3:
    """A reachable vertical pose with the yaw that the arm takes."""
    return left().forward(mink_ik.reach(left(), mink_ik.vertical(x_m, y_m, z_m, yaw_rad), HOME_RAD, "grip"))
