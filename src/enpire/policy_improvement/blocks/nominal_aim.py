"""Believe the manual: the hole is where it says, and the pin is in the middle of the grip."""

from collections.abc import Callable, Iterator

from hand import Array, Hand, Pose


class Aim:
    """Looks at nothing."""

    def __init__(self, hand: Hand, parameters: dict[str, float]) -> None:
        del parameters  # Unused.
        self.hand = hand

    def over(self, x_m: float, y_m: float, z_m: float, go: Callable[[Pose], Iterator[Array]]) -> Iterator[Array]:
        """Bring the pin above a hole that should be at x, y; `go` brings the tool to a pose."""
        yield from go(self.hand.upright(x_m, y_m, z_m))
