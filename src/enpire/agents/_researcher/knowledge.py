"""What the researcher knows: the brief, turned into lanes of comparable candidates. Computed afresh every session."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from enpire.agents._workspace import Block, Parameter, read_library, read_parameters
from enpire.core.brief import ArmReport, Brief, FailureCard, IdeaReport

Recipe = tuple[tuple[str, str], ...]
"""Slot and block pairs, sorted by slot."""

_CARE = 2.0
"""Episodes' worth of doubt: a mean is pulled towards the mean of its race as if it had so many more episodes."""
_WEIGHT_OF_SUCCESS = 0.75
_SCATTER_OF_PROGRESS = 0.08
_FRESH_ENOUGH = 8
"""Control episodes from which a candidate's own race no longer counts: that race selected it."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One candidate with what it scored.

    Attributes:
        idea: Idea it belongs to.
        commit: Its files are under `candidates/<commit>/`.
        parameters: Declared values by full name.
        episodes: How many episodes `utility` is the mean of.
        utility: Mean utility, pulled towards its race's mean, so that a lucky few episodes do not shine.
        scatter: Standard deviation of one episode's utility: large where some episodes succeed and others fail.
    """

    idea: str
    commit: str
    recipe: Recipe
    parameters: dict[str, float]
    episodes: int
    utility: float
    scatter: float

    @property
    def error(self) -> float:
        """Standard error of the utility."""
        return self.scatter / float(np.sqrt(self.episodes + _CARE))


@dataclass(kw_only=True)
class Lane:
    """All candidates with the same recipe: what tuning searches in.

    Attributes:
        trials: Oldest first.
        generations: Trials of each decided idea, oldest first.
    """

    recipe: Recipe
    trials: list[Trial] = field(default_factory=list)
    generations: list[list[Trial]] = field(default_factory=list)

    @property
    def spent(self) -> int:
        """Episodes spent on this recipe."""
        return sum(trial.episodes for trial in self.trials)

    @property
    def best(self) -> Trial:
        """Candidate with the highest utility among those that were run; else the oldest."""
        return max((t for t in self.trials if t.episodes), key=lambda t: t.utility, default=self.trials[0])


class Knowledge:
    """The brief with the questions that moves ask of it."""

    def __init__(self, brief: Brief) -> None:
        self.brief = brief
        self.rng = np.random.default_rng([brief.seed % 2**63, brief.session])
        self.ideas = {idea.id: idea for idea in brief.ideas}
        self.champion = self.ideas[brief.champion]
        self.undecided = [idea for idea in brief.ideas if idea.verdict is None and idea.id != brief.champion]
        self.lanes: dict[Recipe, Lane] = {}
        self.trials: dict[str, Trial] = {}
        self._files: dict[str, dict[str, Parameter]] = {}
        self._controls = self._read_controls()
        for idea in brief.ideas:
            self._add(idea)

    # ------------------------------------------------------------------ facts

    @cached_property
    def library(self) -> dict[str, list[Block]]:
        """Blocks that fit this task's kind of scene, by slot."""
        return read_library(Path(self.brief.library), str(self.brief.task.scene.get("kind", "vector")))

    @cached_property
    def blocks(self) -> dict[str, Block]:
        """Library blocks by name."""
        return {block.name: block for blocks in self.library.values() for block in blocks}

    @property
    def champion_recipe(self) -> Recipe:
        """Recipe of the champion."""
        return recipe_of(self.champion.recipe)

    @property
    def champion_trial(self) -> Trial:
        """The champion's own candidate."""
        return self.trials[self.champion.best]

    @property
    def level(self) -> float:
        """Utility of the champion, 0 while unknown."""
        return self.champion_trial.utility

    @property
    def headroom(self) -> float:
        """Utility that is still to be won; the unit in which prospects are stated."""
        return max(0.95 - self.level, 0.03)

    @property
    def card(self) -> FailureCard | None:
        """How the champion fails; None if that is not known."""
        return self.brief.cards.get(self.brief.champion)

    @cached_property
    def lineage(self) -> list[str]:
        """Ideas from the champion back to the baseline."""
        path = [self.champion.id]
        while (parent := self.ideas[path[-1]].parent) in self.ideas and parent not in path:
            path.append(str(parent))
        return path

    @cached_property
    def stall(self) -> int:
        """Ideas decided since the last one that was kept."""
        decided = [idea for idea in self.brief.ideas if idea.verdict is not None]
        kept = [n for n, idea in enumerate(decided) if idea.verdict == "kept" or idea.id == self.champion.id]
        return len(decided) - 1 - max(kept, default=0)

    def files(self, commit: str) -> dict[str, Parameter]:
        """Declared parameters in the checkout of a candidate; empty if there is no checkout."""
        if commit not in self._files:
            folder = Path(self.brief.candidates) / commit
            idea = self.trials[commit].recipe if commit in self.trials else self.champion_recipe
            found = read_parameters(folder, dict(idea).values()) if folder.is_dir() else {}
            self._files[commit] = found
        return self._files[commit]

    def usable(self, trial: Trial) -> bool:
        """Whether the files of a candidate are at hand."""
        return (Path(self.brief.candidates) / trial.commit / "policy.py").is_file()

    def refused(self, hypothesis: str) -> bool:
        """Whether this very hypothesis was refused not long ago."""
        return any(text == hypothesis for _, text, _ in self.brief.refused)

    def gain_over_parent(self, idea: IdeaReport) -> tuple[float, float]:
        """By how much an idea's best candidate beats the candidate it was made from, and the standard error."""
        best = self.trials.get(idea.best)
        parent = self.ideas.get(idea.parent or "")
        before = self.trials.get(parent.best) if parent is not None else None
        if best is None or before is None or not best.episodes or not before.episodes:
            return 0.0, 1.0
        return best.utility - before.utility, float(np.hypot(best.error, before.error))

    # ------------------------------------------------------------------ reading

    def _read_controls(self) -> dict[str, ArmReport]:
        """Fullest control measurement of each commit that ever was an incumbent."""
        controls: dict[str, ArmReport] = {}
        for idea in self.brief.ideas:
            seen = idea.incumbent
            if seen is not None and seen.episodes > getattr(controls.get(seen.commit), "episodes", 0):
                controls[seen.commit] = seen
        return controls

    def _add(self, idea: IdeaReport) -> None:
        if not idea.recipe or idea.verdict == "refused":
            return
        recipe = recipe_of(idea.recipe)
        lane = self.lanes.setdefault(recipe, Lane(recipe=recipe))
        arms = idea.arms or (ArmReport(commit=idea.best, point={}, episodes=0, successes=0, utility=0.0),)
        known = sum(arm.episodes for arm in arms)
        centre = sum(arm.utility * arm.episodes for arm in arms) / known if known else 0.0
        rate = (sum(arm.successes for arm in arms) + 0.5) / (known + 1.0)
        trials = [self._trial(idea, arm, centre, rate) for arm in arms]
        lane.trials.extend(trials)
        if idea.verdict is not None and any(t.episodes for t in trials):
            lane.generations.append([t for t in trials if t.episodes])

    def _trial(self, idea: IdeaReport, arm: ArmReport, centre: float, rate: float) -> Trial:
        recipe = recipe_of(idea.recipe)
        seen, control = arm, self._controls.get(arm.commit)
        if control is not None and (control.episodes >= _FRESH_ENOUGH or not arm.episodes):
            seen, centre, rate = control, control.utility, (control.successes + 0.5) / (control.episodes + 1.0)
        utility = (seen.episodes * seen.utility + _CARE * centre) / (seen.episodes + _CARE) if seen.episodes else 0.0
        trial = Trial(
            idea=idea.id,
            commit=arm.commit,
            recipe=recipe,
            parameters=self._parameters(idea, arm, recipe),
            episodes=seen.episodes,
            utility=utility,
            scatter=_scatter((seen.successes + _CARE * rate) / (seen.episodes + _CARE)),
        )
        self.trials[arm.commit] = trial
        return trial

    def _parameters(self, idea: IdeaReport, arm: ArmReport, recipe: Recipe) -> dict[str, float]:
        """Declared values of one arm: reported for the best arm, else stated in full, else read from its files."""
        if arm.commit == idea.best:
            return dict(idea.parameters)
        others = [other.point.keys() for other in idea.arms]
        if arm.point and all(set(keys) <= set(arm.point) for keys in others):
            return dict(idea.parameters) | arm.point
        folder = Path(self.brief.candidates) / arm.commit
        held = {p.name: p.value for p in read_parameters(folder, dict(recipe).values()).values()}
        return (dict(idea.parameters) | arm.point) | held


def recipe_of(recipe: Mapping[str, str]) -> Recipe:
    """Recipe in its canonical form."""
    return tuple(sorted(recipe.items()))


def changes(old: Recipe, new: Recipe) -> list[tuple[str, str]]:
    """Slots of `new` that hold another block than in `old`, with that block."""
    before = dict(old)
    return [(slot, block) for slot, block in new if before.get(slot) != block]


def _scatter(rate: float) -> float:
    """Standard deviation of one episode's utility at a success rate: success counts most, progress scatters a bit."""
    return float(np.sqrt(_WEIGHT_OF_SUCCESS**2 * rate * (1.0 - rate) + _SCATTER_OF_PROGRESS**2))
