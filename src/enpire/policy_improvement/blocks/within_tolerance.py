"""Stop when the block seems to be near enough."""

from geometry import Array, Scene


class Finish:
    """Done when both errors are below a share of the task's tolerances; the rest is for what the eyes get wrong."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.scene, self.share = scene, parameters["share"]

    def done(self, block: Array) -> bool:
        """Whether the block may stay at this pose (3,)."""
        away, turned = self.scene.errors(block)
        return away < self.share * self.scene.tolerance_mm and turned < self.share * self.scene.tolerance_rad
