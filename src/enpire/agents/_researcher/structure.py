"""Swap blocks: one slot of a promising parent, or two at once when single swaps stall.

The variants spread the parameters of the new blocks, so that a good structure is not judged by one poor point.
"""

from functools import partial
from itertools import combinations

import numpy as np

from enpire.agents._researcher.evidence import BlockEffects
from enpire.agents._researcher.knowledge import Knowledge, Lane, Recipe, Trial, changes, recipe_of
from enpire.agents._researcher.option import Draft, Option
from enpire.agents._researcher.symptoms import Symptom, read_symptoms, remedy_for
from enpire.agents._workspace import Block, Parameter

KIND = "structure"

_OPTIMISM = 0.2
"""Expected gain of an untried block, as a share of the headroom."""
_SPREAD = 0.3
"""Largest standard deviation of a swap's gain, as a share of the headroom."""
_RISK = 0.1
"""What each swap beyond the first costs, as a share of the headroom; less and less while nothing is kept."""
_STALL = 4.0
"""Ideas without success after which that cost has halved."""
_PAIRS = 8
"""Double swaps looked at per session."""
_FADING = 6.0
"""Ideas without success after which what earlier swaps showed counts half: the surroundings have changed."""
_TOGETHER = 0.3
"""Share of what two blocks lost alone that is expected to be lost together: they may need each other."""
_CLOSE = 2
"""Slots in which a recipe may differ from the champion's and still count as close."""
_PARENTS = 3
_VARIANTS = (0, 2, 3, 4)
"""Points beside the given one for 0, 1, 2 and more parameters of the new blocks."""
_TUNED = 60
"""Episodes from which a lane's parameter values are worth carrying over."""

Swaps = tuple[tuple[str, Block], ...]


def options(known: Knowledge) -> list[Option]:
    """Swaps that were not yet tried on their parent."""
    effects = BlockEffects(known)
    symptoms = read_symptoms(known.card)
    found = []
    for lane in _parents(known):
        for swaps in _swaps(known, lane):
            if option := _option(known, lane, swaps, effects, symptoms):
                found.append(option)
    return found


def _parents(known: Knowledge) -> list[Lane]:
    """The champion's lane, and the best others within reach of it."""
    own = known.lanes[known.champion_recipe]
    others = [lane for lane in known.lanes.values() if lane is not own and lane.best.episodes]
    near = [lane for lane in others if lane.best.utility > known.level - 0.25 * known.headroom]
    near.sort(key=lambda lane: -lane.best.utility)
    return [own, *[lane for lane in near if known.usable(lane.best)][: _PARENTS - 1]]


def _swaps(known: Knowledge, lane: Lane) -> list[Swaps]:
    """Single swaps of a lane, and a random handful of double swaps of the champion's."""
    recipe = dict(lane.recipe)
    singles = [
        (slot, block)
        for slot, current in lane.recipe
        for block in known.library.get(slot, [])
        if block.name != current and slot in recipe
    ]
    found: list[Swaps] = [(single,) for single in singles]
    if lane.recipe == known.champion_recipe:
        pairs = [pair for pair in combinations(singles, 2) if pair[0][0] != pair[1][0]]
        chosen = known.rng.permutation(len(pairs))[:_PAIRS]
        found += [pairs[n] for n in chosen]
    return found


def _option(
    known: Knowledge, lane: Lane, swaps: Swaps, effects: BlockEffects, symptoms: list[Symptom]
) -> Option | None:
    base = known.champion_trial if lane.recipe == known.champion_recipe else lane.best
    recipe = _apply(lane.recipe, swaps)
    if is_repeated(known, base, recipe):
        return None
    expected, deviation = effects.gain(recipe)
    remedies = [remedy for _, block in swaps if (remedy := remedy_for(block, symptoms)) is not None]
    hope = 1.0 + max((r.share for r in remedies), default=0.0)
    tried = _times_tried(known, swaps)
    optimism = _OPTIMISM * hope / (1.0 + tried)
    if len(swaps) > 1 and not tried:
        expected = max(expected, _TOGETHER * expected)
    far = len(changes(known.champion_recipe, recipe))
    risk = _RISK * max(far - 1, 0) / (1.0 + known.stall / _STALL)
    limit = known.headroom
    faded = expected / (1.0 + known.stall / _FADING)
    gain = float(np.clip(faded, -limit, limit)) + (optimism - risk) * known.headroom
    make = partial(_draft, known, base, swaps, remedies[0] if remedies else None)
    return Option(kind=KIND, gain=gain, spread=min(deviation, _SPREAD * limit), draft=make)


def _times_tried(known: Knowledge, swaps: Swaps) -> int:
    """How many decided ideas held all these blocks at once in surroundings close to the champion's."""
    close = [lane for lane in known.lanes.values() if len(changes(known.champion_recipe, lane.recipe)) <= _CLOSE]
    wanted = {(slot, block.name) for slot, block in swaps}
    return sum(len(lane.generations) for lane in close if wanted <= set(lane.recipe))


def is_repeated(known: Knowledge, base: Trial, recipe: Recipe) -> bool:
    """Whether somebody races this recipe now, or it was tried on this very parent."""
    if any(idea.recipe and recipe_of(idea.recipe) == recipe for idea in known.undecided):
        return True
    return any(idea.parent == base.idea and recipe_of(idea.recipe) == recipe for idea in known.brief.ideas)


def _draft(known: Knowledge, base: Trial, swaps: Swaps, remedy: Symptom | None) -> Draft:
    values, teachers = known_values(known, swaps)
    parameters = [p for _, block in swaps for p in block.searchable]
    identify = any(len(block.searchable) < len(block.parameters) for _, block in swaps)
    parts = [f"`{block.name}` into slot {slot} for `{dict(base.recipe)[slot]}`" for slot, block in swaps]
    reasons = [block.summary[:1].lower() + block.summary[1:] for _, block in swaps if block.summary]
    cause = f" Reason to try: {remedy.story}." if remedy is not None else ""
    hypothesis = (
        f"Putting {' and '.join(parts)} in idea {base.idea} helps, because it brings: {' / '.join(reasons)}.{cause} "
        f"Wrong if no variant beats the champion's utility of {known.level:.2f}."
    )
    return Draft(
        base=base,
        hypothesis=hypothesis,
        kind=KIND,
        swaps=tuple((slot, block.name) for slot, block in swaps),
        identify=identify,
        values=values,
        points=({}, *spread_points(parameters, values, known.rng)),
        inspired_by=tuple(t for t in teachers if t != base.idea),
        predicted_effect=round(0.2 * known.headroom, 3),
    )


def known_values(known: Knowledge, swaps: Swaps) -> tuple[dict[str, float], list[str]]:
    """Values found for the new blocks elsewhere, and the ideas they come from; the library's values if none."""
    values: dict[str, float] = {}
    teachers: list[str] = []
    for slot, block in swaps:
        lanes = [x for x in known.lanes.values() if (slot, block.name) in x.recipe and x.spent >= _TUNED]
        if not lanes or not block.searchable:
            continue
        best = max((lane.best for lane in lanes), key=lambda trial: trial.utility)
        values |= {p.name: best.parameters[p.name] for p in block.searchable if p.name in best.parameters}
        teachers.append(best.idea)
    return values, teachers


def spread_points(
    parameters: list[Parameter], values: dict[str, float], rng: np.random.Generator, reach: float = 1.0
) -> list[dict[str, float]]:
    """Points spread over the bounds by Latin hypercube, every other one only half as far from the present values.

    Args:
        parameters: What to vary.
        values: Present values where they differ from the library's.
        rng: Random numbers.
        reach: Share of the way to the drawn points that is gone.
    """
    count = _VARIANTS[min(len(parameters), len(_VARIANTS) - 1)]
    centre = np.array([p.to_unit(values.get(p.name, p.value)) for p in parameters])
    strata = np.array([rng.permutation(count) for _ in parameters]).reshape(len(parameters), count).T
    units = (strata + rng.random(strata.shape)) / max(count, 1)  # (count, D)
    share = reach * np.where(np.arange(count) % 2 == 0, 0.5, 1.0)[:, None]
    units = centre + share * (units - centre)
    return [{p.name: p.from_unit(u) for p, u in zip(parameters, row, strict=True)} for row in units]


def _apply(recipe: Recipe, swaps: Swaps) -> Recipe:
    return recipe_of(dict(recipe) | {slot: block.name for slot, block in swaps})
