"""Pin insertion as a scenario: objects, start by hand, and the truth. Reset and judge have files of their own."""

from collections.abc import Mapping

import mink
import mujoco
import numpy as np
from numpy.typing import NDArray

from enpire.core.records import Verdict
from enpire.environment.cell import Cell
from enpire.environment.scenario import ScenarioFacts
from enpire.robots.yam_sim import YamSim
from enpire.simulation.profile import Profile
from enpire.simulation.world import World
from enpire.tasks._pin import facts, objects
from enpire.tasks._pin.judge import Judge
from enpire.tasks._pin.reset import bring, camera_off
from enpire.tools.kinematics import mink_ik
from enpire.tools.kinematics.arm import Arm

_CLOSE_TICKS, _SETTLE_TICKS = 60, 30
_TIP_OFF_FLOOR_M, _ASIDE_M, _TILT_RAD = 0.002, 0.001, np.deg2rad(5.0)


class PinInsertion:
    """See `enpire.tasks.pin_insertion`."""

    def __init__(self, plugged: bool) -> None:
        self.facts: ScenarioFacts = facts.facts()
        self._plugged_m = 0.012 if plugged else 0.0
        self._judge = Judge()
        self._gripped_m: float | None = None
        self._camera_off_m: NDArray[np.float64] = np.zeros(3)

    def objects(self, spec: mujoco.MjSpec, profile: Profile) -> None:
        """The box and the pin."""
        objects.add_box(spec, profile, self._plugged_m)
        objects.add_pin(spec, profile)

    def place(self, world: World, robot: YamSim, arms: Mapping[str, Arm], seed: int) -> None:
        """The pin in the right gripper, above the hole."""
        self._gripped_m = grip_offset_m(seed)
        solution = mink_ik.solve(arms["right"], start_pose(seed))
        pose = np.array([*facts.REST, *solution.q, 0.3])
        robot.place(pose)
        for tick in range(_CLOSE_TICKS + _SETTLE_TICKS):
            pose[-1] = max(0.0, 0.3 - 0.01 * tick)
            if tick < _CLOSE_TICKS:
                _put_pin(world, grip_offset_m(seed))
            robot.send_action(pose)
            world.advance(0.01)

    def reset(self, cell: Cell, seed: int) -> None:
        """Take the pin out of the hole and hold it above.

        Raises:
            ResetFailed: The pin is not in the gripper.
        """
        bring(cell, start_pose(seed), grip_offset_m(seed), self._camera_off_m)

    def begin(self, cell: Cell) -> None:
        """A new episode. After a start placed by hand it is known how the pin is gripped, so the camera is checked."""
        if self._gripped_m is not None:
            self._camera_off_m = camera_off(cell, self._gripped_m)
            self._gripped_m = None
        self._judge = Judge()

    def judge(self, cell: Cell) -> Verdict:
        """Is the pin in its hole, alone?"""
        return self._judge.see(cell)

    def truth(self, world: World) -> dict[str, float]:
        """Where the pin is: tip above the floor of its hole (m), aside of the hole (m), tilt (rad), held (0 or 1)."""
        pin = world.data.body("pin")
        axis = pin.xmat.reshape(3, 3)[:, 2]
        tip = pin.xpos + objects.TIP_BELOW_HEAD_M * axis
        floor = objects.BOX_HEIGHT_M - objects.HOLE_DEPTH_M
        aside = float(np.hypot(*(tip[:2] - world.data.geom(f"hole{facts.HOLE}").xpos[:2])))
        tilt = float(np.arccos(np.clip(-axis[2], -1.0, 1.0)))
        above = float(tip[2] - floor)
        success = above < _TIP_OFF_FLOOR_M and aside < _ASIDE_M and tilt < _TILT_RAD
        return {"success": float(success), "tip_above_floor_m": above, "aside_m": aside, "tilt_rad": tilt}


def start_pose(seed: int) -> mink.SE3:
    """T_world_tool at the start of an episode: the pin's tip 1 cm above the box, a little aside and tilted."""
    random = np.random.default_rng([seed, 0x50494E])
    aside_m = _in_disk(random) * facts.JITTER_M
    tilt_rad = _in_disk(random) * facts.TILT_RAD
    x, y = np.array(objects.HOLES_M[facts.HOLE]) + aside_m
    upright = mink_ik.vertical(float(x), float(y), facts.HEAD_HOVER_M, facts.YAW_RAD)
    tilted = mink.SO3.exp(np.array([*tilt_rad, 0.0])) @ upright.rotation()
    return mink.SE3.from_rotation_and_translation(tilted, upright.translation())


def grip_offset_m(seed: int) -> float:
    """Middle of the head minus the tool, along world x."""
    return float(np.random.default_rng([seed, 0x47524950]).uniform(-facts.GRIP_M, facts.GRIP_M))


def _in_disk(random: np.random.Generator) -> NDArray[np.float64]:
    """A point of the unit disk, shape (2,)."""
    angle, radius = random.uniform(0.0, 2 * np.pi), np.sqrt(random.uniform())
    return np.array([radius * np.cos(angle), radius * np.sin(angle)])


def _put_pin(world: World, aside_m: float) -> None:
    """The pin between the fingertips, so much aside along world x, at rest."""
    model, data = world.model, world.data
    joint = model.joint("pin").id
    place, motion = model.jnt_qposadr[joint], model.jnt_dofadr[joint]
    site = data.site("right_tool")
    quat_wxyz = np.empty(4)
    mujoco.mju_mat2Quat(quat_wxyz, site.xmat)
    data.qpos[place : place + 7] = (*(site.xpos + np.array([aside_m, 0.0, 0.0])), *quat_wxyz)
    data.qvel[motion : motion + 6] = 0.0
