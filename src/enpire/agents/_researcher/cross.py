"""Combine what others found: merge a change that beat its own parent onto today's champion."""

from functools import partial

from enpire.agents._researcher.knowledge import Knowledge, changes, recipe_of
from enpire.agents._researcher.option import Draft, Option
from enpire.core.brief import IdeaReport

KIND = "cross"

_NEARLY = 0.5
"""Standard errors by which an idea must have beaten its parent."""
_TRUST = 0.5
"""Share of an observed gain that is expected to be there again."""


def options(known: Knowledge) -> list[Option]:
    """Kept or nearly kept changes that the champion lacks."""
    found = []
    for idea in known.brief.ideas:
        if idea.verdict not in ("kept", "parked", "dropped") or not _lacking(known, idea):
            continue
        gain, error = known.gain_over_parent(idea)
        if gain < _NEARLY * error or _tried(known, idea):
            continue
        make = partial(_draft, known, idea, gain)
        expected = min(_TRUST * gain, known.headroom)
        found.append(Option(kind=KIND, gain=expected, spread=min(0.5 * error, 0.3 * known.headroom), draft=make))
    return found


def _lacking(known: Knowledge, idea: IdeaReport) -> bool:
    """Whether the champion neither holds the change nor has decided otherwise in the same slots."""
    if idea.id in known.lineage or idea.parent in (None, known.champion.id) or idea.parent not in known.ideas:
        return False
    parent = recipe_of(known.ideas[idea.parent or ""].recipe)
    own = dict(known.champion_recipe)
    new = changes(parent, recipe_of(idea.recipe))
    before = dict(parent)
    if new:
        return all(own.get(slot) == before.get(slot) != block for slot, block in new)
    return idea.kind not in (KIND, "identify") and set(idea.recipe.items()) <= set(own.items())


def _tried(known: Knowledge, idea: IdeaReport) -> bool:
    """Whether somebody already merges this change onto this champion."""
    return any(
        other.kind == KIND and other.parent == known.champion.id and idea.id in other.inspired_by
        for other in known.brief.ideas
    )


def _draft(known: Knowledge, idea: IdeaReport, gain: float) -> Draft:
    base = known.champion_trial
    parent = known.ideas[idea.parent or ""]
    new = changes(recipe_of(parent.recipe), recipe_of(idea.recipe))
    what = ", ".join(f"`{block}` in slot {slot}" for slot, block in new) or "its parameter values"
    hypothesis = (
        f"The change of idea {idea.id} ({what}) gained {gain:+.2f} over its parent {idea.parent} and fits "
        f"what made idea {base.idea} champion: both together beat {known.level:.2f}. Wrong if they do not."
    )
    return Draft(
        base=base,
        hypothesis=hypothesis,
        kind=KIND,
        values={},
        points=({},),
        adopt=(idea.id,),
        inspired_by=(idea.id,),
        predicted_effect=round(min(_TRUST * gain, 1.0), 3),
    )
