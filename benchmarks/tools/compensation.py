"""How far a simulated arm misses with and without compensation: `python benchmarks/tools/compensation.py [STATIONS]`.

Each station is a fresh draw of level 2. The left arm goes to three vertical poses, waits a second, then runs the
compensated move for five seconds at 30 Hz.
"""

import sys

import numpy as np
from mink import SE3

from enpire.robots.yam_sim import YamSim
from enpire.simulation.arms.yam import HOME, nominal_model
from enpire.simulation.draw import draw
from enpire.simulation.profile import Profile
from enpire.simulation.scene import ARM_BASES, station_spec
from enpire.simulation.world import World
from enpire.tools.control import compensation, descent, jerk_limited
from enpire.tools.kinematics import mink_ik
from enpire.tools.kinematics.arm import Arm

FIRST_SEED = 7000
PLACES = ((0.33, 0.2, 0.08, 0.0), (0.40, 0.35, 0.05, 0.7), (0.25, 0.12, 0.06, -0.5))
LIMITS = jerk_limited.Limits(velocity=np.full(6, 1.0), acceleration=np.full(6, 4.0), jerk=np.full(6, 40.0))
TICKS = (3, 3, 4)
HOME_RAD = np.array(HOME[:6])


class Run:
    """One station with its left arm."""

    def __init__(self, profile: Profile) -> None:
        self.world = World(station_spec(profile))
        self.robot = YamSim(self.world, profile)
        self.robot.connect()
        self.robot.place(np.array(HOME * 2))
        self.sent = np.array(HOME * 2)

    def go(self, q: np.ndarray, ticks: int) -> tuple[np.ndarray, np.ndarray]:
        self.sent[:6] = q
        for _ in range(ticks):
            self.robot.send_action(self.sent)
            self.world.advance(0.01)
        seen = self.robot.get_observation()
        return seen["observation.state"][:6], seen["observation.effort"][:6]

    def miss_mm(self, arm: Arm, q_read: np.ndarray, pose: SE3) -> tuple[float, float]:
        """Of the tool by the readings, and really."""
        true = self.world.data.site("left_tool").xpos
        read = arm.forward(q_read).translation()
        return tuple(1000 * float(np.linalg.norm(p - pose.translation())) for p in (read, true))


def one(arm: Arm, profile: Profile, pose: SE3, q: np.ndarray) -> tuple[tuple[float, float], ...]:
    run = Run(profile)
    for row in jerk_limited.move(HOME_RAD, q, LIMITS, 0.01).q:
        run.go(row, 1)
    read, effort = run.go(q, 100)
    before = run.miss_mm(arm, read, pose)
    state = compensation.start(arm, run.sent[:6], read)
    for k in range(150):
        state, command = compensation.step(state, arm, read, pose, 1 / 30)
        read, effort = run.go(command, TICKS[k % 3])
    after = run.miss_mm(arm, read, pose)
    down = descent.start(arm, run.sent[:6], read, effort)
    k = 0
    while down.outcome == "descending":
        down, command = descent.step(down, arm, read, effort, 1 / 30, depth_m=0.15)
        read, effort = run.go(command, TICKS[k % 3])
        k += 1
    height_mm = 1000 * float(run.world.data.site("left_tool").xpos[2])
    return before, after, (float(down.outcome == "contact"), height_mm)


def main() -> None:
    stations = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    arm = Arm(nominal_model(ARM_BASES), "left")
    goals = []
    for place in PLACES:
        q = mink_ik.reach(arm, mink_ik.vertical(*place), HOME_RAD, "grip")
        goals.append((arm.forward(q), q))
    for level in (0, 2):
        runs = stations if level else 1
        found = np.array(
            [one(arm, draw(FIRST_SEED + i, level), pose, q) for i in range(runs) for pose, q in goals]
        )  # (runs, 3, 2)
        print(f"level {level}, {len(found)} moves on {runs} stations; mm: median, 95th percentile, maximum")
        for row, name in enumerate(("without", "with")):
            for column, how in enumerate(("by the readings", "really")):
                values = found[:, row, column]
                print(f"  {name}, {how}: {np.median(values):.2f} {np.quantile(values, 0.95):.2f} {values.max():.2f}")
        at_table = found[:, 2, 0].mean()
        print(f"  descents that ended in contact: {at_table:.0%}; highest tool then: {found[:, 2, 1].max():.1f} mm")


if __name__ == "__main__":
    main()
