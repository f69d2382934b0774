"""While next to nothing succeeds: change many blocks at once.

A policy is a chain. Where several links are weak, mending one of them shows nothing, however good the new link is. So
the less the champion succeeds, the more often a whole recipe is proposed, put together from the blocks that look best
in one draw of their effects.
"""

from functools import partial

from enpire.agents._researcher.evidence import BlockEffects
from enpire.agents._researcher.knowledge import Knowledge, Recipe, changes, recipe_of
from enpire.agents._researcher.option import Draft, Option
from enpire.agents._researcher.structure import is_repeated, known_values, spread_points

KIND = "leap"

_GAIN = 0.6
"""Expected gain of a leap from a policy that never succeeds, as a share of the headroom."""
_SPREAD = 0.1
_RESTLESS = 0.1
"""What the champion's own blocks are worth less in a draw: with them, nothing succeeds."""
_FEWEST = 3
"""Blocks that a leap changes at least; fewer are a matter of `structure`."""
_DRAWS = 4
_WEARY = 8.0
"""Leaps after which their expected gain has halved."""
_REACH = 0.4
"""How far the variants go from the library's values: with many new blocks, most of a wide spread would fail."""


def options(known: Knowledge) -> list[Option]:
    """A few whole recipes, the more promising the less the champion succeeds."""
    fights = (1.0 - success_rate(known)) ** 2
    leaps = sum(1 for idea in known.brief.ideas if idea.kind == KIND and idea.verdict != "kept")
    gain = _GAIN * fights * known.headroom / (1.0 + leaps / _WEARY)
    effects = BlockEffects(known, far=1.0)
    found: dict[Recipe, Option] = {}
    for _ in range(_DRAWS):
        recipe = _draw(known, effects)
        if len(changes(known.champion_recipe, recipe)) < _FEWEST or is_repeated(known, known.champion_trial, recipe):
            continue
        spread = _SPREAD * known.headroom
        found[recipe] = Option(kind=KIND, gain=gain, spread=spread, draft=partial(_draft, known, recipe))
    return list(found.values())


def success_rate(known: Knowledge) -> float:
    """The champion's success rate on fresh episodes, one success in two episodes assumed beforehand."""
    return (known.brief.champion_successes + 0.5) / (known.brief.champion_episodes + 1.0)


def _draw(known: Knowledge, effects: BlockEffects) -> Recipe:
    """The best block of every slot in one draw of the effects."""
    drawn = effects.draw(known.rng)
    recipe = dict(known.champion_recipe)
    for slot, current in known.champion_recipe:
        worth = {current: drawn[slot, current] - _RESTLESS}
        worth |= {b.name: drawn[slot, b.name] for b in known.library.get(slot, []) if b.name != current}
        recipe[slot] = max(worth, key=lambda name: worth[name])
    return recipe_of(recipe)


def _draft(known: Knowledge, recipe: Recipe) -> Draft:
    base = known.champion_trial
    swaps = tuple((slot, known.blocks[name]) for slot, name in changes(known.champion_recipe, recipe))
    values, teachers = known_values(known, swaps)
    parameters = [p for _, block in swaps for p in block.searchable]
    names = ", ".join(f"`{block.name}`" for _, block in swaps)
    hypothesis = (
        f"Several parts of idea {base.idea} are too weak at once, so mending one shows nothing: {names} together "
        f"succeed where single swaps fail. Wrong if no variant beats the champion's utility of {known.level:.2f}."
    )
    return Draft(
        base=base,
        hypothesis=hypothesis,
        kind=KIND,
        swaps=tuple((slot, block.name) for slot, block in swaps),
        identify=any(len(block.searchable) < len(block.parameters) for _, block in swaps),
        values=values,
        points=({}, *spread_points(parameters, values, known.rng, reach=_REACH)[:3]),
        inspired_by=tuple(dict.fromkeys(t for t in teachers if t != base.idea)),
        predicted_effect=round(0.3 * known.headroom, 3),
    )
