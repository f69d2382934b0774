"""What each block is worth, judged from all recipes tried so far.

A linear model: utility of a recipe = sum of the effects of its blocks, each with the prior N(0, _PRIOR^2), fitted by
Bayesian linear regression (Bishop, Pattern Recognition and Machine Learning, 2006, section 3.3). Blocks depend on each
other, so what was seen in other surroundings counts less, and a small doubt always remains.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enpire.agents._researcher.knowledge import Knowledge, Recipe, changes

Array = NDArray[np.floating[Any]]

_PRIOR = 0.15
"""Prior standard deviation of a block's effect on utility."""
_MISFIT = 0.05
"""Standard deviation of what the linear model cannot explain."""
_FAR = 0.6
"""Weight of a trial per slot in which it differs from the champion, beyond the first."""


class BlockEffects:
    """Posterior over the effect of every block.

    Args:
        known: The evidence.
        far: Weight of a trial per slot in which it differs from the champion, beyond the first.
    """

    def __init__(self, known: Knowledge, far: float = _FAR) -> None:
        self._known = known
        self._far = far
        names = {pair for recipe in known.lanes for pair in recipe}
        names |= {(slot, block.name) for slot, blocks in known.library.items() for block in blocks}
        self._index = {pair: n for n, pair in enumerate(sorted(names))}

    def gain(self, recipe: Recipe) -> tuple[float, float]:
        """Expected utility of a recipe above the champion's, and the standard deviation of that."""
        mean, covariance = self._posterior
        difference = self._features(recipe) - self._features(self._known.champion_recipe)
        expected = float(difference @ mean)
        deviation = float(np.sqrt(np.maximum(difference @ covariance @ difference, 0.0)))
        return expected, deviation

    def draw(self, rng: np.random.Generator) -> dict[tuple[str, str], float]:
        """One draw of the effects of all blocks together."""
        mean, covariance = self._posterior
        values = mean + np.linalg.cholesky(covariance) @ rng.standard_normal(len(mean))
        return {pair: float(values[n]) for pair, n in self._index.items()}

    @cached_property
    def _posterior(self) -> tuple[Array, Array]:
        known = self._known
        precision = np.eye(len(self._index)) / _PRIOR**2
        shift = np.zeros(len(self._index))
        for lane in known.lanes.values():
            best = lane.best
            if not best.episodes:
                continue
            distance = len(changes(known.champion_recipe, lane.recipe))
            weight = self._far ** max(distance - 1, 0) / (best.error**2 + _MISFIT**2)
            row = self._features(lane.recipe)
            precision += weight * np.outer(row, row)
            shift += weight * row * (best.utility - known.level)
        covariance = np.linalg.inv(precision)
        return covariance @ shift, covariance

    def _features(self, recipe: Recipe) -> Array:
        row = np.zeros(len(self._index))
        for pair in recipe:
            if pair in self._index:
                row[self._index[pair]] = 1.0
        return row
