"""Search the declared parameters of one lane: one generation of CMA-ES per idea, replayed from the reports.

Few noisy episodes stand behind each point, so utilities are first smoothed over the lane (`landscape`), and the next
generation is chosen among many points that CMA-ES asks for. A lane that is not the champion's gets about 100 episodes
before its structure counts as a dead end: with poor parameters the decisive structure may look worse than the naive
one.
"""

import contextlib
import io
import warnings
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enpire.agents._researcher.knowledge import Knowledge, Lane, Trial, changes, recipe_of
from enpire.agents._researcher.landscape import Landscape
from enpire.agents._researcher.option import Draft, Option
from enpire.agents._workspace import Parameter

KIND = "tune"
Array = NDArray[np.floating[Any]]

_POINTS = 8
_POOL = 48
_YOUNG = 200
"""Episodes up to which a lane is also searched far from where it began."""
_FAR_POINTS = 12
_STEP = 0.2
"""First step size of CMA-ES in the unit cube."""
_SMALLEST_STEP = 0.04
_LARGEST_STEP = 0.35
_GAIN = 0.2
"""Expected gain of a first generation, as a share of the headroom."""
_PATIENCE = 150.0
"""Episodes after which the expected gain of another generation has fallen to a third."""
STRUCTURE_BUDGET = 100
"""Episodes a structure deserves before it is judged."""
_BUDGET_GAIN = 0.25
"""What tuning may still bring to a structure within its budget, as a share of the headroom."""
_LANES = 6
_SIMILAR = 4
"""Slots in which a recipe may differ and still teach something about parameters."""
_MOST_TRIALS = 400


def options(known: Knowledge) -> list[Option]:
    """The champion's lane, and others that are within their budget or within reach."""
    own = known.lanes[known.champion_recipe]
    others = [lane for lane in known.lanes.values() if lane is not own and lane.best.episodes]
    others.sort(key=lambda lane: -lane.best.utility)
    found = [_option(known, own, known.champion_trial)]
    found += [_option(known, lane, lane.best) for lane in others[:_LANES]]
    return [option for option in found if option is not None]


def last_resort(known: Knowledge) -> Option | None:
    """The champion's lane once more, whatever is in flight."""
    own = known.lanes[known.champion_recipe]
    if not any(p.searchable for p in known.files(known.champion.best).values()):
        return None
    return Option(kind=KIND, gain=0.0, spread=0.0, draft=partial(_draft, known, own, known.champion_trial))


def _option(known: Knowledge, lane: Lane, base: Trial) -> Option | None:
    if not known.usable(base) or not any(p.searchable for p in known.files(base.commit).values()):
        return None
    running = sum(1 for idea in known.undecided if idea.recipe and recipe_of(idea.recipe) == lane.recipe)
    crowding = 0.5**running
    habit = _GAIN * float(np.exp(-lane.spent / _PATIENCE)) + 0.02
    if lane.recipe == known.champion_recipe:
        gain, spread = habit * known.headroom, 0.6 * habit * known.headroom
    else:
        behind = base.utility - known.level
        young = lane.spent < STRUCTURE_BUDGET
        if not young and behind <= 0:
            return None
        gain = behind + (_BUDGET_GAIN if young else habit) * known.headroom
        spread = (0.2 if young else 0.05) * known.headroom + 0.5 * base.error
        if running:
            return None
    return Option(kind=KIND, gain=gain * crowding, spread=spread * crowding, draft=partial(_draft, known, lane, base))


def _draft(known: Knowledge, lane: Lane, base: Trial) -> Draft:
    parameters = [p for p in known.files(base.commit).values() if p.searchable]
    units = next_generation(known, lane, parameters, base)
    points = [{p.name: p.from_unit(u) for p, u in zip(parameters, row, strict=True)} for row in units]
    blocks = sorted({p.name.partition(".")[0] for p in parameters})
    number = 1 + sum(1 for idea in known.brief.ideas if idea.kind == KIND and recipe_of(idea.recipe) == lane.recipe)
    hypothesis = (
        f"Better values of the {len(parameters)} parameters of {', '.join(blocks)} exist near those of idea "
        f"{base.idea}: generation {number} of CMA-ES on this recipe, after {lane.spent} episodes, holds a point that "
        f"beats the champion's utility of {known.level:.2f}. Wrong if none of its {len(points)} points does."
    )
    return Draft(
        base=base,
        hypothesis=hypothesis,
        kind=KIND,
        values=points[0],
        points=({}, *points[1:]),
        predicted_effect=round(min(max(base.utility - known.level + 0.1 * known.headroom, -1.0), 1.0), 3),
    )


def next_generation(known: Knowledge, lane: Lane, parameters: list[Parameter], base: Trial) -> Array:
    """Eight points in the unit cube, shape (8, D)."""
    tried = _relevant(known, lane, parameters)
    start = _unit(base, parameters)
    if not tried:
        return np.array(_strategy(start, known.rng).ask(_POINTS))
    landscape = Landscape(
        np.array([_unit(trial, parameters, start) for trial in tried]),
        [trial.recipe for trial in tried],
        utilities=np.array([trial.utility for trial in tried]),
        errors=np.array([trial.scatter / np.sqrt(trial.episodes) for trial in tried]),
        recipe=lane.recipe,
    )
    strategy = _replay(tried, parameters, start, landscape, known.rng)
    pool = np.array(strategy.ask(_POOL))
    pool = np.vstack([pool, _partial_moves(pool[: _POOL // 2], start, known.rng)])
    pool = np.vstack([pool, np.asarray(strategy.mean)[None]])
    if lane.spent < _YOUNG:
        pool = np.vstack([pool, known.rng.random((_FAR_POINTS, len(parameters)))])
    pool = np.clip(pool, 0.0, 1.0)
    chosen = [int(np.argmax(landscape.mean(pool)))]
    while len(chosen) < _POINTS:
        values = landscape.draw(pool, known.rng)
        values[chosen] = -np.inf
        chosen.append(int(np.argmax(values)))
    generation: Array = pool[chosen]
    return generation


def _relevant(known: Knowledge, lane: Lane, parameters: list[Parameter]) -> list[Trial]:
    """Trials of this and similar recipes that share some of the parameters, oldest first."""
    names = {p.name for p in parameters}
    return [
        trial
        for trial in known.trials.values()
        if trial.episodes
        and len(changes(lane.recipe, trial.recipe)) <= _SIMILAR
        and (trial.recipe == lane.recipe or names & trial.parameters.keys())
    ][-_MOST_TRIALS:]


def _partial_moves(points: Array, base: Array, rng: np.random.Generator) -> Array:
    """Points that differ from the base in about a third of the coordinates: most parameters do not matter."""
    moved = rng.random(points.shape) < 1 / 3
    moved[np.arange(len(points)), rng.integers(points.shape[1], size=len(points))] = True
    return np.where(moved, points, base)


def _replay(
    tried: list[Trial], parameters: list[Parameter], start: Array, landscape: Landscape, rng: np.random.Generator
) -> Any:
    """CMA-ES after all past generations, told smoothed utilities. A generation is the trials of one idea."""
    strategy = _strategy(start, rng)
    waiting: list[Array] = []
    for number, trial in enumerate(tried):
        waiting.append(_unit(trial, parameters, start))
        last = number + 1 == len(tried) or tried[number + 1].idea != trial.idea
        if last and len(waiting) >= _POINTS // 2:
            points = np.array(waiting)
            strategy.ask()
            strategy.tell(list(points), list(-landscape.mean(points)))
            strategy.sigma = float(np.clip(strategy.sigma, _SMALLEST_STEP, _LARGEST_STEP))
            waiting = []
    return strategy


def _strategy(start: Array, rng: np.random.Generator) -> Any:
    """CMA-ES in the unit cube. Typed as Any: the library has no types."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import cma  # imported here: it costs more than all the rest, and only this move needs it

        # Its own limit on steps fails in one dimension, so it is off; `_replay` keeps them in range.
        settings = {"popsize": _POINTS, "bounds": [0.0, 1.0], "maxstd": np.inf, "verbose": -9}
        settings["seed"] = int(rng.integers(1, 2**31))
        return cma.CMAEvolutionStrategy(list(start), _STEP, settings)


def _unit(trial: Trial, parameters: list[Parameter], missing: Array | None = None) -> Array:
    """Parameters of a trial in the unit cube; those it lacks are taken from `missing`, or from the files."""
    point = np.array([p.to_unit(trial.parameters.get(p.name, p.value)) for p in parameters])
    if missing is None:
        return point
    held = np.array([p.name in trial.parameters for p in parameters])
    return np.where(held, point, missing)
