"""Random numbers that depend on the station, the episode and the tick, and on nothing else."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from enpire.core.records import encode
from enpire.simulation.profile import Profile

_BLOCK = 512  # ticks drawn at once


class Chance:
    """Noise of one episode by tick: whoever looks when, and however often, sees the same.

    Args:
        profile: Station; its content is part of the key.
        size: Values per tick.
    """

    def __init__(self, profile: Profile, size: int) -> None:
        self._station = hashlib.sha256(encode(profile)).digest()
        self._size = size
        self.begin(0)

    def begin(self, seed: int) -> None:
        """From now on the numbers of episode `seed`."""
        self._seed = seed
        self._block = -1

    def normal(self, tick: int) -> NDArray[np.float64]:
        """Standard normal values of a tick, shape (size,). Not to be written to."""
        self._draw(tick // _BLOCK)
        row: NDArray[np.float64] = self._normal[tick % _BLOCK]
        return row

    def uniform(self, tick: int) -> tuple[float, float]:
        """Two values in [0, 1) of a tick."""
        self._draw(tick // _BLOCK)
        return self._uniform[tick % _BLOCK]

    def _draw(self, block: int) -> None:
        if block == self._block:
            return
        self._block = block
        key = hashlib.sha256(self._station + f":{self._seed}:{block}".encode()).digest()
        generator = np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "big")))
        self._normal = generator.standard_normal((_BLOCK, self._size))
        self._uniform = [(float(a), float(b)) for a, b in generator.random((_BLOCK, 2))]
