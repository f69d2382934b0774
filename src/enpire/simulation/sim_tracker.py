"""A simulated marker tracker, as labs hang around a robot: poses of tagged bodies, 30 times a second. Needs no OpenGL.

Readings are taken late, some never arrive, and all are off: by noise, and by where the tracker takes the world to be.
They follow from the episode's seed and the number of the reading only, never from who asked when.
"""

from collections.abc import Sequence
from zlib import crc32

import mink
import numpy as np

from enpire.core.errors import UnknownName
from enpire.core.tracker import Pose, Reading
from enpire.simulation.exposures import MOST_LOST, Exposure, Exposures
from enpire.simulation.profile import TrackerProfile
from enpire.simulation.world import World

_KEY = crc32(b"tracker")


class SimTracker:
    """The tracker of one world.

    Args:
        world: Whose bodies it follows.
        tags: Names of the bodies that carry markers.
        profile: How the tracker really is.

    Attributes:
        profile: May be replaced as the station drifts.

    Raises:
        UnknownName: The world has no such body.
    """

    def __init__(self, world: World, tags: Sequence[str], profile: TrackerProfile) -> None:
        self.profile = profile
        self._film = Exposures(world)
        known = [world.model.body(index).name for index in range(world.model.nbody)]
        for tag in tags:
            if tag not in known:
                raise UnknownName("body", tag, known)
        self._bodies = {tag: known.index(tag) for tag in tags}
        self._frozen: tuple[int, float] | None = None

    def begin_episode(self, seed: int) -> None:
        """Start counting readings; faults end."""
        self._frozen = None
        self._film.begin_episode(seed)

    def age_s(self) -> float:
        """Age of the reading that `read` would give."""
        return self._film.world.time_s - self._arrived().time_s

    def read(self) -> Reading:
        """The newest reading that has arrived. Reading twice gives the same numbers."""
        taken = self._arrived()
        data, random = self._film.state(taken), self._random(taken.number, 1)
        poses = {tag: self._measured(data.xpos[at], data.xquat[at], random) for tag, at in self._bodies.items()}
        return Reading(poses=poses, age_s=self._film.world.time_s - taken.time_s)

    def freeze(self, duration_s: float) -> None:
        """Give nothing new for a while of world time: for tests of whatever must survive it."""
        self._frozen = self._arrived().number, self._film.world.time_s + duration_s

    def _measured(self, place_m: np.ndarray, quat_wxyz: np.ndarray, random: np.random.Generator) -> Pose:
        """T_world_body as this tracker says it is."""
        said = self.profile
        turn = mink.SO3.exp(np.array(said.turn_rad))
        shaken = mink.SO3.exp(random.normal(0.0, said.noise_rad, 3)) @ turn @ mink.SO3(quat_wxyz)
        place = turn.apply(place_m) + said.shift_m + random.normal(0.0, said.noise_m, 3)
        return (*place.tolist(), *shaken.wxyz.tolist())

    def _arrived(self) -> Exposure:
        self._film.record()
        if self._frozen is not None and self._film.world.time_s < self._frozen[1]:
            return self._film.exposure(self._frozen[0])
        latest_s = self._film.world.time_s - self.profile.delay_s
        return self._film.arrived(latest_s, lambda number: self._random(number, 0).random() < self.profile.lost)

    def _random(self, number: int, use: int) -> np.random.Generator:
        seed = [self._film.seed & (2**64 - 1), _KEY, (number + MOST_LOST * 4) & (2**32 - 1), use]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
