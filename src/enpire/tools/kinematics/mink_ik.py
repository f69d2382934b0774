"""Inverse kinematics by Gauss-Newton steps, each a small quadratic program with the joint limits as bounds (mink).

minimise  |W (J dq - e)|² + w² |q + dq - q_rest|²   subject to   low <= q + dq <= high

with e the error of the tool's pose in the tool frame and J its Jacobian; the small second term decides where the first
leaves freedom. A cold solve starts from the nearest of a fixed sample of postures, then from the next ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal

import mink
import numpy as np
from mink import SE3, SO3
from numpy.typing import NDArray

from enpire.core.errors import BadInput
from enpire.tools.bounds import Joints, Range, Shape
from enpire.tools.errors import Unreachable
from enpire.tools.kinematics.arm import Arm

TOOLS = ("solve", "reach", "track", "vertical")

Align = Literal["pose", "grip", "approach"]
"""pose: all of the orientation. grip: the same, but the two fingers may change places, which doubles the reach of a
parallel gripper. approach: only the approach direction; the turn about it is free (five-joint arms)."""

POSITION_TOLERANCE_M = 1e-4
ROTATION_TOLERANCE_RAD = 1e-3
STARTS = 10
STEPS = 25
"""Steps from one start."""
_SAMPLES = 4096
_ARM_M = 0.15
"""Position error that counts as much as one radian."""
_POSTURE = 1e-4
_DAMPING = 1e-3
_STALLED = 0.98
"""A start is given up when the error falls by less than this factor over three steps."""


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Joint positions that bring the tool nearest to a pose.

    Attributes:
        q: Joint positions in rad, inside the limits.
        position_error_m, rotation_error_rad: What remains.
        reached: Whether both are within tolerance (0.1 mm, 1 mrad).
    """

    q: Joints
    position_error_m: float
    rotation_error_rad: float
    reached: bool


def vertical(
    x_m: Annotated[float, Range(-2.0, 2.0)],
    y_m: Annotated[float, Range(-2.0, 2.0)],
    z_m: Annotated[float, Range(-2.0, 2.0)],
    yaw_rad: float,
) -> SE3:
    """T_world_tool of a gripper that points straight down.

    Args:
        x_m, y_m, z_m: Tool origin in the world frame.
        yaw_rad: Closing direction, about world z from world x.
    """
    down = SO3.from_z_radians(yaw_rad) @ SO3.from_x_radians(np.pi)
    return SE3.from_rotation_and_translation(down, np.array([x_m, y_m, z_m]))


def solve(arm: Arm, T_world_tool: SE3, q_start: Joints | None = None, align: Align = "pose") -> Solution:
    """Joint positions that bring the tool to a pose, or nearest to it.

    Args:
        arm: Arm whose tool is meant.
        T_world_tool: Where the tool should be.
        q_start: Posture to start from and stay near to; without it the search starts from a fixed sample.
        align: Whether the turn about the approach direction matters.

    Returns:
        The first solution that reaches, else the nearest one found.
    """
    if align == "grip":
        return _grip(arm, T_world_tool, q_start)
    best: Solution | None = None
    for start in _starts(arm, T_world_tool, q_start, align):
        found = _descend(arm, T_world_tool, start, align)
        if found.reached:
            return found
        if best is None or _score(found) < _score(best):
            best = found
    assert best is not None
    return best


def reach(arm: Arm, T_world_tool: SE3, q_start: Joints | None = None, align: Align = "pose") -> Joints:
    """Joint positions that bring the tool to a pose, in rad.

    Args:
        arm: Arm whose tool is meant.
        T_world_tool: Where the tool should be.
        q_start: Posture to start from and stay near to.
        align: Whether the turn about the approach direction matters.

    Raises:
        Unreachable: None do; says how close the tool comes.
    """
    found = solve(arm, T_world_tool, q_start, align)
    if not found.reached:
        x, y, z = T_world_tool.translation()
        raise Unreachable(
            f"{arm.name} cannot bring its tool to ({x:.3f}, {y:.3f}, {z:.3f}) m in that orientation; it comes within "
            f"{found.position_error_m * 1000:.1f} mm and {np.degrees(found.rotation_error_rad):.1f} degrees"
        )
    return found.q


def track(
    arm: Arm,
    q: Joints,
    T_world_tool: SE3,
    dt_s: Annotated[float, Range(1e-4, 1.0)],
    velocity_rad_s: Annotated[NDArray[np.float64], Shape((None,), most=14)],
) -> Joints:
    """Joint positions one control period further towards a pose.

    Args:
        arm: Arm whose tool is meant.
        q: Joint positions commanded last.
        T_world_tool: Where the tool should go.
        dt_s: Control period.
        velocity_rad_s: Largest speed of each joint.
    """
    if velocity_rad_s.shape != arm.low.shape or not (velocity_rad_s > 0).all():
        raise BadInput(f"velocity_rad_s must hold {len(arm.joints)} positive speeds, not {velocity_rad_s!r}")
    problem = _problem(arm, "pose")
    problem.set(arm, _inside(arm, q), T_world_tool)
    speeds = {joint: float(v) for joint, v in zip(arm.joints, velocity_rad_s, strict=True)}
    limits = [problem.range, mink.VelocityLimit(arm.model, speeds)]
    return problem.step(arm, dt_s, limits)


def _grip(arm: Arm, T_world_tool: SE3, q_start: NDArray[np.float64] | None) -> Solution:
    """The better of the two ways to hold the fingers: one that reaches, and of two such the nearer to the start."""
    near = (arm.low + arm.high) / 2.0 if q_start is None else _inside(arm, q_start)
    swapped = T_world_tool @ SE3.from_rotation(SO3.from_z_radians(np.pi))
    both = [solve(arm, pose, q_start) for pose in (T_world_tool, swapped)]
    reaching = [found for found in both if found.reached]
    return min(reaching, key=lambda found: float(np.abs(found.q - near).max())) if reaching else min(both, key=_score)


# ------------------------------------------------------------------ one start


def _descend(arm: Arm, T_world_tool: SE3, start: NDArray[np.float64], align: Align) -> Solution:
    problem = _problem(arm, align)
    problem.set(arm, _inside(arm, start), T_world_tool)
    best, trail = problem.solution(arm), [np.inf]
    for _ in range(STEPS):
        if best.reached:
            break
        problem.step(arm, 1.0, [problem.range])
        now = problem.solution(arm)
        trail.append(_score(now))
        best = min(best, now, key=_score)
        if len(trail) > 4 and trail[-1] > _STALLED * trail[-4]:
            break
    return best


def _score(solution: Solution) -> float:
    return solution.position_error_m + _ARM_M * solution.rotation_error_rad


def _inside(arm: Arm, q: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.shape(q) != arm.low.shape:
        raise BadInput(f"{arm.name} has {len(arm.joints)} joints, so it needs as many positions, not {q!r}")
    return np.clip(q, arm.low, arm.high)


class _Problem:
    """mink's tasks and limits for one arm, and the posture they are evaluated at."""

    def __init__(self, arm: Arm, align: Align) -> None:
        site = arm.model.site(arm.site).name
        turn = [_ARM_M, _ARM_M, _ARM_M if align == "pose" else 0.0]
        self.frame = mink.FrameTask(site, "site", position_cost=1.0, orientation_cost=turn, lm_damping=_DAMPING)
        self.posture = mink.PostureTask(arm.model, cost=_POSTURE)
        self.range = mink.ConfigurationLimit(arm.model, gain=1.0)
        self.configuration = mink.Configuration(arm.model)
        self.place = np.zeros(3)
        self.align = align

    def set(self, arm: Arm, q: NDArray[np.float64], T_world_tool: SE3) -> None:
        qpos = self.configuration.q.copy()
        qpos[arm.qpos] = q
        self.configuration.update(qpos)
        self.posture.set_target(qpos)
        self.frame.set_target(T_world_tool)
        self.place = T_world_tool.translation()

    def step(self, arm: Arm, dt_s: float, limits: list[mink.Limit]) -> NDArray[np.float64]:
        velocity = mink.solve_ik(self.configuration, [self.frame, self.posture], dt_s, "daqp", limits=limits)
        self.configuration.integrate_inplace(velocity, dt_s)
        q: NDArray[np.float64] = np.clip(self.configuration.q[arm.qpos], arm.low, arm.high)
        return q

    def solution(self, arm: Arm) -> Solution:
        error = self.frame.compute_error(self.configuration)
        place = self.configuration.data.site_xpos[arm.site]
        position, rotation = float(np.linalg.norm(self.place - place)), float(np.linalg.norm(error[3:]))
        if self.align == "approach":
            rotation = float(np.linalg.norm(error[3:5]))
        return Solution(
            q=np.clip(self.configuration.q[arm.qpos], arm.low, arm.high),
            position_error_m=position,
            rotation_error_rad=rotation,
            reached=position <= POSITION_TOLERANCE_M and rotation <= ROTATION_TOLERANCE_RAD,
        )


@lru_cache(maxsize=16)
def _problem(arm: Arm, align: Align) -> _Problem:
    return _Problem(arm, align)


# ------------------------------------------------------------------ where to start


def _starts(
    arm: Arm, T_world_tool: SE3, q_start: NDArray[np.float64] | None, align: Align
) -> Iterator[NDArray[np.float64]]:
    """Postures to start from, the likeliest first; the sample is ranked only if the search comes to it."""
    if q_start is not None:
        yield q_start
    sample, positions, matrices = _sample(arm)
    away = np.linalg.norm(positions - T_world_tool.translation(), axis=1)
    wanted = T_world_tool.rotation().as_matrix()
    if align == "pose":
        cosine = (np.einsum("nij,ij->n", matrices, wanted) - 1.0) / 2.0
    else:
        cosine = matrices[:, :, 2] @ wanted[:, 2]
    score = away + _ARM_M * np.arccos(np.clip(cosine, -1.0, 1.0))
    count = STARTS
    if q_start is not None:
        score, count = score + 0.02 * np.linalg.norm(sample - _inside(arm, q_start), axis=1), STARTS - 1
    yield from (sample[i] for i in np.argsort(score)[:count])


@lru_cache(maxsize=16)
def _sample(arm: Arm) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Postures all over the joint ranges, with tool positions (N, 3) and rotation matrices (N, 3, 3)."""
    sample = np.random.default_rng(0).uniform(arm.low, arm.high, size=(_SAMPLES, len(arm.joints)))
    poses = [arm.forward(q) for q in sample]
    return (
        sample,
        np.array([pose.translation() for pose in poses]),
        np.array([pose.rotation().as_matrix() for pose in poses]),
    )
