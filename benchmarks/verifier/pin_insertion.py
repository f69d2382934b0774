"""Cases for the judge of pin insertion: pins in all kinds of places.

Pin and arm are put where a case wants them; then physics decides, and the judge looks as it does in an episode.
"""

import mujoco
import numpy as np
from mink import SE3, SO3

from enpire.environment.station_task import StationTask
from enpire.tasks._pin import facts, objects
from enpire.tools.kinematics import mink_ik

KINDS = (
    "held, inserted", "released, inserted", "held, inserted, gripped high", "held, half in", "held, standing beside",
    "held, pushed up, tool low", "neighbouring hole", "lying on the box", "lying on the table", "held, just short",
)  # fmt: skip
"""The first three are positives; of the last one, whose tip stands about as high as it may, some are."""
VIEW_M = facts.HEAD_IN_M + 0.055
CLOSE_TICKS, SETTLE_TICKS = 60, 40


def put(task: StationTask, T_world_tool: SE3, T_tool_pin: SE3, T_world_pin: SE3 | None) -> np.ndarray:
    """The tool truly at a pose, with the pin in its grip, or released and somewhere else. Returns the hold action."""
    setup = task.setup
    assert setup is not None
    world, robot, arm = setup.world, setup.robot, setup.cell.arms["right"]
    wanted = T_world_tool
    for _ in range(3):  # the hidden zeros of the joints
        pose = np.array([*facts.REST, *mink_ik.solve(arm, wanted).q, 0.35])
        robot.place(pose)
        world.refresh()
        off = T_world_tool.translation() - world.data.site("right_tool").xpos
        wanted = SE3.from_rotation_and_translation(wanted.rotation(), wanted.translation() + off)
    for tick in range(CLOSE_TICKS + SETTLE_TICKS):
        if T_world_pin is None:
            pose[-1] = max(0.0, 0.3 - 0.01 * tick)
            if tick < CLOSE_TICKS:
                site = world.data.site("right_tool")
                now = SE3.from_rotation_and_translation(SO3.from_matrix(site.xmat.reshape(3, 3)), site.xpos)
                put_pin(world.model, world.data, now @ T_tool_pin)
        elif tick == 0:
            put_pin(world.model, world.data, T_world_pin)
        robot.send_action(pose)
        world.advance(0.01)
    return pose


def put_pin(model: mujoco.MjModel, data: mujoco.MjData, pose: SE3) -> None:
    """The pin at a pose, at rest."""
    joint = model.joint("pin").id
    place, motion = model.jnt_qposadr[joint], model.jnt_dofadr[joint]
    data.qpos[place : place + 7] = (*pose.translation(), *pose.rotation().wxyz)
    data.qvel[motion : motion + 6] = 0.0


def case(task: StationTask, kind: str, random: np.random.Generator) -> np.ndarray:
    """Bring about a case; returns the hold action."""
    setup = task.setup
    assert setup is not None
    down = mink_ik.vertical(0.0, 0.0, 0.0, facts.YAW_RAD).rotation()
    hole = np.array(setup.world.data.geom(f"hole{facts.HOLE}").xpos[:2])
    slip_m = 0.0

    def at(xy: np.ndarray, z_m: float, rotation: SO3 = down) -> SE3:
        return SE3.from_rotation_and_translation(rotation, np.array([*xy, z_m]))

    if kind.startswith("held"):
        height_m, aside = facts.HEAD_IN_M + random.uniform(0.0, 0.0005), np.zeros(2)
        if kind == "held, inserted, gripped high":
            slip_m = random.uniform(0.001, 0.004)
        elif kind == "held, half in":
            height_m += random.uniform(0.0022, 0.012)
        elif kind == "held, just short":
            height_m += random.uniform(0.0024, 0.0050)
        elif kind == "held, standing beside":
            height_m, aside = facts.HEAD_IN_M + objects.HOLE_DEPTH_M + 0.001, random.uniform(0.002, 0.006, 2)
        elif kind == "held, pushed up, tool low":
            height_m, aside = facts.HEAD_IN_M + objects.HOLE_DEPTH_M + 0.001, random.uniform(0.002, 0.006, 2)
            slip_m = random.uniform(0.006, 0.010)
        grip = SE3.from_translation(np.array([0.0, random.uniform(-1, 1) * facts.GRIP_M, -slip_m]))
        tool = at(hole + aside, height_m) @ grip.inverse()
        return put(task, tool, grip, None)
    view = at(np.array(objects.HOLES_M[facts.HOLE]) + random.uniform(-0.01, 0.01, 2), VIEW_M)
    flat = SO3.from_z_radians(random.uniform(-np.pi, np.pi)) @ SO3.from_y_radians(np.pi / 2)
    places = {
        "released, inserted": lambda: at(hole, facts.HEAD_IN_M + 0.0005),
        "neighbouring hole": lambda: at(
            np.array(setup.world.data.geom(f"hole{random.integers(1, 4)}").xpos[:2]), facts.HEAD_IN_M + 0.0005
        ),
        "lying on the box": lambda: at(hole - (0.01, 0.01), objects.BOX_HEIGHT_M + 0.006, flat),
        "lying on the table": lambda: at(hole + random.choice([-0.06, 0.05]), 0.006, flat),
    }
    return put(task, view, SE3.identity(), places[kind]())


def judged(task: StationTask, hold: np.ndarray) -> tuple[bool | None, bool]:
    """What the judge says once it has looked, and the truth."""
    setup = task.setup
    assert setup is not None
    setup.begin(0)
    hold = np.array([*setup.drive.target[:-1], hold[-1]])
    task._scenario.begin(setup.cell)
    for _ in range(40):
        task.step(hold)
        verdict = task.verify()
        if verdict.success is not False or "pin_seen" in verdict.evidence:
            break
    return verdict.success, bool(task.sealed()["success"])


class PinInsertion:
    """`pin_insertion`."""

    name = "pin_insertion"
    judge = ("tasks/_pin/judge.py", "tasks/_pin/objects.py", "tools/station.py")
    """Not `facts.py`: what the judge takes from it follows from `objects.py`; the rest is limits, tools and text."""
    kinds = KINDS
    easy = ("lying on the table",)
    per_station = 10

    def lay(self, task: StationTask, kind: str, random: np.random.Generator) -> tuple[bool | None, bool]:
        """Lay a case and have it judged: what the judge said, and what is true."""
        task.reset(seed=int(random.integers(2**31)))
        return judged(task, case(task, kind, random))

    def close(self, truth: dict[str, float], task: StationTask) -> bool:
        """Whether a failed episode left the pin in the hole's mouth, a few millimetres short or aside."""
        return truth["tip_above_floor_m"] < 0.008 and truth["aside_m"] < 0.006
