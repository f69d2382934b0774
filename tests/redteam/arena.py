"""Where attacks are played: a pool at one isolation level, a task, a secret beside the candidates, paired seeds."""

import itertools
import os
import resource
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from enpire.core.clock import SystemClock
from enpire.core.process import alive
from enpire.core.records import Verdict
from enpire.rollout.trial import Outcome, run_trial
from enpire.rollout.worker.pool import WorkerPool
from tests.rollout.toy import PointTask

SECRET = "swordfish-of-the-judge"
MEMORY_BYTES = 1 << 29


class ImpossibleTask(PointTask):
    """The goal lies outside what a point can reach in an episode, so any success is a leak."""

    goal = np.array([9.0, 9.0])

    def verify(self):
        distance = float(np.linalg.norm(self.position - self.goal))
        return Verdict(success=distance < 0.1, progress=0.0, evidence={"distance_m": distance})


class CappedTask(PointTask):
    """In a share of the episodes the goal is out of reach; nothing that a policy sees tells which."""

    share = 0.4

    def reset(self, *, seed, options=None):
        result = super().reset(seed=seed)
        self.solvable = self.random.random() >= self.share
        return result

    def verify(self):
        verdict = super().verify()
        return verdict if self.solvable else replace(verdict, success=False)


def policy(select="pass", *, top="", init="pass", reset="pass", gain="np.array([-10.0, 0.0])"):
    """Source of a policy that drives along x only, which succeeds now and then, with a trick beside it.

    `select`, `init` and `reset` are bodies of code that may fail; what they manage to get goes to `leak`.
    """
    parts = [
        "import ctypes, gc, os, sys, threading, time\nimport numpy as np",
        "def leak(*loot): print('LEAK', *loot, flush=True)",
        textwrap.dedent(top),
        "class Policy:",
    ]
    bodies = (("__init__(self, task)", init), ("reset(self, observation, instruction)", reset))
    for header, body in bodies:
        parts += [f"    def {header}:", _attempt(body)]
    parts += ["    calls = 0", "    def select_action(self, observation):", "        self.calls += 1"]
    parts += [f"        action = {gain} * observation['observation.state']"]
    parts += ["        if self.calls <= 3:", textwrap.indent(_attempt(select), "    "), "        return action"]
    return "\n".join(parts) + "\n"


def _attempt(body):
    inner = textwrap.indent(textwrap.dedent(body).strip(), " " * 12)
    caught = "        except Exception as refusal:\n            print('refused', repr(refusal)[:200])"
    return f"        try:\n{inner}\n{caught}"


@dataclass(frozen=True)
class Played:
    """One attack episode."""

    outcome: Outcome
    actions: tuple
    log: str
    exit_code: int

    @property
    def score(self):
        """What counts: result, reason and every action."""
        return self.outcome.result, self.outcome.reason, self.actions


class Arena:
    """Plays policies; the campaign folder around it holds secrets worth stealing."""

    def __init__(self, root: Path, pool: WorkerPool):
        self.root, self.pool = root, pool
        self._numbers = itertools.count(1)
        self._known = {}

    def candidate(self, files):
        """Folder of a candidate; equal files, equal folder."""
        files = {"policy.py": files} if isinstance(files, str) else files
        key = tuple(sorted(files.items()))
        if key not in self._known:
            folder = self.pool.candidates / f"candidate-{next(self._numbers)}"
            for path, text in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text)
            self._known[key] = folder
        return self._known[key]

    def play(self, files, seed, task=None):
        """One episode."""
        task = task or PointTask({"period_s": 0.5})
        worker = self.pool.prepare(self.candidate(files), task.spec)
        try:
            outcome, trace = run_trial(task, worker, seed, SystemClock())
        finally:
            report = worker.finish()
        actions = tuple(map(tuple, trace.actions))
        return Played(outcome, actions, report.log_tail, report.exit_code)


def make_root(root: Path):
    """A campaign folder with secrets in it; the candidates lie in it as in a real one."""
    (root / "candidates" / "other").mkdir(parents=True)
    (root / "candidates" / "other" / "policy.py").write_text(f"# {SECRET}\n")
    for name in ("secret.key", "ledger.sqlite", "episodes.json"):
        (root / name).write_text(SECRET)
    return root


def processes():
    """All processes below this one, zombies left out."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = set()
    while grown := {child for child, parent in parents.items() if parent in found | {os.getpid()}} - found:
        found |= grown
    return {pid for pid in found if alive(pid)}


def descriptors():
    """Number of open descriptors of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def peak_memory_bytes():
    """Most memory this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
