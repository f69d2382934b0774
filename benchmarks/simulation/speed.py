"""How fast a simulated station runs on one core, without cameras: `python benchmarks/simulation/speed.py [SECONDS]`.

Times are CPU time of this process. Actions come at 30 Hz and are split into 100 commands a second, as a station does.
`supervised` sends them through `environment.drive.Drive` with the safety gate and feed-forward; `driver` straight on.
"""

import sys
import time
from collections.abc import Callable

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from enpire.environment.drive import Drive
from enpire.environment.feed_forward import FeedForward
from enpire.environment.safety.clearance import Clearance
from enpire.environment.safety.gate import Gate
from enpire.environment.safety.limits import SafetyLimits
from enpire.robots.yam_sim import YamSim
from enpire.simulation import scene
from enpire.simulation.arms import yam
from enpire.simulation.draw import draw
from enpire.simulation.world import TIMESTEP_S, World

TICKS = (3, 3, 4)
Path = Callable[[float], NDArray[np.float64]]


def station(level: int, block: bool) -> tuple[World, YamSim]:
    profile = draw(1, level)
    spec = scene.station_spec(profile)
    if block:
        body = spec.worldbody.add_body(name="block", pos=(0.3, -0.3, 0.0155))
        body.add_freejoint()
        for center, half in (((0.02, 0, 0), (0.02, 0.08, 0.015)), ((0.1, 0, 0), (0.06, 0.02, 0.015))):
            body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=center, size=half, mass=0.075)
    world = World(spec)
    robot = YamSim(world, profile)
    robot.connect()
    return world, robot


def reach(radius_m: float, height_m: float) -> NDArray[np.float64]:
    """Joints 2 to 4 of a gripper that points down at a place in front of its base."""
    model = yam.nominal_model({"arm": scene.ARM_BASES["left"]})
    data = mujoco.MjData(model)
    base = np.array([0.0, 0.3, 0.0])

    def off(joints: NDArray[np.float64]) -> list[float]:
        data.qpos[1:4] = joints
        mujoco.mj_kinematics(model, data)
        tool = data.site("arm_tool")
        place, approach = tool.xpos - base, tool.xmat.reshape(3, 3)[:, 2]
        return [place[0] - radius_m, place[2] - height_m, 0.3 * approach[0], 0.3 * (approach[2] + 1)]

    solved = least_squares(off, [1.5, 1.2, -1.0], bounds=(yam.JOINT_LOW[1:4], yam.JOINT_HIGH[1:4]))
    return np.asarray(solved.x)


def still(_: float) -> NDArray[np.float64]:
    return np.array(yam.HOME * 2)


def pushing() -> Path:
    """The right gripper pushes the block 60 mm ahead and goes back, every 4 s; the left arm stands."""
    near, far = reach(0.26, 0.02), reach(0.35, 0.02)

    def path(time_s: float) -> NDArray[np.float64]:
        share = 0.5 - 0.5 * np.cos(np.pi * time_s / 2)
        return np.array([*yam.HOME, 0.0, *(near + share * (far - near)), 0.0, 0.0, 0.0])

    return path


def driven(world: World, robot: YamSim, path: Path, seconds: float) -> float:
    last = path(0.0)
    began = time.process_time()
    for step in range(round(30 * seconds)):
        goal = path(step / 30)
        ticks = TICKS[step % 3]
        for tick in range(1, ticks + 1):
            robot.get_observation()
            robot.send_action(last + (goal - last) * (tick / ticks))
            world.advance(0.01)
        last = goal
    return time.process_time() - began


def supervised(world: World, robot: YamSim, path: Path, seconds: float) -> float:
    n = 2
    limits = SafetyLimits(
        low=(*yam.JOINT_LOW, 0.0) * n,
        high=(*yam.JOINT_HIGH, 1.0) * n,
        velocity=(1.5,) * (n * 7),
        acceleration=(10.0,) * (n * 7),
        jerk=(150.0,) * (n * 7),
        box_low_m=(0.0, -0.6, 0.0),
        box_high_m=(0.7, 0.6, 0.8),
    )
    gate = Gate(limits, Clearance(yam.nominal_model(scene.ARM_BASES), tuple(scene.ARM_BASES), limits))
    lead = FeedForward(yam.nominal_model(scene.ARM_BASES), tuple(scene.ARM_BASES), yam.KP, yam.KD)
    drive = Drive(world, robot, gate, feed_forward=lead)
    drive.begin()
    began = time.process_time()
    for step in range(round(30 * seconds)):
        drive.step(path(step / 30))
    spent = time.process_time() - began
    assert not drive.stopped, drive.detail
    return spent


def physics(world: World, seconds: float) -> float:
    began = time.process_time()
    mujoco.mj_step(world.model, world.data, nstep=round(seconds / TIMESTEP_S))
    return time.process_time() - began


def main(seconds: float) -> None:
    print("| scene | what runs | steps per CPU second | x real time |")
    print("|---|---|---|---|")
    for name, block, path in (("both arms stand", False, still), ("right arm pushes the block", True, pushing())):
        for what in ("physics", "driver", "driver, level 2", "supervised, level 2"):
            world, robot = station(2 if "level 2" in what else 0, block)
            robot.place(path(0.0))
            if what == "physics" and block:
                continue  # nothing would push
            if what == "physics":
                spent = physics(world, seconds)
            elif what.startswith("driver"):
                spent = driven(world, robot, path, seconds)
            else:
                spent = supervised(world, robot, path, seconds)
            print(f"| {name} | {what} | {seconds / TIMESTEP_S / spent:,.0f} | {seconds / spent:.1f} |", flush=True)
            if block:
                print(f"  block moved to {world.data.body('block').xpos.round(3)}", file=sys.stderr)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0)
