"""Fuzz everything that reads bytes of somebody else: counts per target and outcome, as a Markdown table.

    python -m benchmarks.fuzz.run --cases 1000000 --seed 1
    python -m benchmarks.fuzz.run --target "ledger pages" --first 4711 --cases 1 --seed 1

The same target, case number and seed give the same case. Exit status 1 if anything crashed or was falsely accepted; a
batch of 100 cases that takes longer than a minute ends the process with a trace.
"""

import argparse
import sys

from tests.fuzz.targets import TARGETS, Found, fuzz


def shares(cases: int) -> dict[str, int]:
    """Cases per target; together they are `cases`."""
    split = {name: int(cases * share) for name, (_, share) in TARGETS.items()}
    split[next(iter(split))] += cases - sum(split.values())
    return split


def row(name: str, found: Found) -> str:
    outcomes = ", ".join(f"{outcome} {count:,}" for outcome, count in found.outcomes.most_common())
    each = found.seconds / found.cases * 1e6 if found.cases else 0.0
    return (
        f"| {name} | {found.cases:,} | {outcomes} | {len(found.failures)} | {each:.0f} | {found.slowest_s * 1e3:.0f} |"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz everything that reads bytes of somebody else.")
    parser.add_argument("--cases", type=int, default=10_000, help="how many in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", choices=TARGETS, help="all cases on this one")
    parser.add_argument("--first", type=int, default=0, help="number of the first case of each target")
    asked = parser.parse_args()
    split = {asked.target: asked.cases} if asked.target else shares(asked.cases)
    print("| target | cases | outcomes | crashes or false acceptances | µs per case | slowest, ms |")
    print("|---|---|---|---|---|---|")
    failures: list[str] = []
    for name, cases in split.items():
        found = fuzz(name, range(asked.first, asked.first + cases), asked.seed)
        failures += found.failures
        print(row(name, found), flush=True)
    print(f"\n{sum(split.values()):,} cases, seed {asked.seed}: {len(failures)} failures")
    print("\n".join(failures[:100]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
