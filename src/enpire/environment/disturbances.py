"""Task options: what spoils the policy's view and its actions. The verdict reads the undisturbed scene.

    observation_noise=SD            Gaussian noise on every entry of every floating-point vector
    observation_noise_UNIT=SD       the same for entries whose name ends in that unit; takes precedence
    observation_delay_steps=K       the policy sees the scene of K steps ago, at first the start state
    action_delay_steps=K            the scene obeys the action of K steps ago, at first the first one
    action_noise=SHARE              Gaussian noise on continuous actions, sd as a share of the range

All noise of an episode follows from its seed.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput
from enpire.core.records import ActionSpec, ArraySpec, Observation

UNITS = ("m_s2", "m_s", "px_s", "rad_s", "m", "px", "rad", "deg", "s", "hz", "n", "nm", "kg")
"""Suffixes of entry names that count as units."""
MAX_DELAY_STEPS = 100
_STREAM = int.from_bytes(b"disturb", "big")


@dataclass(frozen=True, kw_only=True)
class Disturbances:
    """Task options, checked.

    Attributes:
        observation_noise: Standard deviation per unit, in that unit; under "" for every entry.
        observation_delay_steps: Age of what the policy sees.
        action_delay_steps: Age of what the scene obeys.
        action_noise: Standard deviation as a share of the action's range.
    """

    observation_noise: dict[str, float] = field(default_factory=dict)
    observation_delay_steps: int = 0
    action_delay_steps: int = 0
    action_noise: float = 0.0


def unit_of(name: str) -> str:
    """Unit in which a named entry is given; empty if its name does not say."""
    return next((unit for unit in UNITS if name.endswith(f"_{unit}")), "")


def valid_options(names: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Options of a task with these entry names, with the range of each."""
    entries = [n for key, listed in names.items() if key != "action" for n in listed]
    units = sorted({unit_of(n) for n in entries} - {""})
    return {
        "observation_noise": ">= 0",
        **{f"observation_noise_{unit}": f">= 0, in {unit}" for unit in units},
        "observation_delay_steps": f"0 to {MAX_DELAY_STEPS}, whole",
        "action_delay_steps": f"0 to {MAX_DELAY_STEPS}, whole",
        "action_noise": "0 to 1, a share of the action's range",
    }


def parse_options(options: Mapping[str, float], names: Mapping[str, Iterable[str]]) -> Disturbances:
    """Disturbances from task options.

    Raises:
        BadInput: An option does not exist or its value is out of range.
    """
    valid = valid_options(names)
    listing = "; ".join(f"{name} ({span})" for name, span in valid.items())
    for name, value in options.items():
        if name not in valid:
            raise BadInput(f"unknown task option {name!r}; valid: {listing}")
        top = MAX_DELAY_STEPS if name.endswith("_delay_steps") else 1.0 if name == "action_noise" else math.inf
        whole = not name.endswith("_delay_steps") or float(value).is_integer()
        if not (math.isfinite(value) and 0 <= value <= top and whole):
            raise BadInput(f"task option {name}={value:g} is out of range; valid: {name} ({valid[name]})")
    noise = {n.removeprefix("observation_noise").lstrip("_"): v for n, v in options.items() if "observation_noise" in n}
    return Disturbances(
        observation_noise={unit: float(sd) for unit, sd in noise.items() if sd > 0},
        observation_delay_steps=int(options.get("observation_delay_steps", 0)),
        action_delay_steps=int(options.get("action_delay_steps", 0)),
        action_noise=float(options.get("action_noise", 0.0)),
    )


class Disturber:
    """Applies disturbances to one episode after another."""

    def __init__(self, wish: Disturbances, observation: Mapping[str, ArraySpec], action: ActionSpec) -> None:
        self._wish = wish
        self._noise = {key: sd for key, spec in observation.items() if (sd := _deviations(wish, spec)).any()}
        self._specs = observation
        self._wraps = {key: _wrapping(observation[key]) for key in self._noise}
        self._low, self._high = np.asarray(action.low), np.asarray(action.high)
        discrete = np.asarray(action.discrete or [0] * action.size) > 0
        if wish.action_noise and discrete.all():
            raise BadInput("task option action_noise has no effect here: every action is discrete; leave it out")
        self._action_sd = np.where(discrete, 0.0, wish.action_noise * (self._high - self._low))
        self._seen: list[Observation] = []
        self._sent: list[NDArray[np.float64]] = []
        self._random = np.random.default_rng(0)

    def restart(self, seed: int) -> None:
        """Forget the last episode and seed the noise of the next one."""
        self._seen.clear()
        self._sent.clear()
        self._random = np.random.default_rng([seed, _STREAM])

    def observed(self, truth: Observation) -> Observation:
        """What the policy sees of a scene; call once per step."""
        if self._wish.observation_delay_steps:
            self._seen.append(truth)
            truth = self._seen[0]
            if len(self._seen) > self._wish.observation_delay_steps:
                self._seen.pop(0)
        if not self._noise:
            return truth
        return {key: self._noisy(key, array) if key in self._noise else array for key, array in truth.items()}

    def acted(self, action: NDArray[np.float64]) -> NDArray[np.float64]:
        """The action that reaches the scene, inside the declared box; call once per step."""
        if self._wish.action_delay_steps:
            self._sent.append(action.copy())
            action = self._sent[0]
            if len(self._sent) > self._wish.action_delay_steps:
                self._sent.pop(0)
        if self._wish.action_noise:
            noisy = action + self._action_sd * self._random.standard_normal(action.shape)
            action = np.minimum(np.maximum(noisy, self._low), self._high)
        return action

    def _noisy(self, key: str, array: NDArray[Any]) -> NDArray[Any]:
        spec, wraps = self._specs[key], self._wraps[key]
        noisy = array + self._noise[key] * self._random.standard_normal(array.shape)
        if wraps.any():
            low = np.asarray(spec.low)[wraps]
            noisy[wraps] = low + np.mod(noisy[wraps] - low, 2 * np.pi)
        return noisy.astype(array.dtype)


def _deviations(wish: Disturbances, spec: ArraySpec) -> NDArray[np.float64]:
    """Standard deviation of the noise per entry; zero for images and whole numbers."""
    if len(spec.shape) != 1 or not np.issubdtype(np.dtype(spec.dtype), np.floating):
        return np.zeros(1)
    everywhere = wish.observation_noise.get("", 0.0)
    names = spec.names or ("",) * spec.shape[0]
    return np.asarray([wish.observation_noise.get(unit_of(name), everywhere) for name in names])


def _wrapping(spec: ArraySpec) -> NDArray[np.bool_]:
    """Which entries are angles that the environment declares over exactly one turn."""
    if not (spec.names and spec.low):
        return np.zeros(spec.shape, bool)
    turns = [math.isclose(high - low, 2 * math.pi, rel_tol=1e-6) for low, high in zip(spec.low, spec.high, strict=True)]
    return np.asarray([turn and unit_of(name) == "rad" for turn, name in zip(turns, spec.names, strict=True)])
