"""Re-measure the decision rules of `enpire.statistics` by simulation and print the tables as Markdown.

    python benchmarks/statistics/study.py --table all --output benchmarks/statistics

Seeded: the same command gives the same tables. `--repeats` scales all sample sizes.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import race_tables
import sequential_tables
from tables import Table

STUDIES: dict[str, tuple[Callable[[int], list[Table]], ...]] = {
    "s2": (race_tables.campaigns, lambda repeats: race_tables.variants(4 * repeats)),
    "s3": (lambda repeats: sequential_tables.comparisons(40 * repeats),),
    "s4": (lambda repeats: sequential_tables.claims(40 * repeats),),
    "windows": (lambda repeats: sequential_tables.windows(10 * repeats),),
}


def main() -> None:
    """Run the chosen study; with --output, write RESULTS.md and one CSV per table there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=[*STUDIES, "all"], default="all")
    parser.add_argument(
        "--repeats", type=int, default=200, help="campaigns per row of S2; other tables use 4 to 40 times as many"
    )
    parser.add_argument("--output", type=Path, help="folder for RESULTS.md and the CSV files")
    arguments = parser.parse_args()
    started = time.process_time()
    tables: list[Table] = []
    for name in STUDIES if arguments.table == "all" else (arguments.table,):
        print(f"{name} ...", flush=True)
        for study in STUDIES[name]:
            tables.extend(study(arguments.repeats))
    minutes = (time.process_time() - started) / 60
    command = f"python benchmarks/statistics/study.py --table {arguments.table} --repeats {arguments.repeats}"
    head = f"# Statistics study\n\nCommand: `{command}`. CPU time: {minutes:.1f} minutes on one core of 2.\n"
    report = "\n".join([head, *(table.markdown() for table in tables)])
    print(report)
    if arguments.output:
        (arguments.output / "RESULTS.md").write_text(report)
        for table in tables:
            table.write_csv(arguments.output)


if __name__ == "__main__":
    main()
