"""Undo what proved neutral: of two equal policies the simpler one is better. Low priority."""

from functools import partial

from enpire.agents._researcher.knowledge import Knowledge, changes, recipe_of
from enpire.agents._researcher.option import Draft, Option
from enpire.core.brief import IdeaReport

KIND = "simplify"

_PATIENCE = 10
"""Ideas without success before simplification is worth an idea."""
_NEUTRAL = 1.0
"""Standard errors within which a gain counts as none."""


def options(known: Knowledge) -> list[Option]:
    """Structural changes in the champion's lineage that gained next to nothing."""
    if known.stall < _PATIENCE:
        return []
    undone = {id_ for idea in known.brief.ideas if idea.kind == KIND for id_ in idea.inspired_by}
    found = []
    for name in known.lineage[:-1]:
        idea = known.ideas[name]
        if name in undone or not _changed(known, idea):
            continue
        gain, error = known.gain_over_parent(idea)
        if gain < _NEUTRAL * error:
            make = partial(_draft, known, idea, gain)
            share = 0.05 * known.headroom
            found.append(Option(kind=KIND, gain=share, spread=share, draft=make))
    return found


def _changed(known: Knowledge, idea: IdeaReport) -> list[tuple[str, str]]:
    """Blocks that the idea brought and the champion still holds."""
    new = changes(recipe_of(known.ideas[idea.parent or ""].recipe), recipe_of(idea.recipe))
    return [pair for pair in new if pair in known.champion_recipe]


def _draft(known: Knowledge, idea: IdeaReport, gain: float) -> Draft:
    what = ", ".join(f"`{block}` in slot {slot}" for slot, block in _changed(known, idea))
    hypothesis = (
        f"{what[:1].upper() + what[1:]}, brought by idea {idea.id}, gained only {gain:+.2f} and is not needed: "
        f"champion {known.champion.id} without it does as well as {known.level:.2f}. Wrong if it does worse."
    )
    return Draft(
        base=known.champion_trial,
        hypothesis=hypothesis,
        kind=KIND,
        values={},
        points=({},),
        revert=(idea.id,),
        inspired_by=(idea.id,),
    )
