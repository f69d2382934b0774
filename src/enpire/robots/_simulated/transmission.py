"""Between motor and link: the play of gears, and encoders whose zero is a little off."""

import numpy as np
from numpy.typing import NDArray

from enpire.robots.robot import Description
from enpire.simulation.profile import Profile

Vector = NDArray[np.float64]


class Transmission:
    """Play operators (the motor moves the link only at the ends of the gap) and zero offsets, shape (A,).

    Attributes:
        offset: Reading minus truth.
        effort_noise: Standard deviation of effort readings.
        motor: Where the motors are, in units of the links, without the offset.
    """

    def __init__(self, profile: Profile, description: Description, grippers: list[int]) -> None:
        size = len(description.action.names)
        self.offset, self.effort_noise, self._play = (np.zeros(size) for _ in range(3))
        per_arm = size // len(description.arms)
        for i, arm in enumerate(description.arms):
            if known := profile.arms.get(arm):
                at = i * per_arm
                self.offset[at : at + len(known.zero_offset_rad)] = known.zero_offset_rad
                self._play[at : at + len(known.backlash_rad)] = np.array(known.backlash_rad) / 2
                self.effort_noise[at : at + per_arm] = known.effort_noise_nm
        self.effort_noise[grippers] = 0.0
        self._has_play = bool(self._play.any())
        self.motor, self._link = np.zeros(size), np.zeros(size)

    def reset(self, links: Vector) -> None:
        """Motors and links are here, every link in the middle of its gap."""
        self.motor[:] = self._link[:] = links

    def follow(self, links: Vector) -> None:
        """The links have moved; they take the motors along at the ends of the gaps."""
        self.motor[:] = self._taken_along(self.motor, links)

    def reading(self, links: Vector) -> Vector:
        """What the encoders say with the links here."""
        return self._taken_along(self.motor, links) + self.offset

    def link_targets(self, motors: Vector) -> Vector:
        """Where motors that go to these readings would bring the links."""
        self._link[:] = self._taken_along(self._link, motors - self.offset)
        return self._link

    def _taken_along(self, behind: Vector, ahead: Vector) -> Vector:
        if not self._has_play:
            return ahead
        bounded: Vector = np.minimum(np.maximum(behind, ahead - self._play), ahead + self._play)
        return bounded
