"""Landscapes of known utility: libraries of blocks, and how good each recipe with each set of values is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Knob:
    """A declared parameter: default, best value and how much a miss costs (width in units of the range)."""

    value: float
    best: float
    width: float = 0.2
    identified: bool = False


@dataclass(frozen=True)
class Piece:
    """A block: its factor of quality at its best parameters; with `needs`, only together with that block."""

    factor: float
    knobs: Mapping[str, Knob] = field(default_factory=dict)
    needs: str = ""
    alone: float = 0.3
    summary: str = "does its part"


Library = Mapping[str, Mapping[str, Piece]]
"""Slot to block name to block; the first block of a slot is the baseline's."""


def true_utility(library: Library, recipe: Mapping[str, str], values: Mapping[str, float]) -> float:
    """Expected utility of a candidate, with the harness's weights."""
    return 0.75 * success_rate(library, recipe, values) + 0.2 * quality(library, recipe, values)


def quality(library: Library, recipe: Mapping[str, str], values: Mapping[str, float]) -> float:
    """Product of the factors of all blocks, in [0, 1]."""
    product = 1.0
    for slot, name in recipe.items():
        piece = library[slot][name]
        product *= piece.factor if not piece.needs or piece.needs in recipe.values() else piece.alone
        for knob, spec in piece.knobs.items():
            miss = (values[f"{name}.{knob}"] - spec.best) / spec.width
            product *= 0.4 + 0.6 * math.exp(-0.5 * miss * miss)
    return product


def success_rate(library: Library, recipe: Mapping[str, str], values: Mapping[str, float]) -> float:
    """Probability of success."""
    return math.pow(quality(library, recipe, values), 1.3)


def best_utility(library: Library) -> float:
    """Utility of the best recipe with the best parameters, by trying all recipes."""
    recipes: list[dict[str, str]] = [{}]
    for slot, pieces in library.items():
        recipes = [recipe | {slot: name} for recipe in recipes for name in pieces]
    optimal = {
        f"{name}.{knob}": spec.best
        for pieces in library.values()
        for name, piece in pieces.items()
        for knob, spec in piece.knobs.items()
    }
    return max(true_utility(library, recipe, optimal) for recipe in recipes)
