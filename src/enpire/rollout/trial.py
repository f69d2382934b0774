"""One trial: reset → execute → verify. The judge is here; the policy is in another process."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from enpire.core.clock import Clock
from enpire.core.errors import EnvironmentFault, PolicyFault, ResetFailed, StationFault
from enpire.core.records import MOST_TRIES, Observation, Result, Verdict
from enpire.environment.contract import Equipped, Task, equipment

LOAD_TIMEOUT_S = 10.0
"""Time a policy has to load, and again to reset."""


def misses_allowed(period_s: float) -> int:
    """Control periods in a row without an answer: ten, and at least a second; one more ends the episode."""
    return max(10, round(1.0 / period_s))


class Player(Protocol):
    """The candidate's side of a trial; see `enpire.rollout.worker.pool.Worker`. All calls may raise PolicyFault."""

    def equip(self, equipment: Equipped) -> None:
        """Answer the policy's questions: pictures and tools. Called for tasks that have them."""
        ...

    def wait_loaded(self, timeout_s: float) -> None:
        """Wait until the policy is constructed."""
        ...

    def reset(self, observation: Observation, timeout_s: float) -> None:
        """Tell the policy that an episode begins."""
        ...

    def request(self, step: int, observation: Observation) -> None:
        """Ask for the action that follows an observation."""
        ...

    def receive(self, timeout_s: float) -> NDArray[np.float64] | None:
        """The action, or None if there is none yet."""
        ...


@dataclass
class Trace:
    """What happened, step by step. Lists of equal length; `observations` has one entry more."""

    observations: list[Observation] = field(default_factory=list)
    actions: list[NDArray[np.float64]] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    progress: list[float] = field(default_factory=list)
    success: list[bool] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)
    latency_s: list[float] = field(default_factory=list)
    """Wall time of each answer of the policy."""
    start: dict[str, NDArray[Any]] = field(default_factory=dict)
    """The start state, where the seed alone does not give it."""
    robot_s: float = 0.0
    reset_s: float = 0.0
    assists: int = 0
    sealed: dict[str, float] = field(default_factory=dict)
    """What really was at the end, to score the judge with."""
    charged: int = 0
    """Periods missed before the first command; they shorten the episode because nothing could be held."""

    @property
    def steps(self) -> int:
        """Control periods used."""
        return len(self.actions) + self.charged

    @property
    def missed(self) -> int:
        """Control periods the policy overran."""
        return sum(self.held) + self.charged

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As arrays: `observation.*` (N + 1, ...), `action` (N, A), the other lists (N,), and `start.*` as it is."""
        found: dict[str, NDArray[Any]] = {}
        if self.observations:
            found = {key: np.stack([o[key] for o in self.observations]) for key in self.observations[0]}
        found |= {f"start.{key}": array for key, array in self.start.items()}
        found["action"] = np.array(self.actions, dtype=np.float64)
        found["reward"] = np.array(self.rewards, dtype=np.float64)
        found["progress"] = np.array(self.progress, dtype=np.float64)
        found["success"] = np.array(self.success, dtype=np.bool_)
        found["held"] = np.array(self.held, dtype=np.bool_)
        return found


@dataclass(frozen=True)
class Outcome:
    """How a trial ended. `reason` is empty on success; `detail` is text for the log."""

    result: Result
    reason: str
    verdict: Verdict
    detail: str = ""


_UNSEEN = Verdict(success=None, progress=0.0)


def run_trial(task: Task, player: Player, seed: int, clock: Clock, tries: int = 0) -> tuple[Outcome, Trace]:
    """Reset the scene, let the policy act until the judge or the step limit ends it, and say what the judge saw.

    The policy's faults are failures of the policy. The environment's and the station's faults make the episode
    invalid, see `fault`. Nothing the policy sends can be anything but an action.

    Args:
        task: The scene and its judge.
        player: The policy.
        seed: Start state.
        clock: Source of time.
        tries: Invalid episodes of this policy from this start state before.
    """
    trace = Trace()
    equipped = equipment(task)
    try:
        observation, info = task.reset(seed=seed)
        trace.observations.append(observation)
        trace.start = info.get("start", {})
        trace.assists, trace.reset_s = info.get("assists", 0), info.get("reset_s", 0.0)
        trace.robot_s = info.get("robot_s", 0.0)
        if equipped is not None:
            player.equip(equipped)
        player.wait_loaded(LOAD_TIMEOUT_S)
        player.reset(observation, LOAD_TIMEOUT_S)
        outcome = _execute(task, player, trace, clock)
        if equipped is not None:
            trace.sealed = equipped.sealed()
        return outcome, trace
    except PolicyFault as own:
        progress = trace.progress[-1] if trace.progress else 0.0
        return Outcome("failure", own.reason, Verdict(success=False, progress=progress), str(own)), trace
    except ResetFailed as failed:
        return Outcome("invalid", "reset_failed", _UNSEEN, str(failed)), trace
    except EnvironmentFault as broken:
        return fault("environment", str(broken), acted=bool(trace.latency_s), tries=tries), trace
    except StationFault as broken:
        return fault("station", str(broken), acted=bool(trace.latency_s), tries=tries), trace


def fault(reason: Literal["environment", "station"], detail: str, *, acted: bool, tries: int) -> Outcome:
    """Outcome of a trial in which the environment or the station broke.

    It is invalid, and the start state is played again. But a policy could break them on purpose wherever it would
    fail: what breaks each time after the policy has acted is a failure.
    """
    if acted and tries >= MOST_TRIES - 1:
        return Outcome("failure", "unplayable", Verdict(success=False, progress=0.0), detail)
    return Outcome("invalid", reason, _UNSEEN, detail)


def _execute(task: Task, player: Player, trace: Trace, clock: Clock) -> Outcome:
    spec = task.spec
    allowed = misses_allowed(spec.period_s)
    held: NDArray[np.float64] | None = None
    asked_s, misses = 0.0, 0
    while trace.steps < spec.max_steps:
        if misses == 0:
            asked_s = clock.now()
            player.request(len(trace.latency_s), trace.observations[-1])
        answer = player.receive(spec.period_s)
        if answer is None:
            misses += 1
            if misses > allowed:
                raise PolicyFault("deadline", f"no action for {misses} control periods of {spec.period_s:g} s")
            if held is None:
                trace.charged += 1
                continue
        else:
            trace.latency_s.append(clock.now() - asked_s)
            misses, held = 0, spec.action.clip(answer)
        assert held is not None
        ended = _step(task, held, trace, was_held=answer is None)
        if ended is not None:
            return ended
    return Outcome("failure", "timeout", task.verify() if trace.actions else _UNSEEN)


def _step(task: Task, action: NDArray[np.float64], trace: Trace, *, was_held: bool) -> Outcome | None:
    observation, reward, terminated, truncated, info = task.step(action)
    verdict = task.verify()
    trace.actions.append(action)
    trace.held.append(was_held)
    trace.rewards.append(reward)
    trace.progress.append(verdict.progress)
    trace.success.append(bool(verdict.success))
    trace.observations.append(observation)
    trace.robot_s = info.get("robot_s", 0.0)
    if verdict.success:
        return Outcome("success", "", verdict)
    if terminated:
        return Outcome("failure", info.get("failure", "terminated"), verdict)
    if truncated:
        return Outcome("failure", "timeout", verdict)
    return None
