"""Reopen the most promising parked idea with fresh episodes, when nothing better is there.

An exact copy would be refused, so the parked candidate is raced again with very small changes of its parameters.
"""

from functools import partial

import numpy as np

from enpire.agents._researcher.knowledge import Knowledge, Trial
from enpire.agents._researcher.option import Draft, Option

KIND = "retry"

_TRUST = 0.7
"""Share of the observed lead that is expected to be there again."""
_POINTS = 4
_STEP = 0.03
"""Standard deviation of the changes, as a share of each parameter's range."""


def options(known: Knowledge) -> list[Option]:
    """Parked ideas whose best candidate is still ahead of the champion, each at most once."""
    reopened = {idea.parent for idea in known.brief.ideas if idea.kind == KIND}
    found = []
    for idea in known.brief.ideas:
        if idea.verdict != "parked" or idea.id in reopened or idea.id == known.champion.id:
            continue
        best = known.trials.get(idea.best)
        if best is None or best.utility <= known.level or not known.usable(best):
            continue
        if not any(p.searchable for p in known.files(best.commit).values()):
            continue
        ahead = min(_TRUST * (best.utility - known.level), known.headroom)
        make = partial(_draft, known, best, idea.probability)
        found.append(Option(kind=KIND, gain=ahead, spread=0.03 * known.headroom, draft=make))
    return found


def _draft(known: Knowledge, best: Trial, probability: float) -> Draft:
    parameters = [p for p in known.files(best.commit).values() if p.searchable]
    centre = np.array([p.to_unit(p.value) for p in parameters])
    rows = centre + _STEP * known.rng.standard_normal((_POINTS, len(parameters)))
    points = [{p.name: p.from_unit(u) for p, u in zip(parameters, row, strict=True)} for row in rows]
    hypothesis = (
        f"Idea {best.idea} was parked with P(better) = {probability:.2f} and is really better: {len(points)} close "
        f"neighbours of it beat the champion's utility of {known.level:.2f} on fresh episodes. Wrong if none does."
    )
    return Draft(
        base=best,
        hypothesis=hypothesis,
        kind=KIND,
        values=points[0],
        points=({}, *points[1:]),
        inspired_by=(best.idea,),
        predicted_effect=round(best.utility - known.level, 3),
    )
