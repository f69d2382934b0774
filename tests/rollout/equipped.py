"""A tiny task with a camera and tools, for tests: the state says nothing; look, or ask, to find the way."""

import time
from dataclasses import replace

import numpy as np

from enpire.core.errors import BadInput, EnvironmentFault, ToolError
from enpire.core.records import ArraySpec
from tests.rollout.toy import SPEC, PointTask

PICTURE = "observation.images.top"


class EquippedTask(PointTask):
    """The point of `PointTask`, seen by a camera of 32 x 32 px. Where it starts depends on where the last one ended."""

    def __init__(self, options=None):
        super().__init__(options)
        picture = ArraySpec(shape=(32, 32, 3), dtype="uint8", on_demand=True)
        tools = ("position", "slow", "long", "strange")
        self.spec = replace(SPEC, observation={**SPEC.observation, PICTURE: picture}, tools=tools)
        self.looks = self.calls = 0
        self.left_behind = np.zeros(2)

    def reset(self, *, seed, options=None):
        _, info = super().reset(seed=seed)
        self.position = (options or {}).get("start", {}).get("position", self.position + 0.1 * self.left_behind).copy()
        self.left_behind = self.position.copy()
        start = {"position": self.position.copy()}
        return self._observation(), {**info, "start": start, "robot_s": 2.0, "reset_s": 2.0, "assists": 1}

    def step(self, action):
        observation, reward, _, truncated, _ = super().step(action)
        crossed = bool(np.abs(self.position).max() > 1.4)
        info = {"robot_s": 2.0 + 0.05 * self.steps}
        return observation, reward, crossed, truncated, info | ({"failure": "safety"} if crossed else {})

    def settle_in(self, name, folder):
        pass

    def look(self, key):
        if key != PICTURE:
            raise BadInput(f"there is no camera {key!r}; cameras: {PICTURE}")
        if self.breaks:
            raise EnvironmentFault("the toy camera broke")
        self.looks += 1
        return self.render()

    def call(self, name, arguments):
        self.calls += 1
        if name == "position":
            return {"position": self.position.tolist(), **arguments}
        if name == "slow":
            time.sleep(arguments["seconds"])
            return None
        if name == "long":
            return "x" * arguments["bytes"]
        raise ToolError(f"unknown tool {name!r}; valid: position, slow, long")

    def sealed(self):
        return {"distance_m": float(np.linalg.norm(self.position))}

    def _observation(self):
        return {"observation.state": np.zeros(2)}


LOOKING_POLICY = """
import numpy as np
class Policy:
    def __init__(self, task, tools): self.tools = tools
    def reset(self, observation, instruction): pass
    def select_action(self, observation):
        row, column, _ = np.argwhere(observation["observation.images.top"])[0]
        return -10.0 * (np.array([row, column]) / 15.5 - 1.0)
"""
ASKING_POLICY = """
import numpy as np
class Policy:
    def __init__(self, task, tools): self.tools = tools
    def reset(self, observation, instruction): pass
    def select_action(self, observation):
        return -10.0 * np.array(self.tools.call("position", note=np.arange(3))["position"])
"""
