"""Predict with the policy's own models and commands, correct with observations, and look past their delay."""

from collections import deque
from typing import Protocol

import numpy as np
from geometry import Array, Scene, State, wrap


class Pusher(Protocol):
    """The pusher slot, as the estimator sees it."""

    def predict(self, position: Array, velocity: Array, command: Array) -> tuple[Array, Array]:
        """Centres (n, 2) within one period and the velocity (2,) at its end."""
        ...


class PushModel(Protocol):
    """The push model slot, as the estimator sees it."""

    def advance(self, blocks: Array, pushers: Array, motions: Array) -> Array:
        """Poses (K, 3) of blocks after the pushers moved."""
        ...


class Estimator:
    """Kalman filter with one variance each for pusher, block position and block yaw (Kalman 1960).

    The belief stands at the time of the newest reading. It is predicted with the commands sent since then to give the
    present state. A block that is not touched keeps its pose, so that its readings are averaged; when the pusher is
    near, its variance grows with the pusher's way times `model_error`. Readings more than `gate` standard deviations
    off are believed at once.
    """

    def __init__(self, scene: Scene, parameters: dict[str, float], pusher: Pusher, push_model: PushModel) -> None:
        self.scene, self.pusher, self.push_model = scene, pusher, push_model
        noise = parameters["position_noise"] * scene.pusher_radius
        self.sensor = np.array([noise**2, noise**2, parameters["yaw_noise"] ** 2]) + 1e-6  # pusher, block, yaw
        self.model_error, self.gate = parameters["model_error"], parameters["gate"]
        self.delay = max(0, round(parameters["delay"]))
        self.sent: deque[Array] = deque(maxlen=self.delay + 1)
        self.variance = self.sensor.copy()
        self.belief: State | None = None

    def update(self, reading: Array, command: Array | None) -> State:
        """State from a reading (pusher x, y, block x, y, yaw) and the command sent one period ago, or None."""
        if self.belief is None:
            self.belief = State(pusher=reading[:2].copy(), velocity=np.zeros(2), block=reading[2:].copy())
        elif command is not None:
            self.sent.append(command)
            if len(self.sent) > self.delay:
                before = self.belief
                self.belief = self._predict(before, self.sent.popleft())
                self._forget(before, self.belief)
            self._correct(reading)
        now = self.belief
        for waiting in self.sent:
            now = self._predict(now, waiting)
        return now

    def _predict(self, state: State, command: Array) -> State:
        centres, velocity = self.pusher.predict(state.pusher, state.velocity, command)
        block = state.block
        if self.scene.clearance(centres, block).min() < self.scene.pusher_radius:
            block, last = block[None], state.pusher
            for centre in centres:
                block = self.push_model.advance(block, centre[None], (centre - last)[None])
                last = centre
            block = block[0]
        return State(pusher=centres[-1], velocity=velocity, block=block)

    def _forget(self, before: State, after: State) -> None:
        """Variances grow with the way of the pusher: always a little its own, the block's only near contact."""
        way = float(np.linalg.norm(after.pusher - before.pusher))
        reach = self.scene.pusher_radius + 2.0 * np.sqrt(self.variance[0] + self.variance[1])
        ends = np.stack([before.pusher, after.pusher])
        touched = self.scene.clearance(ends, after.block).min() < reach
        step = (self.model_error * way) ** 2
        self.variance += np.array([0.01 * step, step * touched, step * touched / self.scene.gyration_radius**2])

    def _correct(self, reading: Array) -> None:
        assert self.belief is not None
        off_pusher, off_block = reading[:2] - self.belief.pusher, reading[2:] - self.belief.block
        off_block[2] = wrap(off_block[2])
        off = np.array([np.linalg.norm(off_pusher), np.linalg.norm(off_block[:2]), abs(off_block[2])])
        gain = self.variance / (self.variance + self.sensor)
        lost = off > self.gate * np.sqrt(self.variance + self.sensor)
        gain[0] = 1.0 if lost[0] else gain[0]
        gain[1:] = 1.0 if lost[1:].any() else gain[1:]
        self.variance = np.where(gain == 1.0, self.sensor, (1.0 - gain) * self.variance)
        self.belief = State(
            pusher=self.belief.pusher + gain[0] * off_pusher,
            velocity=self.belief.velocity,
            block=self.belief.block + gain[[1, 1, 2]] * off_block,
        )
