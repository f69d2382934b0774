"""Reopen a promising parked idea with fresh episodes.

The best of many variants needs strong evidence to be kept; raced alone it needs less. An exact copy would be refused,
so the candidate is raced again with one very small change of its parameters.
"""

from functools import partial

import numpy as np

from enpire.agents._researcher.knowledge import Knowledge, Trial
from enpire.agents._researcher.option import Draft, Option

KIND = "retry"

_PROMISING = 0.6
"""Probability of being better than the champion below which a parked idea stays closed."""
_TRUST = 0.7
"""Share of the observed lead that is expected to be there again."""
_LIKELY = 0.2
"""What a certain improvement of unknown size is worth, as a share of the headroom."""
_STEP = 0.01
"""Standard deviation of the change, as a share of each parameter's range."""


def options(known: Knowledge) -> list[Option]:
    """Parked ideas whose best candidate is still ahead of the champion, each at most once."""
    reopened = {idea.parent for idea in known.brief.ideas if idea.kind == KIND}
    found = []
    for idea in known.brief.ideas:
        if idea.verdict != "parked" or idea.probability < _PROMISING or idea.id in reopened or idea.kind == KIND:
            continue
        best = known.trials.get(idea.best)
        if best is None or best.utility <= known.level or not known.usable(best):
            continue
        if not any(p.searchable for p in known.files(best.commit).values()):
            continue
        likely = _LIKELY * (2.0 * idea.probability - 1.0) * known.headroom
        ahead = min(_TRUST * (best.utility - known.level) + likely, known.headroom)
        make = partial(_draft, known, best, idea.probability)
        found.append(Option(kind=KIND, gain=ahead, spread=0.03 * known.headroom, draft=make))
    return found


def _draft(known: Knowledge, best: Trial, probability: float) -> Draft:
    parameters = [p for p in known.files(best.commit).values() if p.searchable]
    centre = np.array([p.to_unit(p.value) for p in parameters])
    close = centre + _STEP * known.rng.standard_normal(len(parameters))
    point = {p.name: p.from_unit(u) for p, u in zip(parameters, close, strict=True)}
    hypothesis = (
        f"Idea {best.idea} was parked with P(better) = {probability:.2f} and is really better: raced alone it "
        f"beats the champion's utility of {known.level:.2f} on fresh episodes. Wrong if it does not."
    )
    return Draft(
        base=best,
        hypothesis=hypothesis,
        kind=KIND,
        values=point,
        points=({},),
        inspired_by=(best.idea,),
        predicted_effect=round(best.utility - known.level, 3),
    )
