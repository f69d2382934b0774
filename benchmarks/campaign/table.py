"""Figures of finished campaigns, one row each: python benchmarks/campaign/table.py DIR [DIR ...]

Everything is read from the ledgers; nothing is run.
"""

import statistics
import sys
from pathlib import Path

from enpire.cli.inspect import read_state
from enpire.core.records import BASELINE
from enpire.evolution import selection
from enpire.ledger import events as e
from enpire.ledger.state import State
from enpire.metrics.utilisation import mru
from enpire.statistics.intervals import wilson


def claims(state: State) -> str:
    parts = []
    for study in state.studies.values():
        if study.opened.kind == "claim" and isinstance(study.closed, e.StudyClosed):
            outcomes = [x.success for x in study.of(study.opened.arms[0])]
            mark = "certified" if study.closed.accepted else "given up"
            parts.append(
                f">= {study.opened.p0:g} {mark} at {study.closed_s:.0f} s ({sum(outcomes)}/{len(outcomes)}, "
                f"bound {study.closed.lower_bound:.3f})"
            )
    return "; ".join(parts) or "none"


def row(path: Path) -> list[str]:
    state = read_state(path)
    assert state.config is not None
    options = ", ".join(f"{k}={v:g}" for k, v in state.config.options.items()) or "-"
    ours = state.fresh(selection.final_candidate(state))
    successes = sum(x.success for x in ours)
    low, high = wilson(successes, len(ours))
    start = state.fresh(state.ideas[BASELINE].best)
    won = [x for x in ours if x.success]
    tally = state.idea_counts()
    return [
        str(state.config.seed),
        options,
        f"{sum(x.success for x in start)}/{len(start)}",
        claims(state),
        f"{successes}/{len(ours)} [{low:.3f}, {high:.3f}]",
        f"{tally['tried']} ({tally['kept']})",
        str(len(state.started)),
        f"{state.elapsed_s:.0f}",
        f"{statistics.median(x.steps for x in won):.0f}" if won else "-",
        f"{statistics.median(x.latency_ms[1] for x in ours):.1f}" if ours else "-",
        f"{statistics.mean(x.policy_cpu_s for x in ours):.2f}" if ours else "-",
        f"{mru(state).total:.2f}",
    ]


HEADER = [
    "seed",
    "options",
    "baseline",
    "claims",
    "final policy, fresh episodes [Wilson 95 %]",
    "ideas (kept)",
    "episodes",
    "wall s",
    "median steps",
    "p99 action ms (median episode)",
    "CPU s per episode",
    "MRU",
]

print("| " + " | ".join(HEADER) + " |")
print("|" + " --- |" * len(HEADER))
for argument in sys.argv[1:]:
    print("| " + " | ".join(row(Path(argument))) + " |")
