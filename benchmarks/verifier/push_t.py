"""Cases for the judge of Push-T, laid by hand.

Kinds: `beyond` (one error between 1.02 and 1.6 tolerances), `near` (one between 0.5 and 1.6), `inside` (both below
0.8), `covered` (at its goal, an arm not retracted), `moving` (drifting slowly while the arms rest).
"""

import numpy as np

from enpire.environment.station_task import StationTask
from enpire.tasks._push_t import block

KINDS = ("beyond", "inside", "near", "beyond", "covered", "inside", "beyond", "near", "inside", "moving")
WAIT = 30
GOAL = np.array(block.GOAL)


def drawn_pose(kind: str, tolerance: tuple[float, float], random: np.random.Generator) -> np.ndarray:
    """A pose of this kind."""
    center = block.center(GOAL)
    if kind in ("near", "beyond"):
        share = random.uniform(0.5 if kind == "near" else 1.02, 1.6, 2)
        share[random.integers(2)] = random.uniform(0.0, 1.0)
    else:
        share = random.uniform(0.0, 0.8, 2)
    angle = random.uniform(0, 2 * np.pi)
    away = share[0] * tolerance[0] * np.array([np.cos(angle), np.sin(angle)])
    return block.at_center(center + away, share[1] * tolerance[1] * random.choice([-1.0, 1.0]))


def judged(task: StationTask, kind: str, pose: np.ndarray, random: np.random.Generator) -> tuple[bool | None, bool]:
    """Verdict, and truth at the moment of the verdict."""
    observation, _ = task.reset(seed=int(random.integers(2**31)))
    world = task.setup.world
    block.put(world.model, world.data, pose)
    world.refresh()
    action = np.clip(observation["observation.state"], task.spec.action.low, task.spec.action.high)
    if kind == "covered":
        action = action.copy()
        action[7 + int(random.integers(3))] += random.uniform(0.25, 0.7)
    drift = random.uniform(0.01, 0.03, 2) if kind == "moving" else np.zeros(2)
    verdict, truth = task.verify(), task.sealed()
    for _ in range(WAIT):
        if kind == "moving":
            moved = block.true_pose(world.data)
            moved[:2] += drift / 30
            block.put(world.model, world.data, moved)
            world.data.qvel[world.model.joint(block.NAME).dofadr[0] : world.model.joint(block.NAME).dofadr[0] + 2] = (
                drift
            )
            world.refresh()
        task.step(action)
        verdict, truth = task.verify(), task.sealed()
        if verdict.success is not False or "seen" in verdict.evidence:
            break
    return verdict.success, bool(truth["success"])


class PushT:
    """`push_t` and `push_t_simple`: one judge with other tolerances; each task is measured by itself."""

    judge = (
        "tasks/_push_t/block.py",
        "tasks/_push_t/judge.py",
        "tasks/_push_t/sight.py",
        "tools/perception/edges.py",
        "tools/perception/fiducials.py",
        "tools/perception/hue.py",
        "tools/perception/outline_fit.py",
        "tools/perception/pinhole.py",
        "tools/perception/polygons.py",
        "tools/perception/silhouette.py",
        "tools/perception/t_outline.py",
        "tools/station.py",
    )
    """Not `hand.py` and `planner.py`: they give it the postures of rest and the progress, no success."""
    kinds = KINDS
    easy = ("far",)
    per_station = 20

    def __init__(self, name: str) -> None:
        self.name = name
        self.judge = (*self.judge, f"tasks/{name}.py")

    def lay(self, task: StationTask, kind: str, random: np.random.Generator) -> tuple[bool | None, bool]:
        """Lay a case and have it judged: what the judge said, and what is true."""
        rules = task._scenario._rules
        pose = drawn_pose(kind, (rules.tolerance_m, rules.tolerance_rad), random)
        return judged(task, kind, pose, random)

    def close(self, truth: dict[str, float], task: StationTask) -> bool:
        """Whether a failed episode came within two tolerances of success."""
        rules = task._scenario._rules
        return truth["distance_m"] < 2 * rules.tolerance_m and truth["yaw_error_rad"] < 2 * rules.tolerance_rad
