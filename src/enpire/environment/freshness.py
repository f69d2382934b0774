"""Are the cameras still alive? A policy must not act for long on pictures that have stopped."""

from collections.abc import Mapping

from enpire.environment.cell import Camera

STALE_PERIODS = 3
"""Periods of a camera without a new picture after which it counts as stale."""
CAMERA_PERIOD_S = 1.0 / 30.0
_SAME_S = 1e-6


class Freshness:
    """When each camera last gave something new.

    Args:
        cameras: By name.
        now_s: Time at which watching begins.
    """

    def __init__(self, cameras: Mapping[str, Camera], now_s: float) -> None:
        self._cameras = cameras
        self._exposed_s = dict.fromkeys(cameras, -float("inf"))
        self._new_s = dict.fromkeys(cameras, now_s)

    def stale(self, now_s: float) -> bool:
        """Whether a camera has given nothing new for too long. Draws no picture."""
        for name, camera in self._cameras.items():
            exposed_s = now_s - camera.age_s()
            if exposed_s > self._exposed_s[name] + _SAME_S:
                self._exposed_s[name], self._new_s[name] = exposed_s, now_s
        oldest_s = min(self._new_s.values(), default=now_s)
        return now_s - oldest_s > STALE_PERIODS * CAMERA_PERIOD_S + _SAME_S
