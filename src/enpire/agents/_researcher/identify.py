"""Let `train.py` estimate the identified parameters of the champion's blocks from logged episodes.

Cheap and strong, so it comes early. Identified values are never searched: search would let them drift away.
"""

from functools import partial
from pathlib import Path

from enpire.agents._researcher.knowledge import Knowledge, recipe_of
from enpire.agents._researcher.option import Draft, Option

KIND = "identify"

_MIN_EPISODES = 8
_FIRST = 0.35
"""Expected gain of the first identification, as a share of the headroom."""
_AGAIN = 0.06
_REST = 12
"""Ideas until the same recipe may be identified again, on more data."""


def options(known: Knowledge) -> list[Option]:
    """Identify the champion's blocks, if they declare anything to identify and there is data."""
    recipe = known.champion_recipe
    held = known.files(known.champion.best)
    wanted = [p for p in held.values() if not p.searchable]
    if not wanted or not enough_data(known):
        return []
    blocks = {p.name.partition(".")[0] for p in wanted}
    earlier = [
        number
        for number, idea in enumerate(known.brief.ideas)
        if idea.kind == KIND and blocks <= set(idea.recipe.values())
    ]
    if any(idea.kind == KIND and recipe_of(idea.recipe) == recipe for idea in known.undecided):
        return []
    if earlier and len(known.brief.ideas) - earlier[-1] < _REST:
        return []
    as_shipped = all(
        p.name in known.blocks[block].parameters and known.blocks[block].parameters[p.name].value == p.value
        for p in wanted
        if (block := p.name.partition(".")[0]) in known.blocks
    )
    share = _FIRST if as_shipped and not earlier else _AGAIN
    make = partial(_draft, known, sorted(blocks))
    return [Option(kind=KIND, gain=share * known.headroom, spread=0.2 * share * known.headroom, draft=make)]


def enough_data(known: Knowledge) -> bool:
    """Whether there are enough logged episodes to identify anything from."""
    folder = Path(known.brief.data)
    return folder.is_dir() and sum(1 for _ in folder.glob("*.npz")) >= _MIN_EPISODES


def _draft(known: Knowledge, blocks: list[str]) -> Draft:
    base = known.champion_trial
    hypothesis = (
        f"The values of {', '.join(blocks)} in idea {base.idea} do not fit what the robot really did: identifying "
        f"them with train.py from the logged episodes beats the champion's utility of {known.level:.2f}. Wrong if "
        f"the identified values do no better."
    )
    return Draft(
        base=base,
        hypothesis=hypothesis,
        kind=KIND,
        identify=True,
        values={},
        points=({},),
        predicted_effect=round(0.3 * known.headroom, 3),
    )
