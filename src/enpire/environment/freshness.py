"""Are the cameras still alive, or the tracker? A policy must not act for long on what has stopped."""

from collections.abc import Mapping

from enpire.environment.cell import Sensor

STALE_PERIODS = 3
"""Periods of a camera or tracker without anything new after which it counts as stale."""
CAMERA_PERIOD_S = 1.0 / 30.0
_SAME_S = 1e-6


class Freshness:
    """When each sensor last gave something new.

    Args:
        sensors: Cameras by name, or the tracker.
        now_s: Time at which watching begins.
    """

    def __init__(self, sensors: Mapping[str, Sensor], now_s: float) -> None:
        self._sensors = sensors
        self._exposed_s = dict.fromkeys(sensors, -float("inf"))
        self._new_s = dict.fromkeys(sensors, now_s)

    def stale(self, now_s: float) -> bool:
        """Whether one has given nothing new for too long. Draws no picture."""
        for name, sensor in self._sensors.items():
            exposed_s = now_s - sensor.age_s()
            if exposed_s > self._exposed_s[name] + _SAME_S:
                self._exposed_s[name], self._new_s[name] = exposed_s, now_s
        oldest_s = min(self._new_s.values(), default=now_s)
        return now_s - oldest_s > STALE_PERIODS * CAMERA_PERIOD_S + _SAME_S
