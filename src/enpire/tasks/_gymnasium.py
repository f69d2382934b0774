"""Any Gymnasium environment as a task: unmodified, in its own process and its own virtual environment."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput, EnpireError, EnvironmentFault, ResetFailed
from enpire.core.records import ActionSpec, ArraySpec, Observation, TaskSpec, Verdict
from enpire.environment.declaration import Declaration
from enpire.environment.disturbances import Disturber, parse_options
from enpire.environment.host_process import Description, HostOrder, HostProcess, Outcome
from enpire.environment.rules import parse_progress, parse_success
from enpire.tasks._frozen import Freeze, freeze_gymnasium

DEFAULT_PERIOD_S = 0.05
DEFAULT_MAX_STEPS = 1000


class GymnasiumTask:
    """A Gymnasium environment, judged by its declaration.

    Description, Action Space, Observation Space and Starting State are the environment's own; see `spec`.

    Verification: the declared success and progress sentences, over numbers the environment reported for the latest step
    and over its undisturbed observation. `evidence` holds the finite numeric entries of `info`, and `return` and
    `steps`.

    Episode End: `terminated` when the environment says so or the verdict is success; `truncated` at the step limit.

    Version History: the manifest in `spec` changes with anything that judges.
    """

    def __init__(
        self, declaration: Declaration, order: HostOrder, host: HostProcess, spec: TaskSpec, freeze: Freeze
    ) -> None:
        self.freeze = freeze
        self._declaration = declaration
        self._order = order
        self._host = host
        self._description = host.description
        self._spec = spec
        self._disturber = Disturber(parse_options(spec.options, declaration.names), spec.observation, spec.action)
        self._success = parse_success(declaration.success)
        self._progress = parse_progress(declaration.progress)
        self._watched = _watched(spec.observation, (self._success.source, self._progress.source))
        self._low, self._high = np.asarray(spec.action.low), np.asarray(spec.action.high)
        self._return, self._steps, self._held_steps = 0.0, 0, 0
        self._verdict = Verdict(success=False, progress=0.0)

    @property
    def spec(self) -> TaskSpec:
        """What a policy may know."""
        return self._spec

    def reset(self, *, seed: int, options: dict[str, Any] | None = None) -> tuple[Observation, dict[str, Any]]:
        """Start the episode of `seed`; a process that died or hung before is replaced first.

        Raises:
            JudgeChanged: A file that judges is not the frozen one; no episode happens.
            ResetFailed: The environment raised, died or would not start.
            BadInput: `options` is not empty: the start state follows from the seed alone.
        """
        if options:
            raise BadInput(f"reset options {sorted(options)} are not supported: the start state follows from the seed")
        self.freeze.check()
        if not self._host.alive:
            self.freeze.check_environment()
        try:
            if not self._host.alive:
                self._restart()
            observation, outcome = self._host.reset(seed)
        except EnpireError as error:
            raise ResetFailed(str(error)) from None
        self._return, self._steps, self._held_steps = 0.0, 0, 0
        self._verdict = Verdict(success=False, progress=0.0)
        self._disturber.restart(seed)
        return self._disturber.observed(observation), dict(outcome.numbers)

    def step(self, action: NDArray[np.float64]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply one action of shape (size,); it is clipped to the declared box once more.

        Raises:
            EnvironmentFault: The environment raised, died, hung, or does not report what the declaration reads.
            BadInput: The action has another shape or holds NaN.
        """
        values = np.asarray(action, np.float64)
        if values.shape != self._low.shape or np.isnan(values).any():
            raise BadInput(f"action {values.tolist()} must be {self._low.size} numbers")
        values = np.minimum(np.maximum(values, self._low), self._high)
        observation, outcome = self._host.step(self._disturber.acted(values))
        self._steps += 1
        self._return += outcome.reward
        self._verdict = self._judge(observation, outcome)
        terminated = outcome.terminated or self._verdict.success is True
        shown = self._disturber.observed(observation)
        return shown, outcome.reward, terminated, outcome.truncated, dict(outcome.numbers)

    def verify(self) -> Verdict:
        """Verdict on the latest step; failure without progress before the first one."""
        return self._verdict

    def render(self) -> NDArray[np.uint8] | None:
        """Camera image (H, W, 3) RGB of the scene as it is now; None where there is no camera.

        Raises:
            EnvironmentFault: The environment cannot draw, although it says it can.
        """
        return self._host.render()

    def close(self) -> None:
        """End the environment's process; idempotent."""
        self._host.close()

    def _restart(self) -> None:
        host = HostProcess.start(self._order)
        if host.description != self._description:
            host.close()
            raise EnvironmentFault(f"{self._order.id} came back with other spaces than before")
        self._host = host

    def _judge(self, observation: Observation, outcome: Outcome) -> Verdict:
        """Verdict on one step; counts for how many steps in a row the condition has held."""
        holds = self._success.holds(self._read(self._success.source, observation, outcome))
        self._held_steps = self._held_steps + 1 if holds else 0
        success = None if holds is None else self._held_steps >= self._success.dwell
        if self._success.when == "at end" and not (outcome.terminated or outcome.truncated):
            success = False
        progress = self._progress.share(self._read(self._progress.source, observation, outcome))
        numbers = {"return": self._return, "steps": float(self._steps)} | outcome.numbers
        evidence = {name: value for name, value in numbers.items() if math.isfinite(value)}
        return Verdict(success=success, progress=progress, evidence=evidence)

    def _read(self, source: str, observation: Observation, outcome: Outcome) -> float:
        """Value of a rule's source at this step.

        Raises:
            EnvironmentFault: The declaration reads an `info` key that the environment does not give as a number.
        """
        kind, _, name = source.partition(".")
        if kind == "info":
            if name not in outcome.numbers:
                self._host.close()
                raise EnvironmentFault(_missing(name, outcome))
            return outcome.numbers[name]
        if kind == "observation":
            key, index = self._watched[source]
            return float(observation[key][index])
        own = {"reward": outcome.reward, "return": self._return, "steps": self._steps}
        return float(own[source] if source in own else getattr(outcome, source))


def open_gymnasium(name: str, declaration: Declaration, options: Mapping[str, float], python: Path) -> GymnasiumTask:
    """Start the environment's process and describe it as a task.

    Args:
        name: The task's name without `gym:`.
        declaration: What to make and how to judge it.
        options: Task options, see `enpire.environment.disturbances`.
        python: Executable from `enpire.environment.virtual_environment.ensure(declaration.requirements, ...)`.

    Raises:
        BadInput: The declaration or an option does not fit the environment.
        EnvironmentFault: The environment does not start.
    """
    parse_options(options, declaration.names)
    order = HostOrder(
        python=python,
        id=declaration.id_for(name),
        module=declaration.module_for(name),
        kwargs=declaration.kwargs,
        max_steps=declaration.max_steps,
        action_range=declaration.action_range,
        call_s=declaration.timeout_s,
    )
    freeze = freeze_gymnasium(f"gym:{name}", declaration, options, python)
    host = HostProcess.start(order)
    try:
        spec = _specify(f"gym:{name}", declaration, options, host.description, freeze.manifest.root)
        return GymnasiumTask(declaration, order, host, spec, freeze)
    except BaseException:
        host.close()
        raise


def _specify(
    name: str, declaration: Declaration, options: Mapping[str, float], seen: Description, manifest: str
) -> TaskSpec:
    """What a policy may know: the environment's own description, completed by the declaration."""
    names = {key: tuple(entries) for key, entries in declaration.names.items()}
    observation = {
        f.key: ArraySpec(shape=f.shape, dtype=f.dtype, names=names.pop(f.key, ()), low=f.low, high=f.high)
        for f in seen.fields
    }
    action = ActionSpec(
        size=len(seen.action.low),
        low=seen.action.low,
        high=seen.action.high,
        discrete=seen.action.discrete if any(seen.action.discrete) else (),
        names=names.pop("action", ()),
    )
    if names:
        raise BadInput(f"names.{next(iter(names))}: no such array; valid: {', '.join([*observation, 'action'])}")
    sizes = {key: (spec.names, math.prod(spec.shape)) for key, spec in observation.items()}
    for key, (entries, size) in (sizes | {"action": (action.names, action.size)}).items():
        if entries and len(entries) != size:
            raise BadInput(f"names.{key} lists {len(entries)} entries ({', '.join(entries)}), but the array has {size}")
    return TaskSpec(
        name=name,
        instruction=declaration.instruction or f"Succeed at {declaration.id_for(name.removeprefix('gym:'))}.",
        observation=observation,
        action=action,
        period_s=declaration.period_s or seen.period_s or DEFAULT_PERIOD_S,
        max_steps=declaration.max_steps or seen.max_steps or DEFAULT_MAX_STEPS,
        baseline=declaration.baseline,
        scene=declaration.scene,
        options=dict(options),
        manifest=manifest,
    )


def _watched(observation: Mapping[str, ArraySpec], sources: tuple[str, ...]) -> dict[str, tuple[str, int]]:
    """Where the observation entries that the rules read by name are found."""
    places = {f"observation.{n}": (key, i) for key, spec in observation.items() for i, n in enumerate(spec.names)}
    wanted = [source for source in sources if source.startswith("observation.")]
    if missing := [source for source in wanted if source not in places]:
        known = ", ".join(places) or "none; declare `names`"
        raise BadInput(f"the declaration reads {missing[0]}, which is not a named entry; known: {known}")
    return {source: places[source] for source in wanted}


def _missing(name: str, outcome: Outcome) -> str:
    """Message for an `info` key that is not there, or not a number."""
    given = ", ".join(f"info.{n}" for n in outcome.numbers) or "none"
    problem = "is not a number" if name in outcome.others else "does not exist"
    return f"the declaration reads info.{name}, which {problem} in what the environment reports; numbers there: {given}"
