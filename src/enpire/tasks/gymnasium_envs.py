"""The station tasks as Gymnasium environments: `enpire/PushT-v0`, `enpire/PushTSimple-v0`, `enpire/PinInsertion-v0`.

Importing this module registers them. Gymnasium imports it by itself if it is named before the environment:
`gymnasium.make("enpire.tasks.gymnasium_envs:enpire/PushT-v0")`. Gymnasium is not installed with this package.
"""

from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from enpire.core import registry
from enpire.core.errors import BadInput
from enpire.core.records import Observation
from enpire.environment.station_task import StationTask

NAMES = {
    "enpire/PushT-v0": "push_t",
    "enpire/PushTSimple-v0": "push_t_simple",
    "enpire/PinInsertion-v0": "pin_insertion",
}
"""Name of the task behind each environment."""
SEEDS = 2**31


class StationEnv(gymnasium.Env[Observation, NDArray[np.float64]]):
    """A simulated station as a Gymnasium environment. What counts for claims is `enpire run`, not this.

    Action Space
        `Box(14)`: joint targets at 30 Hz, per arm six joints in rad and the opening of the gripper in [0, 1].
    Observation Space
        `Dict` of what the task gives policies: `observation.state`, `.velocity`, `.effort` (14 values each) and
        `.ages_s`; with `pictures=True` also `observation.images.<camera>`, uint8 RGB, each drawn at every step.
    Rewards
        The increase of the judge's progress since the step before; they add up to the progress at the end, at most 1.
    Starting State
        `reset="fast"`: a new station whose scene is placed by hand, the same for equal seeds. `reset="physical"`: the
        robot brings the scene there from where the last episode left it, which takes half a minute of simulated time
        or more; the station wears, so equal seeds give start states that are only alike.
    Episode End
        Terminated by success or by the task: the safety supervisor, a silent robot, cameras without news. Truncated
        after as many steps as the task allows.
    Info
        `is_success`, `progress` in [0, 1], `seed` of the start state, and `failure` where the task ended the episode.

    Args:
        task: Name of the task.
        render_mode: `rgb_array`: top and right wrist camera over force and progress so far.
        reset: See Starting State.
        pictures: Whether pictures are part of the observation.
        options: Of the task, e.g. `{"level": 0.0}`.

    Raises:
        BadInput: An option or an argument cannot be used.
        MissingProgram: There is no OpenGL library for the cameras; `options={"tracker": 1.0}` does without.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012  Gymnasium's own form

    def __init__(
        self,
        task: str,
        *,
        render_mode: Literal["rgb_array"] | None = None,
        reset: Literal["fast", "physical"] = "fast",
        pictures: bool = False,
        options: dict[str, float] | None = None,
    ) -> None:
        if reset not in ("fast", "physical"):
            raise BadInput(f"reset {reset!r} is neither 'fast' nor 'physical'")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise BadInput(f"render_mode {render_mode!r} is neither None nor 'rgb_array'")
        self.render_mode = render_mode
        self._fresh = reset == "fast"
        self._task: StationTask = registry.load("task", task).make(
            {"fast_reset": float(self._fresh), **(options or {})}
        )
        self._steps, self._progress, self._seed = 0, 0.0, 0
        spec = self._task.spec
        self._pictures = [key for key, entry in spec.observation.items() if entry.on_demand and pictures]
        if pictures and not self._pictures:
            raise BadInput("pictures=True needs cameras, and this station has a tracker; leave out one of the two")
        self.observation_space: spaces.Space[Any] = spaces.Dict(
            {
                key: spaces.Box(0, 255, entry.shape, np.uint8)
                if entry.on_demand
                else spaces.Box(-np.inf, np.inf, entry.shape, np.float64)
                for key, entry in spec.observation.items()
                if not entry.on_demand or pictures
            }
        )
        self.action_space = spaces.Box(np.array(spec.action.low), np.array(spec.action.high), dtype=np.float64)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Bring the scene to the start state that follows from the seed, or to the next one without a seed."""
        super().reset(seed=seed)
        if options:
            raise BadInput(f"reset options {sorted(options)} are not supported; give options to gymnasium.make")
        self._seed = int(self.np_random.integers(SEEDS))
        if self._fresh:
            self._task.close()
        observation, _ = self._task.reset(seed=self._seed)
        self._steps, self._progress = 0, 0.0
        return self._seen(observation), {"is_success": False, "progress": 0.0, "seed": self._seed}

    def step(self, action: NDArray[np.float64]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """One control period, a thirtieth of a second; the action is clipped to the action space."""
        spec = self._task.spec
        observation, _, ended, _, news = self._task.step(np.asarray(action, np.float64))
        verdict = self._task.verify()
        self._steps += 1
        success = bool(verdict.success)
        reward, self._progress = verdict.progress - self._progress, verdict.progress
        info: dict[str, Any] = {"is_success": success, "progress": verdict.progress, "seed": self._seed}
        if "failure" in news:
            info["failure"] = news["failure"]
        terminated = success or ended
        truncated = not terminated and self._steps >= spec.max_steps
        return self._seen(observation), float(reward), terminated, truncated, info

    def render(self) -> NDArray[np.uint8] | None:
        """What the cameras see, with force and progress; None without `render_mode`."""
        return self._task.render() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Release everything; idempotent."""
        self._task.close()

    def _seen(self, observation: Observation) -> Observation:
        return observation | {key: self._task.look(key) for key in self._pictures}


def register() -> None:
    """Make the environments known to Gymnasium; twice does no harm."""
    for identity, task in NAMES.items():
        if identity not in gymnasium.registry:
            gymnasium.register(identity, entry_point=f"{__name__}:StationEnv", kwargs={"task": task})


register()
