"""The way of a command to the motors: it takes time, sometimes one tick more, and sometimes it gets lost."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


class Bus:
    """Commands in flight. Ticks are numbered; a command sent at tick n arrives at n + delay, late ones a tick after.

    Args:
        size: Values per command.
        delay: Ticks from sending to obeying; 0 obeys at once.
    """

    def __init__(self, size: int, delay: int) -> None:
        self._delay = delay
        self._slots = delay + 2
        self._commands = np.zeros((self._slots, size))
        self._due = np.zeros(self._slots, np.int64)
        self.clear()

    def clear(self) -> None:
        """Forget everything in flight."""
        self._sent = self._taken = 0

    def send(self, command: Vector, tick: int, late: bool) -> None:
        """Put a command on its way."""
        slot = self._sent % self._slots
        self._commands[slot] = command
        self._due[slot] = tick + self._delay + late
        self._sent += 1
        self._taken = max(self._taken, self._sent - self._slots)

    def receive(self, tick: int) -> Vector | None:
        """Newest command that has arrived by `tick` and was not received before; None if there is none."""
        for number in range(self._sent - 1, self._taken - 1, -1):
            if self._due[number % self._slots] <= tick:
                self._taken = number + 1
                found: Vector = self._commands[number % self._slots]
                return found
        return None
