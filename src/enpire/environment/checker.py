"""Plays a task for a few steps and lists what breaks its contract. For simulated tasks: it asks for exact repeats."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import EnpireError
from enpire.core.records import ActionSpec, ArraySpec, Observation, TaskSpec, Verdict, decode, encode
from enpire.environment.contract import Task

SEED = 7
STEPS = 12

Step = tuple[Observation, float, bool, Verdict]
Start = dict[str, Any] | None
"""Options of a reset that bring back a recorded start; None where the seed alone gives it."""


def check_task(task: Task) -> list[str]:
    """Problems found, one sentence each; empty if the task keeps its contract. Resets and moves the scene.

    Checked: specification, JSON round trip, shapes and finiteness of observations, repeatability of a seed, actions
    outside the box, verdicts, and the camera. A call that raises is a problem too.
    """
    problems: list[str] = []
    try:
        problems += _specification(task.spec)
        first, start = _play(task, task.spec, SEED)
        for observation, reward, _, verdict in first:
            problems += _observation(observation, task.spec)
            problems += _judgement(reward, verdict)
        again, _ = _play(task, task.spec, SEED, start)
        other, _ = _play(task, task.spec, SEED + 1)
        problems += _repeatability(first, again, other)
        problems += _outside_the_box(task, task.spec, start)
        problems += _camera(task)
    except EnpireError as error:
        problems.append(f"a call raised {type(error).__name__}: {error}")
    return list(dict.fromkeys(problems))


def random_action(spec: ActionSpec, generator: np.random.Generator) -> NDArray[np.float64]:
    """Uniform action inside the box, shape (size,)."""
    return spec.clip(generator.uniform(spec.low, spec.high))


def _play(task: Task, spec: TaskSpec, seed: int, start: Start = None) -> tuple[list[Step], Start]:
    """Reset and up to STEPS random actions that follow from the seed; also the start state, if it is recorded."""
    generator = np.random.default_rng(SEED)
    observation, info = task.reset(seed=seed, options=start)
    played: list[Step] = [(observation, 0.0, False, task.verify())]
    for _ in range(STEPS):
        observation, reward, terminated, truncated, _ = task.step(random_action(spec.action, generator))
        played.append((observation, reward, terminated, task.verify()))
        if terminated or truncated:
            break
    return played, {"start": info["start"]} if "start" in info else None


def _specification(spec: TaskSpec) -> Iterator[str]:
    if decode(encode(spec), TaskSpec) != spec:
        yield "spec changes when it is written as JSON and read back"
    if not spec.instruction:
        yield "spec.instruction is empty"
    if not (math.isfinite(spec.period_s) and spec.period_s > 0):
        yield f"spec.period_s is {spec.period_s}, not a positive number of seconds"
    if spec.max_steps < 1:
        yield f"spec.max_steps is {spec.max_steps}, not at least 1"
    if not spec.manifest:
        yield "spec.manifest is empty: nothing pins what judges"
    if not spec.observation:
        yield "spec.observation is empty: a policy would be blind"
    for key, array in spec.observation.items():
        yield from _array(key, array)
    yield from _action(spec.action)


def _array(key: str, spec: ArraySpec) -> Iterator[str]:
    size = math.prod(spec.shape)
    if not key.startswith("observation."):
        yield f"{key} does not start with `observation.`"
    if key.startswith("observation.images.") and (spec.dtype != "uint8" or spec.shape[2:] != (3,)):
        yield f"{key} is {spec.dtype} {spec.shape}, images are uint8 (H, W, 3)"
    for what, listed in (("names", spec.names), ("low", spec.low), ("high", spec.high)):
        if listed and len(listed) != size:
            yield f"{key}: {len(listed)} {what} for {size} entries"
    if not all(map(math.isfinite, (*spec.low, *spec.high))):
        yield f"{key}: bounds are not finite; leave them empty if there are none"


def _action(spec: ActionSpec) -> Iterator[str]:
    if spec.size < 1 or not len(spec.low) == len(spec.high) == spec.size:
        yield f"action: {len(spec.low)} low and {len(spec.high)} high bounds for {spec.size} values"
    elif not all(
        math.isfinite(low) and math.isfinite(high) and low <= high
        for low, high in zip(spec.low, spec.high, strict=True)
    ):
        yield f"action: bounds {spec.low} to {spec.high} are not finite or not in order"
    for what, count in (("names", len(spec.names)), ("discrete", len(spec.discrete))):
        if count not in (0, spec.size):
            yield f"action: {count} {what} for {spec.size} values"


def _observation(observation: Observation, spec: TaskSpec) -> Iterator[str]:
    expected = {key for key, array in spec.observation.items() if not array.on_demand}
    if set(observation) != expected:
        yield f"observation has the keys {sorted(observation)}, the spec says {sorted(expected)}"
        return
    for key, array in observation.items():
        wanted = spec.observation[key]
        if array.shape != wanted.shape or array.dtype.name != wanted.dtype:
            yield f"{key} is {array.dtype.name} {array.shape}, the spec says {wanted.dtype} {wanted.shape}"
        if not np.isfinite(array).all():
            yield f"{key} holds NaN or infinity"


def _judgement(reward: float, verdict: Verdict) -> Iterator[str]:
    if not math.isfinite(reward):
        yield f"the reward {reward} is not finite"
    if not 0.0 <= verdict.progress <= 1.0:
        yield f"verify() gave progress {verdict.progress}, outside [0, 1]"
    if wrong := [name for name, value in verdict.evidence.items() if not math.isfinite(value)]:
        yield f"verify() gave evidence that is not finite: {', '.join(wrong)}"


def _repeatability(first: list[Step], again: list[Step], other: list[Step]) -> Iterator[str]:
    if len(first) != len(again):
        yield f"the same seed and actions gave {len(first) - 1} steps, then {len(again) - 1}"
    for step, (one, two) in enumerate(zip(first, again, strict=False)):
        if any(not np.array_equal(one[0][key], two[0][key]) for key in one[0]) or one[1:] != two[1:]:
            yield f"the same seed and actions gave something else at step {step}: episodes cannot be replayed"
            return
    if all(np.array_equal(first[0][0][key], other[0][0][key]) for key in first[0][0]):
        yield f"seeds {SEED} and {SEED + 1} gave the same start state"


def _outside_the_box(task: Task, spec: TaskSpec, start: Start) -> Iterator[str]:
    """An action beyond a bound must be refused or act exactly like the bound."""
    low, high = np.asarray(spec.action.low), np.asarray(spec.action.high)
    results = []
    for action in (high, high + 10.0 * (1.0 + high - low)):
        task.reset(seed=SEED, options=start)
        try:
            results.append(task.step(action)[0])
        except EnpireError:
            return
    if any(not np.array_equal(results[0][key], results[1][key]) for key in results[0]):
        yield "an action outside the box was neither refused nor clipped"


def _camera(task: Task) -> Iterator[str]:
    task.reset(seed=SEED)
    image = task.render()
    if image is not None and (image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8):
        yield f"render() gave {image.dtype} {image.shape}, expected uint8 (H, W, 3)"
