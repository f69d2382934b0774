"""The pusher is where the readings say, and the block where the eyes say."""

from geometry import Array, Push, Scene


class Aim:
    """Commands pushes as they were planned."""

    def __init__(self, scene: Scene, parameters: dict[str, float], push_model: object) -> None:
        del scene, parameters, push_model  # Unused.

    def correct(self, push: Push) -> tuple[Array, Array]:
        """Start and end (2,) to command, mm."""
        return push.start, push.end

    def record(self, went: Array, before: Array, after: Array) -> None:
        """Take note of a push that went from `went[0]` to `went[1]` by the readings, and of the block's poses."""
        del went, before, after  # Unused.
