"""Push-T on a station: objects, start states, the robot's reset, the judge, the truth."""

import contextlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

import mink
import mujoco
import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import ResetFailed, ToolError
from enpire.core.records import Verdict
from enpire.environment.cell import Cell
from enpire.environment.safety.limits import SafetyLimits
from enpire.environment.scenario import OptionRange, ScenarioFacts
from enpire.robots.yam_sim import YamSim
from enpire.simulation.arms import yam
from enpire.simulation.profile import Profile
from enpire.simulation.table_marks import MARK_RADIUS_M, TABLE_MARKS_M
from enpire.simulation.world import World
from enpire.tasks._push_t import block, hand
from enpire.tasks._push_t.bring import bring
from enpire.tasks._push_t.hand import Hand
from enpire.tasks._push_t.judge import RETRACTED_RAD, STILL_S, Judge
from enpire.tasks._push_t.planner import PUSHER_RADIUS_M
from enpire.tasks._push_t.sight import CAMERA, see
from enpire.tools.kinematics.arm import Arm
from enpire.tools.perception.errors import NotSeen

Array = NDArray[np.float64]

START_CENTER_M = ((0.29, -0.10), (0.35, -0.04))
"""Centers of the block at the start lie in this box: lower and upper corner."""
START_TOLERANCE_M, START_TOLERANCE_RAD = 0.020, np.radians(9.0)
AIM = 0.8
"""The reset tries to come within this share of the tolerances."""
TRIES = 2
PUSHES = 10
"""Per try."""
_STILL_M_S = 0.002
_TRULY_RETRACTED_RAD = 0.15
_SHOWN = ("x_m", "y_m", "yaw_rad")

TOOLS = (
    "t_outline.find",
    "fiducials.refine",
    "mink_ik.solve",
    "mink_ik.reach",
    "mink_ik.track",
    "straight.tool",
    "jerk_limited.move",
    "jerk_limited.smooth",
    "cameras.project",
    "cameras.on_plane",
)
_ARM = 2
LIMITS = SafetyLimits(
    low=(*yam.JOINT_LOW, 0.0) * _ARM,
    high=(*yam.JOINT_HIGH, 1.0) * _ARM,
    velocity=(3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 2.0) * _ARM,
    acceleration=(8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 20.0) * _ARM,
    jerk=(200.0, 200.0, 200.0, 200.0, 200.0, 200.0, 400.0) * _ARM,
    box_low_m=(-0.10, -0.65, -0.03),
    box_high_m=(0.70, 0.65, 0.75),
    margin=(*(0.025,) * 6, 0.0) * _ARM,
    velocity_margin=1 / 3,
    box_margin_m=0.03,
    table_margin_m=0.017,
    clearance_margin_m=0.03,
    own_margin_m=0.015,
)
"""The hands stay above the table; joint speeds bring the fingertips to about 1 m/s at most."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What tells one Push-T task from another.

    Attributes:
        name: Of the task.
        instruction: In one sentence.
        tolerance_m, tolerance_rad: Success is nearer to the goal than both.
        start_yaw_rad: Start yaws are uniform between these two.
        episode_s: Robot time of an episode.
    """

    name: str
    instruction: str
    tolerance_m: float
    tolerance_rad: float
    start_yaw_rad: tuple[float, float]
    episode_s: float


class PushT:
    """See `enpire.environment.scenario.Scenario`.

    Args:
        rules: Of the task.
        fixed: Whether the block is screwed to the table, so that no policy can succeed.
    """

    def __init__(self, rules: Rules, *, fixed: bool) -> None:
        self._rules, self._fixed = rules, fixed
        self._judge = Judge(rules.tolerance_m, rules.tolerance_rad)
        self._warm = False
        self.facts = ScenarioFacts(
            name=rules.name,
            instruction=rules.instruction,
            limits=LIMITS,
            episode_s=rules.episode_s,
            baseline="arm_push",
            cameras={"top": (240, 320), "right_wrist": (240, 320)},
            tools=TOOLS,
            scene=_scene(rules),
            judged_by=("tasks/_push_t",),
            options={"fixed": OptionRange(default=0, low=0, high=1, doc="1: the block is screwed to the table")},
            tagged=(block.NAME,),
        )

    def start(self, seed: int) -> Array:
        """Start pose of the block of a seed, shape (3,)."""
        if self._fixed:
            return block.at_center(block.center(np.array(block.GOAL)), np.pi)
        random = np.random.default_rng([seed & (2**63 - 1), 0x5054])
        return block.at_center(random.uniform(*START_CENTER_M), float(random.uniform(*self._rules.start_yaw_rad)))

    def objects(self, spec: mujoco.MjSpec, profile: Profile) -> None:
        """Add the block, the printed goal and the marks."""
        block.add(spec, profile, fixed_at=self.start(0) if self._fixed else None)

    def place(self, world: World, robot: YamSim, arms: Mapping[str, Arm], seed: int) -> None:
        """Lay the block at its start pose, arms retracted, all at rest."""
        del arms  # Unused.
        block.put(world.model, world.data, self.start(seed))
        robot.place([*hand.LEFT_RETRACTED, 0.0, *hand.RETRACTED, 0.0])

    def reset(self, cell: Cell, seed: int) -> None:
        """Push the block back to the start pose of `seed`.

        Raises:
            ResetFailed: It is not there after two tries, or was not seen.
        """
        start = self.start(seed)

        def within(share: float) -> Callable[[Array], bool]:
            def there(pose: Array) -> bool:
                away_m, turned_rad = block.error(pose, start)
                return away_m < share * START_TOLERANCE_M and turned_rad < share * START_TOLERANCE_RAD

            return there

        def look() -> Array:
            try:
                return see(cell).pose
            except NotSeen as error:
                raise ResetFailed(f"the block was not seen: {error}") from None

        entries = cell.entries(hand.ARM)
        left = _clear_left(cell)
        pusher = Hand(cell.arms[hand.ARM], lambda: cell.state[entries][:6], cell.period_s)
        for _ in range(TRIES):
            near = _carry_out(cell, bring(pusher, look, start, within(AIM), PUSHES), left)
            if near or within(1.0)(look()):
                return
        raise ResetFailed(f"the block is not at its start pose after {TRIES} tries of {PUSHES} pushes")

    def begin(self, cell: Cell) -> None:
        """An episode begins."""
        self._judge.begin()
        if not self._warm:
            _warm_up(cell)
            self._warm = True

    def judge(self, cell: Cell) -> Verdict:
        """By camera and joint readings, see `judge.Judge`."""
        return self._judge.judge(cell)

    def truth(self, world: World) -> dict[str, float]:
        """Pose and errors of the block, whether everything rests, and success."""
        pose = block.true_pose(world.data)
        away_m, turned_rad = block.error(pose, np.array(block.GOAL))
        still = block.true_speed(world.data) < _STILL_M_S
        clear = _retracted(world)
        near = away_m < self._rules.tolerance_m and turned_rad < self._rules.tolerance_rad
        found = {f"block_{name}": float(value) for name, value in zip(_SHOWN, pose, strict=True)}
        found |= {"distance_m": away_m, "yaw_error_rad": turned_rad, "near": float(near)}
        return found | {"still": float(still), "retracted": float(clear), "success": float(near and still and clear)}


def _warm_up(cell: Cell) -> None:
    """Use the tools once: the first calls import, build and sample for seconds, which no policy should pay for."""
    home = np.array(hand.RETRACTED)
    with contextlib.suppress(ToolError):
        cell.call("straight.tool", arm=hand.ARM, q_start=home.tolist(), T_world_tool=[0.3, -0.1, 0.1, 0, 1, 0, 0])
    with contextlib.suppress(ToolError):
        cell.call("t_outline.find", view=CAMERA)
    with contextlib.suppress(ToolError):
        cell.call("fiducials.refine", view=CAMERA, marks_m=[list(mark) for mark in TABLE_MARKS_M])


def _clear_left(cell: Cell) -> Array:
    """Bring the left arm out of the way; returns its action values, which hold it there."""
    posture = np.array([*hand.LEFT_RETRACTED, 0.0])
    action = cell.state.copy()
    left, right = cell.entries("left"), cell.entries(hand.ARM)
    from_here, right_here = cell.state[left].copy(), cell.state[right].copy()
    way = float(np.abs(posture - from_here)[:6].max())
    for share in np.linspace(0.0, 1.0, max(2, round(way / 0.04))):
        action[left] = from_here + share * (posture - from_here)
        action[right] = right_here
        cell.act(action)
    return posture


def _carry_out(cell: Cell, targets: Generator[Array, None, bool], left: Array) -> bool:
    """Send the right arm's targets, with the left arm held; returns what the generator returns."""
    action = np.zeros(cell.state.shape)
    action[cell.entries("left")] = left
    right = cell.entries(hand.ARM)
    while True:
        try:
            action[right] = np.array([*next(targets), 0.0])
        except StopIteration as ended:
            return bool(ended.value)
        cell.act(action)


def _retracted(world: World) -> bool:
    model, data = world.model, world.data
    for arm, posture in (("left", hand.LEFT_RETRACTED), ("right", hand.RETRACTED)):
        for number, angle in enumerate(posture, 1):
            at = float(data.qpos[model.joint(f"{arm}_joint{number}").qposadr[0]])
            if abs(at - angle) > _TRULY_RETRACTED_RAD:
                return False
    return True


def _scene(rules: Rules) -> dict[str, Any]:
    """What a policy may know: the task's manual."""
    return {
        "kind": "planar_push+arm_push",
        "block_polygons_m": [polygon.tolist() for polygon in block.polygons()],
        "block_height_m": block.HEIGHT_M,
        "goal_pose": list(block.GOAL),
        "tolerance_m": rules.tolerance_m,
        "tolerance_rad": rules.tolerance_rad,
        "still_s": STILL_S,
        "pusher_radius_m": PUSHER_RADIUS_M,
        "pushing_arm": hand.ARM,
        "arm_base_m": list(hand.BASE_M),
        "arm_chain": _chain(),
        "reach_m": list(hand.REACH_M),
        "field_m": [*hand.FIELD_M[0], *hand.FIELD_M[1]],
        "left_retracted_rad": list(hand.LEFT_RETRACTED),
        "right_retracted_rad": list(hand.RETRACTED),
        "retracted_within_rad": RETRACTED_RAD,
        "joint_velocity_rad_s": list(LIMITS.commanded_velocity[:6]),
        "joint_acceleration_rad_s2": list(LIMITS.acceleration[:6]),
        "marks_m": [list(mark) for mark in TABLE_MARKS_M],
        "mark_radius_m": MARK_RADIUS_M,
    }


def _chain() -> list[list[list[float]]]:
    """Offset and axis of each joint of the pushing arm in the frame of the one before, and the tool's offset: m."""
    model = yam.nominal_model({hand.ARM: mink.SE3.identity()})
    links = [f"{hand.ARM}_link{number}" for number in range(1, yam.JOINTS + 1)]
    chain = [[model.body(link).pos, model.jnt_axis[model.body(link).jntadr[0]]] for link in links]
    chain.append([model.site(f"{hand.ARM}_tool").pos, np.array([0.0, 0.0, 1.0])])
    return [[np.round(part, 6).tolist() for part in entry] for entry in chain]
