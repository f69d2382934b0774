"""The task contract: Gymnasium's verbs plus `verify`. Whatever fulfils it can be improved by the loop."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from enpire.core.records import Observation, TaskSpec, Verdict


class Task(Protocol):
    """One scene that can be reset, stepped, judged and shown. It lives in a station process.

    Calls follow `gymnasium.Env`. After a fault (`EnvironmentFault`) the next `reset` must work again or raise.

    Where the seed alone does not give the start state, because a robot brings the scene there, the `info` of `reset`
    holds under `start` named arrays from which `reset(seed=seed, options={"start": ...})` makes exactly that state
    again. Of `info` the station also reads `robot_s`, `reset_s` and `assists`; see `enpire.core.records.Episode`. A
    `step` that ends the episode by itself may give its reason, a key of FAILURE_REASONS, under `failure`.
    """

    @property
    def spec(self) -> TaskSpec:
        """What a policy may know."""
        ...

    def reset(self, *, seed: int, options: dict[str, Any] | None = None) -> tuple[Observation, dict[str, Any]]:
        """Bring the scene to the start state that belongs to `seed`.

        Raises:
            ResetFailed: The scene is not in a known state; the trial becomes invalid.
        """
        ...

    def step(self, action: NDArray[np.float64]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply one action, already clipped to `spec.action`, for one control period.

        Returns:
            observation, reward, terminated, truncated, info.

        Raises:
            EnvironmentFault: The environment raised or died; the trial becomes invalid.
        """
        ...

    def verify(self) -> Verdict:
        """Judge the scene as it is now. Reads its own sensors, never the policy."""
        ...

    def render(self) -> NDArray[np.uint8] | None:
        """Camera image (H, W, 3) RGB of the scene as it is now; None where there is no camera."""
        ...

    def close(self) -> None:
        """Release everything; idempotent."""
        ...


@runtime_checkable
class Equipped(Protocol):
    """A task at which a policy may look through cameras and call tools, and whose truth is kept apart."""

    def settle_in(self, name: str, folder: Path) -> None:
        """Be the station `name` from now on. What must outlast the process (wear, calibration) lies in `folder`."""
        ...

    def look(self, key: str) -> NDArray[np.uint8]:
        """Newest picture of a camera, (H, W, 3) RGB, by an observation key that is `on_demand`.

        Raises:
            BadInput: There is no such camera.
        """
        ...

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Answer of a tool, plain data. Tools know what a robot could know, and nothing of the judge.

        Raises:
            ToolError: There is no such tool, or it cannot answer.
        """
        ...

    def sealed(self) -> dict[str, float]:
        """What really is, to score the judge with. Neither the judge nor anybody who improves policies sees it."""
        ...


def equipment(task: Task) -> Equipped | None:
    """The task as one with cameras and tools; None if it has none."""
    inner = getattr(task, "task", task)
    return inner if isinstance(inner, Equipped) else None
