"""What does not go in is pressed on."""

from collections.abc import Iterator

from hand import Array, Hand


class Search:
    """Does nothing."""

    def __init__(self, hand: Hand, parameters: dict[str, float]) -> None:
        del hand, parameters  # Unused.

    def find(self) -> Iterator[Array]:
        """Move so that the pin finds its hole."""
        yield from ()
