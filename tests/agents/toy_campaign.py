"""A small synthetic campaign: a library, a landscape of known utility, races as the harness runs them, and briefs.

Nothing is simulated but the episodes: libraries, checkouts, briefs and races are the real formats and rules.
"""

import json
import math
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from enpire.agents._workspace import read_parameters, read_recipe, set_values, swap
from enpire.core.brief import ArmReport, Brief, FailureCard, IdeaReport
from enpire.core.records import ActionSpec, ArraySpec, Proposal, TaskSpec
from enpire.statistics.race import RaceRule, Sample, decide, next_arm, probability_better

from .toy_landscape import Library, quality, success_rate, true_utility

SPEC = TaskSpec(
    name="toy",
    instruction="reach the optimum",
    observation={"observation.state": ArraySpec(shape=(2,), dtype="float32")},
    action=ActionSpec(size=1, low=(-1.0,), high=(1.0,)),
    period_s=0.1,
    max_steps=100,
)


@dataclass
class _Idea:
    id: str
    agent: str
    proposal: Proposal
    recipe: dict[str, str]
    arms: dict[str, dict[str, float]]  # commit to point
    values: dict[str, dict[str, float]]  # commit to all values
    samples: dict[str, Sample] = field(default_factory=dict)
    successes: dict[str, int] = field(default_factory=dict)
    verdict: str | None = None
    best: str = ""
    probability: float = 0.5
    incumbent: ArmReport | None = None


class ToyCampaign:
    """A campaign on a synthetic landscape. `run` returns the learning curve of the champion's true utility."""

    def __init__(self, root: Path, library: Library, *, agents: int, seed: int) -> None:
        self.root, self.library, self.agents = root, library, agents
        self.rng = random.Random(seed)
        self.seed = seed
        self.rule = RaceRule()
        self.ideas: list[_Idea] = []
        self.refused: list[tuple[str, str, str]] = []
        self.sessions = [0] * agents
        self.started = 0
        self.controls: dict[str, Sample] = {}
        self.control_successes: dict[str, int] = {}
        self.progress: dict[str, list[float]] = {}
        self.curve: list[tuple[int, float]] = []
        self._write_library()
        self._write_baseline()

    # ------------------------------------------------------------------ the files

    def _write_library(self) -> None:
        folder = self.root / "library"
        folder.mkdir(parents=True)
        for slot, pieces in self.library.items():
            for name, piece in pieces.items():
                lines = ["[block]", f'slot = "{slot}"', f'summary = "{piece.summary}."', 'scene = "vector"']
                for knob, spec in piece.knobs.items():
                    source = "identified" if spec.identified else "search"
                    lines += ["", f"[parameters.{knob}]", f"value = {spec.value}", "low = 0.0", "high = 1.0"]
                    lines += ['unit = "1"', 'scale = "linear"', f'source = "{source}"']
                (folder / f"{name}.toml").write_text("\n".join(lines) + "\n")
                (folder / f"{name}.py").write_text(f'"""{piece.summary}."""\n\n\nclass Block:\n    """It."""\n')
        truth = {
            f"{name}.{knob}": spec.best
            for pieces in self.library.values()
            for name, piece in pieces.items()
            for knob, spec in piece.knobs.items()
            if spec.identified
        }
        (self.root / "truth.json").write_text(json.dumps(truth))
        (self.root / "data").mkdir()

    def _write_baseline(self) -> None:
        folder = self.root / "candidates" / "c0"
        (folder / "blocks").mkdir(parents=True)
        recipe = {slot: next(iter(pieces)) for slot, pieces in self.library.items()}
        lines = [f"from blocks.{block} import Block as B_{slot}" for slot, block in recipe.items()]
        lines = [f"from blocks.{block} import Block  # slot: {slot}" for slot, block in recipe.items()]
        (folder / "policy.py").write_text("\n".join(lines) + "\n")
        for block in recipe.values():
            for ending in (".py", ".toml"):
                shutil.copyfile(self.root / "library" / f"{block}{ending}", folder / "blocks" / f"{block}{ending}")
        (folder / "train.py").write_text(_TRAIN.replace("TRUTH", str(self.root / "truth.json")))
        values = {p.name: p.value for p in read_parameters(folder, recipe.values()).values()}
        baseline = Proposal(hypothesis="the start policy", kind="baseline")
        self.ideas.append(_Idea("0000", "harness", baseline, recipe, {"c0": {}}, {"c0": values}, best="c0"))
        self.ideas[0].verdict = "kept"
        self.champion = self.ideas[0]

    # ------------------------------------------------------------------ the loop

    def run(self, propose: Callable[[Brief, Path], Proposal | None], episodes: int) -> list[tuple[int, float]]:
        """Run until `episodes` are spent; returns (episodes, true utility of the champion) at each crowning."""
        curve = [(0, self._true(self.champion, self.champion.best))]
        for _ in range(8):  # the baseline is measured before anything is raced against it
            self._control()
        while self.started < episodes:
            busy = {idea.agent for idea in self.ideas if idea.verdict is None}
            idle = [n for n in range(self.agents) if f"agent-{n}" not in busy]
            for number in idle:
                self._session(number, propose)
            open_ideas = [idea for idea in self.ideas if idea.verdict is None]
            if not open_ideas:
                self._control()
            for idea in open_ideas:
                self._episode(idea)
                if self._settle(idea):
                    curve.append((self.started, self._true(self.champion, self.champion.best)))
        return curve

    def _session(self, number: int, propose: Callable[[Brief, Path], Proposal | None]) -> None:
        workspace = self.root / "session" / "workspace"
        shutil.rmtree(workspace.parent, ignore_errors=True)
        shutil.copytree(self.root / "candidates" / self.champion.best, workspace)
        proposal = propose(self.brief(number), workspace)
        self.sessions[number] += 1
        if proposal is None:
            return
        try:
            self._submit(f"agent-{number}", proposal, workspace)
        except ValueError as error:
            self.refused.append((f"agent-{number}", proposal.hypothesis, str(error)))

    def _submit(self, agent: str, proposal: Proposal, workspace: Path) -> None:
        number = f"{len(self.ideas):04d}"
        known = {idea.id: idea for idea in self.ideas}
        for other in proposal.adopt:
            self._merge(known[other], workspace, undo=False)
        for other in proposal.revert:
            self._merge(known[other], workspace, undo=True)
        recipe = read_recipe(workspace)
        arms, values = {}, {}
        held = {p.name: p.value for p in read_parameters(workspace, recipe.values()).values()}
        for point in proposal.variants:
            if any(idea.recipe == recipe and held | point in idea.values.values() for idea in self.ideas):
                raise ValueError("a copy of an earlier candidate")
        for index, point in enumerate(proposal.variants):
            commit = f"c{number}-{index}"
            folder = self.root / "candidates" / commit
            shutil.copytree(workspace, folder, copy_function=_link_code)
            set_values(folder, point)
            arms[commit], values[commit] = point, held | point
        idea = _Idea(number, agent, proposal, recipe, arms, values, best=next(iter(arms)))
        idea.samples = {commit: Sample() for commit in arms}
        idea.successes = dict.fromkeys(arms, 0)
        self.ideas.append(idea)

    def _merge(self, other: _Idea, workspace: Path, *, undo: bool) -> None:
        """Three-way merge on slots and values, as Git would do on their lines."""
        parent = next(idea for idea in self.ideas if idea.id == other.proposal.parent)
        old, new = (parent.recipe, other.recipe) if not undo else (other.recipe, parent.recipe)
        here = read_recipe(workspace)
        for slot, block in new.items():
            if old[slot] != block:
                if here[slot] != old[slot]:
                    raise ValueError(f"conflict in slot {slot}")
                swap(workspace, self.root / "library", slot, block)
        before, after = parent.values[parent.best], other.values[other.best]
        if undo:
            before, after = after, before
        held = {p.name: p.value for p in read_parameters(workspace, read_recipe(workspace).values()).values()}
        for name, value in after.items():
            if name in before and name in held and before[name] != value:
                if held[name] != before[name]:
                    raise ValueError(f"conflict in {name}")
                set_values(workspace, {name: value})
            elif name not in before and name in held:
                set_values(workspace, {name: value})

    # ------------------------------------------------------------------ episodes and decisions

    def _true(self, idea: _Idea, commit: str) -> float:
        return true_utility(self.library, idea.recipe, idea.values[commit])

    def _play(self, idea: _Idea, commit: str) -> tuple[bool, float]:
        self.started += 1
        if self.started <= 40:
            (self.root / "data" / f"{self.started:04d}.npz").touch()
        values = idea.values[commit]
        success = self.rng.random() < success_rate(self.library, idea.recipe, values)
        reached = quality(self.library, idea.recipe, values) + self.rng.gauss(0.0, 0.1)
        progress = 1.0 if success else min(max(reached, 0.0), 0.99)
        self.progress.setdefault(commit, []).append(progress)
        return success, 0.75 * success + 0.2 * progress

    def _control(self) -> None:
        commit = self.champion.best
        success, utility = self._play(self.champion, commit)
        self.controls[commit] = self.controls.get(commit, Sample()).add(utility)
        self.control_successes[commit] = self.control_successes.get(commit, 0) + success

    def _episode(self, idea: _Idea) -> None:
        arm = next_arm(idea.samples, self.controls.get(self.champion.best, Sample()), self.rule, self.rng)
        if arm is None:
            self._control()
            return
        success, utility = self._play(idea, arm)
        idea.samples[arm] = idea.samples[arm].add(utility)
        idea.successes[arm] += success

    def _settle(self, idea: _Idea) -> bool:
        incumbent = self.controls.get(self.champion.best, Sample())
        decision = decide(idea.samples, incumbent, self.rule)
        if decision.verdict is None:
            return False
        run = [arm for arm in idea.samples if idea.samples[arm].n]
        idea.best = decision.best or max(run, key=lambda arm: idea.samples[arm].mean)
        idea.verdict = decision.verdict
        idea.probability = probability_better(idea.samples[idea.best], incumbent)
        idea.incumbent = self._control_report(self.champion.best)
        if decision.verdict != "kept":
            return False
        self.champion = idea
        return True

    # ------------------------------------------------------------------ the brief

    def _control_report(self, commit: str) -> ArmReport:
        sample = self.controls.get(commit, Sample())
        mean = sample.mean if sample.n else 0.0
        return ArmReport(
            commit=commit,
            point={},
            episodes=sample.n,
            successes=self.control_successes.get(commit, 0),
            utility=mean,
        )

    def brief(self, number: int) -> Brief:
        """What researcher `number` is told now."""
        champion = self._control_report(self.champion.best)
        reports = [self._report(idea) for idea in self.ideas]
        return Brief(
            task=SPEC,
            agent=f"agent-{number}",
            session=self.sessions[number],
            seed=self.seed * 1000 + number,
            target=0.95,
            champion=self.champion.id,
            champion_episodes=champion.episodes,
            champion_successes=champion.successes,
            ideas=tuple(reports),
            candidates=str(self.root / "candidates"),
            library=str(self.root / "library"),
            data=str(self.root / "data"),
            cards={self.champion.id: self._card()},
            refused=tuple(self.refused[-20:]),
        )

    def _card(self) -> FailureCard:
        seen = self.progress.get(self.champion.best, [])
        failures = sorted(p for p in seen if p < 1.0)
        quartiles = tuple(failures[int(q * (len(failures) - 1))] for q in (0.25, 0.5, 0.75)) if failures else ()
        return FailureCard(
            episodes=len(seen),
            successes=len(seen) - len(failures),
            reasons={"timeout": len(failures)},
            failure_progress=quartiles,
            near_misses=sum(p >= 0.9 for p in failures),
            lost_again=0,
            median_success_steps=50.0,
            p99_action_ms=1.0,
            missed_periods=0,
        )

    def _report(self, idea: _Idea) -> IdeaReport:
        arms = []
        for commit, point in idea.arms.items():
            sample = idea.samples.get(commit, Sample())
            mean = sample.mean if sample.n else 0.0
            arm = ArmReport(
                commit=commit,
                point=point,
                episodes=sample.n,
                successes=idea.successes.get(commit, 0),
                utility=mean,
            )
            arms.append(arm)
        incumbent = idea.incumbent
        if (idea is self.champion and idea.incumbent is None) or idea.id == "0000":
            incumbent = self._control_report("c0")
        return IdeaReport(
            id=idea.id,
            agent=idea.agent,
            kind=idea.proposal.kind,
            hypothesis=idea.proposal.hypothesis,
            parent=idea.proposal.parent,
            inspired_by=idea.proposal.inspired_by,
            verdict=idea.verdict,  # type: ignore[arg-type]
            reason="",
            probability=idea.probability,
            recipe=idea.recipe,
            parameters=idea.values[idea.best],
            best=idea.best,
            arms=tuple(arms),
            incumbent=incumbent,
        )


_TRAIN = '''"""Identify: writes the true values, as a good fit on good data would."""
import json
import re
import sys
from pathlib import Path

for name, value in json.loads(Path("TRUTH").read_text()).items():
    block, _, knob = name.partition(".")
    path = Path("blocks") / f"{block}.toml"
    if path.is_file():
        head, table, tail = path.read_text().partition(f"[parameters.{knob}]")
        tail = re.sub(r"value = [^\\n]+", f"value = {value}", tail, count=1)
        path.write_text(head + table + tail)
'''


def _link_code(source: str, target: str) -> None:
    """Copy a file of a candidate; code never changes there, so it is shared."""
    if source.endswith(".py"):
        os.link(source, target)
    else:
        shutil.copyfile(source, target)


def episodes_to(curve: list[tuple[int, float]], level: float) -> float:
    """Episodes after which the champion was, and stayed, at `level` or above; infinity if it never did."""
    reached = math.inf
    for episodes, utility in curve:
        if utility < level:
            reached = math.inf
        elif reached == math.inf:
            reached = episodes
    return reached
