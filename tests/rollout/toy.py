"""A tiny task for tests: drive a point to the origin. Also a campaign on it takes seconds."""

import os
import time
from dataclasses import replace

import numpy as np

from enpire.core.errors import EnvironmentFault, ResetFailed
from enpire.core.records import ActionSpec, ArraySpec, TaskSpec, Verdict

SPEC = TaskSpec(
    name="tests.rollout.toy:PointTask",
    instruction="Drive the point to the origin.",
    observation={"observation.state": ArraySpec(shape=(2,), dtype="float64", names=("x_m", "y_m"))},
    action=ActionSpec(size=2, low=(-1.0, -1.0), high=(1.0, 1.0), names=("x_m_s", "y_m_s")),
    period_s=0.05,
    max_steps=40,
    manifest="0" * 64,
)


class PointTask:
    """A point with velocity control; success within 0.1 m of the origin.

    Options:
        fail_reset, fail_step: Probability (by seed) that the reset, or step 3, fails.
        period_s: Control period.
        step_s: Wall time of a step.
    """

    def __init__(self, options=None):
        options = options or {}
        self.fail_reset = options.pop("fail_reset", 0.0)
        self.fail_step = options.pop("fail_step", 0.0)
        self.step_s = options.pop("step_s", 0.0)
        self.spec = replace(SPEC, period_s=options.pop("period_s", SPEC.period_s))
        self.steps = 0

    def reset(self, *, seed, options=None):
        self.random = np.random.default_rng(seed)
        if self.random.random() < self.fail_reset:
            raise ResetFailed("the toy reset failed")
        self.breaks = self.random.random() < self.fail_step
        self.position = self.random.uniform(-1.0, 1.0, 2)
        self.steps = 0
        return self._observation(), {}

    def step(self, action):
        self.steps += 1
        if self.step_s:
            time.sleep(self.step_s)
        if self.breaks and self.steps == 3:
            raise EnvironmentFault("the toy broke")
        assert np.all(np.abs(action) <= 1.0)
        self.position = self.position + 0.1 * action
        return self._observation(), 0.0, False, False, {}

    def verify(self):
        distance = float(np.linalg.norm(self.position))
        return Verdict(success=distance < 0.1, progress=max(0.0, 1.0 - distance), evidence={"distance_m": distance})

    def render(self):
        image = np.zeros((32, 32, 3), np.uint8)
        row, column = np.clip((self.position + 1.0) * 15.5, 0, 31).astype(int)
        image[row, column] = 255
        return image

    def close(self):
        pass

    def _observation(self):
        return {"observation.state": self.position.copy()}


class DyingTask(PointTask):
    """Takes its whole station process down in some episodes."""

    def reset(self, *, seed, options=None):
        result = super().reset(seed=seed)
        if self.random.random() < 0.1:
            os._exit(3)
        return result


GOOD_POLICY = """
class Policy:
    def __init__(self, task): pass
    def reset(self, observation, instruction): pass
    def select_action(self, observation): return -10.0 * observation["observation.state"]
"""
IDLE_POLICY = GOOD_POLICY.replace("-10.0", "0.0")
