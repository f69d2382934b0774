"""Walk straight to the start of the push, whatever stands between."""

from geometry import Array, Scene


class Navigator:
    """No obstacle avoidance."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        del scene, parameters  # Unused.

    def path(self, pusher: Array, goal: Array, block: Array) -> Array:
        """Way points (M, 2) from the pusher (2,) to the goal (2,), the goal last, px, world frame."""
        del pusher, block  # Unused.
        return goal[None]
