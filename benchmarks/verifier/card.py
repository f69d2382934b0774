"""Measure a task's verifier card: what the judge says against the sealed truth.

python benchmarks/verifier/card.py pin_insertion --cases 500 --seed 1 [--level 2] [--campaign FOLDER ...] [--write]

Cases are laid around the tolerance by `push_t.py` and `pin_insertion.py`; the sealed logs of campaigns that were
judged by the same judge are counted beside them. `--write` writes `src/enpire/tasks/verifier_cards/TASK.toml`.
"""

import argparse
import json
import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.verifier import laid

from enpire.cli.task import card_lines
from enpire.environment import freeze
from enpire.environment.verifier_card import CaseKind, VerifierCard, dump, hashes
from enpire.tasks import CARDS

NOT_THE_JUDGES = {"station_seed", "fast_reset", "pace"}
"""Options that change no verdict."""
FIELD = {
    (True, True): "true_positive",
    (False, True): "false_negative",
    (None, True): "unsure_positive",
    (True, False): "false_positive",
    (False, False): "true_negative",
    (None, False): "unsure_negative",
}
"""What the judge said and what was true."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=sorted(laid.tasks()))
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--level", type=int, default=2)
    parser.add_argument("--campaign", action="append", default=[], metavar="FOLDER", help="Campaign with sealed logs.")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    measured = laid.tasks()[given.task]
    judge = hashes(measured.judge)
    campaigns = [kind for folder in given.campaign for kind in played(Path(folder), measured, judge, given.level)]
    kinds, looks = lay(measured, given)
    if hashes(measured.judge) != judge:
        sys.exit("the judge changed while it was measured: measure it again")
    probe = laid.opened(measured, station=0, level=given.level)
    options = {name: value for name, value in probe.spec.options.items() if name not in NOT_THE_JUDGES}
    probe.close()
    command = ["python", "benchmarks/verifier/card.py", *(x for x in sys.argv[1:] if x != "--write")]
    card = VerifierCard(
        task=given.task,
        command=shlex.join(Path(x).name if x in given.campaign else x for x in command),
        options=options,
        stations=-(-given.cases // measured.per_station),
        look_ms=(float(np.median(looks)), float(np.percentile(looks, 95))),
        judge=judge,
        kinds=(*kinds, *campaigns),
    )
    print("\n".join(card_lines(card, card.doubt({}))))
    if given.write:
        CARDS.mkdir(exist_ok=True)
        (CARDS / f"{given.task}.toml").write_text(dump(card))
        print(f"written to {CARDS / given.task}.toml")


def lay(measured: laid.Measured, given: argparse.Namespace) -> tuple[list[CaseKind], list[float]]:
    """Counts by kind, and the CPU time of every look in ms."""
    counts: Counter[tuple[str, bool, str]] = Counter()
    looks = []
    for number, case in enumerate(laid.cases(measured, given.cases, given.seed, given.level)):
        counts[case.kind, case.hard, FIELD[case.said, case.true]] += 1
        looks.append(case.look_ms)
        if case.said is not None and case.said != case.true:
            truth = {name: round(value, 5) for name, value in case.truth.items()}
            print(f"wrong: case {number}, {case.kind}: said {case.said}, is {case.true}, {truth}", flush=True)
    named = dict.fromkeys((kind, hard) for kind, hard, _ in counts)
    return [
        CaseKind(name=kind, source="laid", hard=hard, **{f: counts[kind, hard, f] for f in FIELD.values()})
        for kind, hard in named
    ], looks


def played(folder: Path, measured: laid.Measured, judge: dict[str, str], level: int) -> Iterator[CaseKind]:
    """Counts of a campaign's episodes by its sealed logs: those that failed closely, and all others."""
    then = freeze.read(folder)
    if then.task != measured.name:
        sys.exit(f"{folder} is a campaign on {then.task}")
    if changed := [name for name, digest in judge.items() if then.judge.get(f"enpire/{name}") != digest]:
        sys.exit(f"{folder} was judged by another judge: {', '.join(changed)}")
    if then.judge["option/level"] != repr(float(level)) if "option/level" in then.judge else level != 2:
        sys.exit(f"{folder} was played at another level than {level}")
    episodes = {}
    for path in sorted((folder / "sealed").glob("*.jsonl")):
        for line in path.read_text().splitlines():
            episode = json.loads(line)
            episodes[episode["ticket"]] = episode
    probe = laid.opened(measured, station=0, level=level)
    close = CaseKind(name="failed closely", source="campaign", hard=True)
    others = CaseKind(name="all other episodes", source="campaign", hard=False)
    for episode in episodes.values():
        if episode["result"] == "invalid":
            continue
        true = bool(episode["truth"]["success"])
        field = FIELD[episode["result"] == "success", true]
        if not true and (measured.close(episode["truth"], probe) or field == "false_positive"):
            close = replace(close, **{field: getattr(close, field) + 1})
        else:
            others = replace(others, **{field: getattr(others, field) + 1})
    probe.close()
    yield from (close, others)


if __name__ == "__main__":
    main()
