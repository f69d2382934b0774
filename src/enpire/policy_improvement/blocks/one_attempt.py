"""One attempt is all."""

from collections.abc import Callable, Iterator

from hand import Array, Hand


class Retry:
    """What is not in its hole stays where it is."""

    def __init__(self, hand: Hand, parameters: dict[str, float]) -> None:
        del hand, parameters  # Unused.

    def until(self, seated: Callable[[], bool], attempt: Callable[[], Iterator[Array]]) -> Iterator[Array]:
        """Attempts until the pin is seated, or enough of them."""
        del seated  # Unused.
        yield from attempt()
