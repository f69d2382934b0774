"""A campaign that runs for hours with one fault a minute: does it leak, lose or count twice?

    python -m benchmarks.crash.soak --minutes 105 --out /tmp/soak

In the first quarter of the time faults are drawn from all kinds; a supervisor that a fault ends is resumed. In the
rest they are drawn from those that a supervisor must live through, so that one lives long enough to show a leak. Each
minute: one fault, then one row with memory and descriptors by role, then all invariants of the campaign folder.
"""

import argparse
import csv
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from benchmarks.crash.faults import DEADLY, SURVIVED, Stage
from tests.crash import shims
from tests.crash.invariants import check_invariants
from tests.crash.processes import cpu_s, descriptors, look, memory_kib, roles

TASK = ("tests.rollout.toy:PointTask", "-o", "step_s=0.15", "-o", "fail_step=0.15", "-o", "period_s=0.5")
TEAM = ("--agent", "builtin:1,minimal:1", "--model-script", "researcher", "--stations", "1", "--video", "none")
BUDGET = ("--budget-minutes", "10000", "--target", "0.99", "--seed", "1")
LONG_LIVED = ("supervisor", "station", "zygote", "gateway")
MIXED = 0.25
"""Share of the time in which faults may end the supervisor."""
WARM_UP = 10
EDGE = 10
"""Minutes at either end of a life whose medians are compared; the first `WARM_UP` minutes are left out."""
SHORTEST_EDGE = 5
"""A life so short that its halves have fewer minutes says nothing."""


class Row(NamedTuple):
    """One minute. By role: resident memory, its private part (both KiB), open descriptors."""

    minute: int
    life: int
    fault: str
    resident: dict[str, int]
    private: dict[str, int]
    files: dict[str, int]
    total: int
    processes: int
    cpu_share: float
    counted: int
    breaks: int


class Soak:
    """The run: keeps a supervisor going, does harm, looks, writes rows."""

    def __init__(self, minutes: int, out: Path, seed: int) -> None:
        self.minutes, self.out, self.root = minutes, out, out / "campaign"
        out.mkdir(parents=True)
        self.rng = random.Random(seed)
        self.rows: list[Row] = []
        self.breaks: list[str] = []
        self.lives = 0
        self.cpu_before: dict[int, float] = {}
        self.environment = dict(os.environ)
        self.clock_offset: Path | None = None
        if shims.COMPILER:
            self.clock_offset = out / "wall_clock_offset"
            self.clock_offset.write_bytes(bytes(8))
            library = shims.build("wall_clock", out)
            self.environment |= {"LD_PRELOAD": str(library), "WALL_CLOCK_OFFSET": str(self.clock_offset)}
        self.supervise()

    def supervise(self) -> None:
        """Start or resume the campaign, and wait until it has a station."""
        verb = ("resume", str(self.root)) if self.root.exists() else ("run", *TASK, *TEAM, *BUDGET, "--out", self.root)
        with (self.out / "supervisor.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "enpire", *map(str, verb)], stdout=log, stderr=log, env=self.environment
            )
        self.lives += 1
        deadline = time.monotonic() + 60.0
        while time.monotonic() < deadline and self.process.poll() is None:
            if (self.root / "ledger.sqlite").exists() and roles(self.process.pid)["zygote"]:
                break
            time.sleep(0.5)
        time.sleep(3.0)

    def run(self) -> None:
        """One fault and one row a minute."""
        start = time.monotonic()
        state = check_invariants(self.root)
        for minute in range(1, self.minutes + 1):
            time.sleep(self.rng.uniform(0.0, 20.0))
            stage = Stage(self.root, self.process.pid, self.rng, state, self.breaks, self.clock_offset)
            fault = self.harm(stage, minute)
            if stage.deadly:
                self.process.wait(10.0)
                self.supervise()
            time.sleep(max(0.0, start + 60.0 * minute - 5.0 - time.monotonic()))
            if self.process.poll() is not None:
                self.breaks.append(
                    f"minute {minute}: the supervisor ended by itself (status {self.process.returncode})"
                )
                self.supervise()
            try:
                state = check_invariants(self.root)
            except Exception as error:  # a soak goes on and says so in the end
                self.breaks.append(f"minute {minute}: {type(error).__name__} {error}")
            self.look(minute, fault, len(state.episodes))

    def harm(self, stage: Stage, minute: int) -> str:
        """Draw faults until one finds a victim."""
        kinds = SURVIVED if minute > MIXED * self.minutes else SURVIVED + DEADLY * 3
        for _ in range(20):
            kind = self.rng.choice(kinds)
            if said := kind(stage):
                stage.deadly = kind in DEADLY
                return said
        return "none"

    def look(self, minute: int, fault: str, counted: int) -> None:
        """Write the row of a minute."""
        found = roles(self.process.pid)
        everybody = [pid for pids in found.values() for pid in pids]
        spent = {pid: cpu_s(pid) for pid in everybody}
        used = sum(seconds - self.cpu_before.get(pid, 0.0) for pid, seconds in spent.items())
        self.cpu_before = spent
        row = Row(
            minute,
            self.lives,
            fault,
            {role: max((memory_kib(pid)[0] for pid in found[role]), default=0) for role in LONG_LIVED},
            {role: max((memory_kib(pid)[1] for pid in found[role]), default=0) for role in LONG_LIVED},
            {role: max(map(descriptors, found[role]), default=0) for role in LONG_LIVED},
            sum(memory_kib(pid)[0] for pid in everybody),
            len(everybody),
            used / 60.0,
            counted,
            len(self.breaks),
        )
        for what in self.breaks[self.rows[-1].breaks if self.rows else 0 :]:
            print(f"      BREAK {what}", flush=True)
        self.rows.append(row)
        write(self.out / "minutes.csv", self.rows)
        print(line(row), flush=True)

    def end(self) -> None:
        """Stop in good order and check once more."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60.0)
        except subprocess.TimeoutExpired:
            self.breaks.append("the supervisor did not stop within 60 s of SIGTERM")
            self.process.kill()
            self.process.wait()
        check_invariants(self.root)


def write(path: Path, rows: list[Row]) -> None:
    """All rows as a table."""
    head = ["minute", "life", "fault"]
    head += [f"{role}_{kind}" for kind in ("kib", "private_kib", "files") for role in LONG_LIVED]
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*head, "resident_kib", "processes", "cpu_share", "counted", "breaks"])
        for row in rows:
            by_role = [*row.resident.values(), *row.private.values(), *row.files.values()]
            table.writerow([*row[:3], *by_role, row.total, row.processes, round(row.cpu_share, 3), *row[-2:]])


def line(row: Row) -> str:
    """A row for people."""
    memory = " ".join(
        f"{role} {row.resident[role] / 1024:.0f} ({row.private[role] / 1024:.1f}) MiB {row.files[role]} fd;"
        for role in LONG_LIVED
    )
    return (
        f"{row.minute:4d}  life {row.life:2d}  {row.fault:45.45s} {memory} all {row.total / 1024:.0f} MiB in "
        f"{row.processes} processes, {row.counted} counted, CPU {row.cpu_share:.2f}, {row.breaks} breaks"
    )


def growth(rows: list[Row], role: str) -> tuple[float, list[int], int] | None:
    """Relative growth of a role's private memory over one life after the warm-up, and its numbers of descriptors.

    Resident memory includes pages of files that the kernel takes away when it likes; only private ones can leak.
    """
    lived = rows[WARM_UP:]
    edge = min(EDGE, len(lived) // 2)
    if edge < SHORTEST_EDGE:
        return None
    first = statistics.median(row.private[role] for row in lived[:edge])
    last = statistics.median(row.private[role] for row in lived[-edge:])
    return last / first - 1.0, [row.files[role] for row in lived], edge


def verdict(soak: Soak) -> str:
    """What was seen, in words."""
    longest = Counter(row.life for row in soak.rows).most_common(1)[0][0]
    rows = [row for row in soak.rows if row.life == longest]
    parts = [f"{len(soak.rows)} minutes, {soak.lives} supervisors, the longest life {len(rows)} minutes"]
    parts.append(f"{soak.rows[-1].counted} episodes counted; {len(soak.breaks)} breaks of an invariant")
    parts += soak.breaks
    for role in ("supervisor", "gateway"):
        if (seen := growth(rows, role)) is None:
            parts.append(f"{role}: too short a life to measure growth")
            continue
        share, files, edge = seen
        usual = Counter(files).most_common(1)[0][0]
        parts.append(
            f"{role}: private memory {100 * share:+.1f} % (median of the last {edge} minutes against the first {edge} "
            f"after {WARM_UP} of warm-up); descriptors {min(files)} to {max(files)}, mostly {usual}, last {files[-1]}"
        )
    kinds = Counter(row.fault.split(",")[0].split("(")[0].strip().rstrip("0123456789 ") for row in soak.rows)
    parts.append("faults: " + "; ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    parts.append(
        f"mean CPU share of all processes: {statistics.mean(row.cpu_share for row in soak.rows):.2f} of a core"
    )
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="new folder for the campaign and the tables")
    arguments = parser.parse_args()
    out = arguments.out or Path(tempfile.mkdtemp(prefix="soak-")) / "run"
    soak = Soak(arguments.minutes, out.absolute(), arguments.seed)
    try:
        soak.run()
    finally:
        if soak.process.poll() is None and look(soak.process.pid) is not None:
            soak.end()
    text = verdict(soak)
    (soak.out / "verdict.txt").write_text(text + "\n")
    print(text)
    sys.exit(bool(soak.breaks))


if __name__ == "__main__":
    main()
