"""The pusher is drawn to its command by a spring and a damper; command so that it goes fast and does not overshoot."""

import numpy as np
from geometry import Array, Scene, State

SUBSTEPS = 10
LEADS = 32
TOUCH = 0.1
"""Overshoot allowed at the end of a push, px."""


class Pusher:
    """Model x'' = stiffness (command - x) - damping x', integrated semi-implicitly in ten steps per period.

    Commands: among points ahead on the path, and beyond its end, the furthest that the model says is safe: the pusher
    stays within `corridor` of the path, respects the speed, and can still stop at the end of the path.
    """

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.scene = scene
        self.stiffness, self.damping = parameters["stiffness"], parameters["damping"]
        self.corridor = parameters["corridor"] * scene.pusher_radius
        self.push_speed = parameters["push_speed"] * scene.pusher_radius
        self.dt = scene.period_s / SUBSTEPS
        basis = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # (position error, velocity) to start from
        self.response = np.array([self._integrate(error, speed) for error, speed, _ in basis])  # (2, n, 2)

    def _integrate(self, error: float, speed: float) -> Array:
        """Position error (to the command) and speed after each substep, shape (n, 2)."""
        trace = []
        for _ in range(SUBSTEPS):
            speed += (-self.stiffness * error - self.damping * speed) * self.dt
            error += speed * self.dt
            trace.append((error, speed))
        return np.array(trace)

    def predict(self, position: Array, velocity: Array, command: Array) -> tuple[Array, Array]:
        """Centres (..., n, 2) within one period, the last at its end, and the velocity (..., 2) there, px and px/s."""
        error = position - command
        from_error, from_speed = self.response[0], self.response[1]
        centres = (
            command[..., None, :]
            + from_error[:, 0, None] * error[..., None, :]
            + from_speed[:, 0, None] * velocity[..., None, :]
        )
        return centres, from_error[-1, 1] * error + from_speed[-1, 1] * velocity

    def travel(self, state: State, path: Array) -> Array:
        """Command (2,) that follows a free path (M, 2) from here to its last point."""
        return self._furthest(state, path, np.inf, self.corridor)

    def press(self, state: State, end: Array) -> Array:
        """Command (2,) that pushes straight on to `end` (2,)."""
        return self._furthest(state, end[None], self.push_speed, TOUCH)

    def _furthest(self, state: State, path: Array, speed: float, slack: float) -> Array:
        """Furthest safe command for a top speed (px/s) that may run `slack` px past the end of the path."""
        corners = np.vstack([state.pusher, path])
        reach = np.linalg.norm(np.diff(corners, axis=0), axis=1)
        total = reach.sum()
        if total < 1e-6:
            return path[-1]
        direction = (corners[-1] - corners[-2]) / max(reach[-1], 1e-9)
        longest = total + 4.0 * min(total, self.scene.block_radius)
        leads = longest * np.linspace(0.0, 1.0, LEADS + 1) ** 1.5
        marks = np.concatenate([[0.0], np.cumsum(reach)])
        points = np.stack([np.interp(leads, marks, corners[:, axis]) for axis in (0, 1)], axis=1)
        points += np.maximum(leads - total, 0.0)[:, None] * direction
        points = self.scene.clip(points)
        centres, velocity = self.predict(state.pusher, state.velocity, points)
        after = centres[:, -1]
        rate = 0.5 * self.damping  # critically damped: no overshoot while speed <= rate * distance left
        coasting = after + velocity * (0.37 / rate)  # furthest point if braked at once: v t e^(-rate t) at its peak
        left = np.linalg.norm(path[-1] - after, axis=1)
        over = np.maximum(_distance_to_path(after, corners), _distance_to_path(coasting, corners)) - self.corridor
        over = np.maximum(over, 0.0)
        pace = np.linalg.norm(velocity, axis=1)
        over += np.maximum(pace - np.minimum(speed, rate * (left + slack)), 0.0) / rate
        safe = over <= 1e-9
        if not safe.any():
            return points[np.argmin(over)]
        first = int(np.argmax(safe))
        run = int(np.argmin(np.append(safe[first:], False)))  # leads beyond the first unsafe one do not count
        return points[first + run - 1]


def _distance_to_path(points: Array, corners: Array) -> Array:
    """Distance (K,) of points (K, 2) from the polyline through corners (M, 2), px."""
    a, step = corners[:-1], np.diff(corners, axis=0)  # (M-1, 2)
    gap = points[:, None] - a
    along = np.clip((gap * step).sum(-1) / np.maximum((step**2).sum(-1), 1e-12), 0.0, 1.0)
    return np.linalg.norm(gap - along[..., None] * step, axis=-1).min(axis=1)
