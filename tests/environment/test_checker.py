"""The checker finds each way to break the contract, in a task that breaks exactly that one."""

from dataclasses import replace

import numpy as np
import pytest

from enpire.core.errors import ResetFailed
from enpire.core.records import ActionSpec, ArraySpec, TaskSpec, Verdict
from enpire.environment.checker import check_task

SPEC = TaskSpec(
    name="line",
    instruction="Walk to 3.",
    observation={"observation.state": ArraySpec(shape=(1,), dtype="float64", names=("x_m",))},
    action=ActionSpec(size=1, low=(-1.0,), high=(1.0,), names=("step_m",)),
    period_s=0.1,
    max_steps=20,
    manifest="m",
)


class Line:
    """A point on a line."""

    spec = SPEC

    def __init__(self):
        self.x = 0.0

    def reset(self, *, seed, options=None):
        self.x = np.random.default_rng(seed).uniform()
        return self.observe(), {}

    def step(self, action):
        self.x += float(np.clip(action[0], -1.0, 1.0))
        return self.observe(), 0.0, self.x > 3, False, {}

    def observe(self):
        return {"observation.state": np.asarray([self.x])}

    def verify(self):
        return Verdict(success=self.x > 3, progress=float(np.clip(self.x / 3, 0, 1)), evidence={"x_m": self.x})

    def render(self):
        return np.zeros((4, 4, 3), np.uint8)

    def close(self):
        pass


class Forgetful(Line):
    def reset(self, *, seed, options=None):
        return super().reset(seed=None)


class Deaf(Line):
    def reset(self, *, seed, options=None):
        return super().reset(seed=0)


class Unclipped(Line):
    def step(self, action):
        self.x += float(action[0])
        return self.observe(), 0.0, False, False, {}


class Boastful(Line):
    def verify(self):
        return Verdict(success=False, progress=1.5, evidence={"x_m": float("nan")})


class Blind(Line):
    def observe(self):
        return {"observation.state": np.asarray([float("nan")], np.float32)}


class Misnamed(Line):
    def observe(self):
        return {"observation.position": np.asarray([self.x])}


class Gray(Line):
    def render(self):
        return np.zeros((4, 4), np.uint8)


class Stuck(Line):
    def reset(self, *, seed, options=None):
        raise ResetFailed("the drawer is stuck")


class Unspecified(Line):
    spec = replace(
        SPEC,
        instruction="",
        period_s=0.0,
        max_steps=0,
        manifest="",
        observation={"state": ArraySpec(shape=(1,), dtype="float64", names=("a", "b"))},
        action=replace(SPEC.action, names=("a", "b")),
    )

    def observe(self):
        return {"state": np.asarray([self.x])}


def test_a_good_task_has_no_problems():
    assert check_task(Line()) == []


@pytest.mark.parametrize(
    ("task", "problems"),
    [
        (Forgetful, ["cannot be replayed", "neither refused nor clipped"]),
        (Deaf, ["gave the same start state"]),
        (Unclipped, ["neither refused nor clipped"]),
        (Boastful, ["progress 1.5", "evidence that is not finite: x_m"]),
        (Blind, ["float32 (1,)", "NaN"]),
        (Misnamed, ["observation.position"]),
        (Gray, ["render()"]),
        (Stuck, ["ResetFailed: the drawer is stuck"]),
        (Unspecified, ["instruction", "period_s", "max_steps", "manifest", "start with", "2 names", "action: 2 names"]),
    ],
)
def test_each_breach_is_found(task, problems):
    found = check_task(task())
    for problem in problems:
        assert any(problem in line for line in found), found
