"""What makes a task out of a station: its objects, its start states, its judge. One scenario per task."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import mujoco
import numpy as np

from enpire.core.errors import BadInput
from enpire.core.records import Verdict
from enpire.environment.cell import Cell
from enpire.environment.safety.limits import SafetyLimits
from enpire.robots.yam_sim import YamSim
from enpire.simulation.profile import Profile
from enpire.simulation.world import World
from enpire.tools.kinematics.arm import Arm


@dataclass(frozen=True, kw_only=True)
class OptionRange:
    """A number that a user may set with `--option NAME=VALUE`.

    Attributes:
        default: Value without the option.
        low, high: Valid range, inclusive.
        doc: What it does, with its unit.
    """

    default: float
    low: float
    high: float
    doc: str


@dataclass(frozen=True, kw_only=True)
class ScenarioFacts:
    """What is fixed and public about a scenario.

    Attributes:
        name: Registered name of the task.
        instruction: The task in one sentence.
        limits: Of the safety supervisor; 14 values, both arms.
        episode_s: Robot time of an episode at most.
        baseline: Start policy of `workspace_template/`.
        cameras: Image size (height, width) in px by camera that the policy may look through.
        tools: Tools a policy may call; names of the catalogue.
        scene: What the task's manual states: sizes, poses, units.
        judged_by: Modules and packages below `enpire` that belong to the judge, e.g. `tasks/_push_t`.
        options: Options beside those of every station.
        grasps: Of an episode with its reset, about; they wear the pads.
        tagged: Bodies of the scene that carry markers where a tracker stands in for the cameras.
    """

    name: str
    instruction: str
    limits: SafetyLimits
    episode_s: float
    baseline: str
    cameras: dict[str, tuple[int, int]]
    tools: tuple[str, ...]
    scene: dict[str, Any]
    judged_by: tuple[str, ...]
    options: dict[str, OptionRange]
    grasps: int = 0
    tagged: tuple[str, ...] = ()


class Scenario(Protocol):
    """One task of a station. It may keep what its judge needs from step to step.

    Only `objects`, `place` and `truth` know the world. What resets and judges goes through the cell.
    """

    @property
    def facts(self) -> ScenarioFacts:
        """What is fixed and public."""
        ...

    def objects(self, spec: mujoco.MjSpec, profile: Profile) -> None:
        """Add the task's objects to the scene of a station."""
        ...

    def place(self, world: World, robot: YamSim, arms: Mapping[str, Arm], seed: int) -> None:
        """Put objects and arms into the start state of `seed` by hand, at rest: a person's help, and fast resets."""
        ...

    def reset(self, cell: Cell, seed: int) -> None:
        """Bring the scene to the start state of `seed` with the robot, and check it with the cameras.

        Raises:
            ResetFailed: It is not there.
        """
        ...

    def begin(self, cell: Cell) -> None:
        """An episode begins: forget what the judge saw."""
        ...

    def judge(self, cell: Cell) -> Verdict:
        """Verdict on the scene as cameras, joints and efforts show it now. Called after every step; cheap."""
        ...

    def truth(self, world: World) -> dict[str, float]:
        """What really is; `success` (0 or 1) among it. Goes to the sealed log."""
        ...


def check_options(given: dict[str, float], valid: dict[str, OptionRange]) -> dict[str, float]:
    """Every option with its value.

    Raises:
        BadInput: An unknown name, or a value outside its range.
    """
    for name, value in given.items():
        if name not in valid:
            listed = ", ".join(f"{n} ({o.low:g} to {o.high:g}: {o.doc})" for n, o in valid.items())
            raise BadInput(f"unknown task option {name!r}; valid: {listed}")
        known = valid[name]
        if not (np.isfinite(value) and known.low <= value <= known.high):
            raise BadInput(f"task option {name} = {value:g} must lie in [{known.low:g}, {known.high:g}]: {known.doc}")
    return {name: float(given.get(name, option.default)) for name, option in valid.items()}
