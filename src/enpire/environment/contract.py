"""The task contract: Gymnasium's verbs plus `verify`. Whatever fulfils it can be improved by the loop."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from enpire.core.records import Observation, TaskSpec, Verdict


class Task(Protocol):
    """One scene that can be reset, stepped, judged and shown. It lives in a station process.

    Calls follow `gymnasium.Env`. After a fault (`EnvironmentFault`) the next `reset` must work again or raise.
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
