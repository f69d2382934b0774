"""A user's environment with everything that can go wrong, chosen by `mode`, and every kind of space."""

import os
import sys
import time
from typing import ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

FRAME = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
ACTIONS = {
    "box": spaces.Box(-1.0, 1.0, (2, 2), np.float32),
    "whole": spaces.Box(-3, 3, (2,), np.int32),
    "discrete": spaces.Discrete(3, start=5),
    "multidiscrete": spaces.MultiDiscrete([2, 4]),
    "multibinary": spaces.MultiBinary(3),
    "unbounded": spaces.Box(-np.inf, np.inf, (2,), np.float64),
    "text": spaces.Text(5),
}
OBSERVATIONS = {
    "vector": spaces.Box(-np.inf, np.inf, (3,), np.float64),
    "matrix": spaces.Box(-1.0, 1.0, (2, 2), np.float32),
    "picture": spaces.Box(0, 255, FRAME.shape, np.uint8),
    "gray": spaces.Box(0, 255, (4, 6), np.uint8),
    "index": spaces.Discrete(9, start=1),
    "mixed": spaces.Dict(
        {
            "arm": spaces.Dict({"angle_rad": spaces.Box(0.0, 2 * np.pi, (2,), np.float64)}),
            "wrist": spaces.Box(0, 255, FRAME.shape, np.uint8),
            "buttons": spaces.MultiBinary(2),
        }
    ),
    "pair": spaces.Tuple((spaces.Discrete(2), spaces.Box(0.0, 1.0, (1,), np.float32))),
    "text": spaces.Text(5),
}
SHOWN = {
    "matrix": np.asarray([[0.0, 0.25], [0.5, 0.75]], np.float32),
    "picture": FRAME,
    "gray": FRAME[..., 0],
    "index": np.int64(4),
    "mixed": {"arm": {"angle_rad": np.asarray([0.5, 6.0])}, "wrist": FRAME, "buttons": np.asarray([0, 1], np.int8)},
    "pair": (np.int64(1), np.asarray([0.5], np.float32)),
    "text": "hello",
}


class Faulty(gymnasium.Env):
    metadata: ClassVar = {"render_modes": ["rgb_array"], "render_fps": 25}

    def __init__(self, mode="fine", observation="vector", action="box", render_mode=None):
        if mode == "will not start":
            raise RuntimeError("no licence")
        self.mode, self.kind, self.render_mode = mode, observation, render_mode
        self.observation_space, self.action_space = OBSERVATIONS[observation], ACTIONS[action]
        self.count = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        self.start = self.np_random.uniform(size=3)
        if self.mode == "reset raises":
            raise ValueError("the drawer is stuck")
        return self._observation(), {}

    def step(self, action):
        assert self.action_space.contains(action), f"{action!r} is not in {self.action_space}"
        self.count += 1
        if self.count == 3:
            self._misbehave()
        received = np.ravel(action)
        info = {
            "is_success": self.count >= 4,
            "score": float("nan") if self.mode == "nan score" else self.count / 4,
            "nested": {"height_m": np.float32(0.5)},
            "label": "red",
            "hash_seed": int(os.environ["PYTHONHASHSEED"]),
            "has_api_key": "SOME_API_KEY" in os.environ,
            "has_assets": "SOME_ASSETS" in os.environ,
            **{f"received_{i}": value for i, value in enumerate(received)},
        }
        if self.mode == "changing info" and self.count % 2:
            del info["label"]
            info["label"] = 1.0
        return self._observation(), 1.0, False, False, info

    def render(self):
        return FRAME if self.mode != "strange camera" else FRAME[..., 0]

    def _observation(self):
        if self.kind != "vector":
            return SHOWN[self.kind]
        if self.mode == "nan" and self.count == 3:
            return np.asarray([0.0, np.nan, 0.0])
        return np.zeros(4) if self.mode == "other shape" and self.count == 3 else self.start + self.count

    def _misbehave(self):
        if self.mode == "raises":
            raise ValueError("the gripper is lost")
        if self.mode == "exits":
            sys.exit("giving up")
        if self.mode == "hangs":
            time.sleep(3600)
        if self.mode == "dies":
            print("malloc(): memory corruption", file=sys.stderr, flush=True)
            os._exit(7)


gymnasium.register("faulty/Faulty-v0", entry_point=Faulty, max_episode_steps=8)
