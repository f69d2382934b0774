"""Be exact at first and content with less as the pushes add up."""

from geometry import Array, Scene


class Finish:
    """Done when both errors are below a share of the task's tolerances that grows with every look.

    Early on another push is cheap; later what the judge surely accepts is better than what may be spoilt or come late.
    """

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.scene, self.share = scene, parameters["first"]
        self.growth, self.last = parameters["growth"], max(parameters["first"], parameters["last"])

    def done(self, block: Array) -> bool:
        """Whether the block may stay at this pose (3,)."""
        away, turned = self.scene.errors(block)
        done = away < self.share * self.scene.tolerance_mm and turned < self.share * self.scene.tolerance_rad
        if not done:
            self.share = min(self.share + self.growth, self.last)
        return done
