"""kill -9 of a supervisor at a thousand random moments: counted = started, nothing twice, nothing acknowledged missing.

    python -m benchmarks.crash.kills --kills 1000 --out /tmp/kills

Each life is a fork of this process that opens the campaign and runs the loop, as `enpire resume` does, but without the
second that Python needs to import everything. It writes the number of every ledger row that it was told is durable into
shared memory; after the kill that row must be there.

A process that was below the supervisor *can still act* until SIGKILL is pending for all its threads or it is inside
`exit`; from then on it runs no instruction of its own, but it needs the processor until it has *ended*. Both times are
taken for each kill. Nobody may be able to act after a second; who has not ended by then is reported.
"""

import argparse
import math
import mmap
import os
import random
import signal
import struct
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.crash.invariants import check_invariants
from tests.crash.processes import Process, condemned, family, mentioning, survivors

from enpire import loop
from enpire.campaign import Campaign, create
from enpire.core.clock import SystemClock
from enpire.core.config import CampaignConfig
from enpire.core.errors import EnpireError
from enpire.ledger import events as e
from enpire.ledger.folder import Folder
from enpire.ledger.log import Ledger
from enpire.ledger.state import State
from enpire.tasks import open_task

CONFIG = CampaignConfig(
    task="tests.rollout.toy:PointTask",
    options={"step_s": 0.01, "fail_step": 0.15, "period_s": 0.5},
    agents=1,
    stations=1,
    target=0.99,
    seed=1,
    video="none",
    plateau_ideas=10**6,
)
OPENING_S = 2.0
"""Two of three lives end at a random moment within this time: while it opens the campaign and starts a station."""
WORKING_S = 2.0
"""The others end within this time after the first of their episodes was counted."""
PATIENCE_S = 30.0
FULL_CHECK = 50
"""Kills between two readings of every record, hash and commit."""
DEAD_S = 1.0
"""Nobody may be able to act for longer than this after the kill."""
LONGEST_S = 10.0
"""Nobody may be there for longer than this."""
LOOK_S = 0.02


class Deaths(NamedTuple):
    """How those below a supervisor died.

    Attributes:
        harmless_s: Seconds from the kill until nobody was seen that could act; infinite if that took too long.
        ended_s: Seconds until nobody was left; infinite if that took too long.
        acting, left: Who could act, and who was left, after `DEAD_S`, in words.
    """

    harmless_s: float
    ended_s: float
    acting: list[str]
    left: list[str]


def watch(processes: list[Process], killed_s: float, folder: Folder, ours: set[int]) -> Deaths:
    """Look at processes until the last one has ended, also those that began between the list and the kill.

    Args:
        processes: Who was below the supervisor.
        killed_s: When it was killed.
        folder: Campaign; every process that names it is one of those to look at.
        ours: But for these, which were there before the first life.
    """
    harmless_s = math.inf
    late: tuple[list[str], list[str]] | None = None
    while True:
        processes = list(dict.fromkeys(p._replace(state="", parent=0) for p in (*processes, *mentioning(folder.root))))
        left = [process for process in survivors(processes, within_s=0.0) if process.pid not in ours]
        acting = [process for process in left if not condemned(process)]
        passed_s = time.monotonic() - killed_s
        harmless_s = math.inf if acting else min(harmless_s, passed_s)
        if passed_s > DEAD_S and late is None:
            late = sorted(map(name, acting)), sorted(map(name, left))
        if not left or passed_s > LONGEST_S:
            return Deaths(harmless_s, math.inf if left else passed_s, *(late or ([], [])))
        time.sleep(LOOK_S)


def live(folder: Folder, promise: mmap.mmap) -> None:
    """One life of a supervisor; ends by being killed."""
    os.setsid()

    def told(state: State, event: e.Event) -> None:
        promise[:16] = struct.pack("=2q", event.seq, len(state.episodes))

    try:
        with Campaign(folder, told) as campaign:
            loop.run(campaign)
    except EnpireError as error:
        print(f"a life ended by itself: {error}", file=sys.stderr)
    os._exit(1)


def wait(promise: mmap.mmap, rng: random.Random, *, opening: bool) -> None:
    """Let a life last a random time."""
    before = promise[8:16]
    deadline = time.monotonic() + PATIENCE_S
    while not opening and promise[8:16] == before and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(rng.uniform(0.0, OPENING_S if opening else WORKING_S))


def name(process: Process) -> str:
    """What a process is and what it does, in a few words."""
    at = Path(f"/proc/{process.pid}")
    try:
        words = (at / "cmdline").read_bytes().decode(errors="replace").split("\0")
        short = (at / "comm").read_text().strip()  # all that a dying process still has
        state, where = (at / "stat").read_text().rpartition(")")[2].split()[0], (at / "wchan").read_text()
        idle = ", idle class" if os.sched_getscheduler(process.pid) == os.SCHED_IDLE else ""
    except OSError:
        return "gone"
    what = next((Path(word).name for word in words if "enpire" in word or "bwrap" in word), Path(words[0]).name)
    return f"{what or short} ({state} {where}{idle})"


def rows(folder: Folder) -> int:
    """Rows of the ledger."""
    ledger = Ledger(folder.ledger, key=None, clock=SystemClock())
    count = sum(1 for _ in ledger.read())
    ledger.close()
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=600.0, help="stop after this time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="new folder for the campaign")
    arguments = parser.parse_args()
    folder, rng = Folder(arguments.out.absolute()), random.Random(arguments.seed)
    task = open_task(CONFIG.task, options=CONFIG.options)
    create(folder, CONFIG, task.spec)
    promise = mmap.mmap(-1, 16)
    ours = {process.pid for process in mentioning(folder.root)}
    deadline, told, below = time.monotonic() + 60.0 * arguments.minutes, 0, 0
    wrong: list[str] = []
    deaths: list[Deaths] = []
    while len(deaths) < arguments.kills and time.monotonic() < deadline:
        if (child := os.fork()) == 0:
            live(folder, promise)
        wait(promise, rng, opening=len(deaths) % 3 < 2)
        everybody = family(child)
        os.kill(child, signal.SIGKILL)
        killed_s = time.monotonic()
        status = os.waitpid(child, 0)[1]
        deaths.append(watch(everybody, killed_s, folder, ours))
        below += len(everybody)
        wrong += [f"kill {len(deaths)}: {what}" for what in check(folder, promise, status, deaths[-1])]
        if deaths[-1].left:
            print(f"kill {len(deaths)}: not ended after 1 s: {', '.join(deaths[-1].left)}", flush=True)
        if len(wrong) > told:
            print("\n".join(wrong[told:]), flush=True)
            told = len(wrong)
        if len(deaths) % FULL_CHECK == 0:
            report(folder, deaths, below, wrong)
    report(folder, deaths, below, wrong)
    print(f"{len(wrong)} wrong" if wrong else "nothing wrong")
    sys.exit(bool(wrong))


def check(folder: Folder, promise: mmap.mmap, status: int, death: Deaths) -> list[str]:
    """What is wrong after one kill."""
    wrong = []
    if not os.WIFSIGNALED(status):
        wrong.append("the supervisor had ended by itself")
    if death.harmless_s > DEAD_S:
        wrong.append(f"nobody could act only after {death.harmless_s:.2f} s; after 1 s: {', '.join(death.acting)}")
    if death.ended_s == math.inf:
        wrong.append(f"orphans after {LONGEST_S:.0f} s")
    acknowledged, _ = struct.unpack("=2q", promise[:16])
    if (there := rows(folder)) < acknowledged:
        wrong.append(f"row {acknowledged} was acknowledged, {there} are there")
    return wrong


def report(folder: Folder, deaths: list[Deaths], below: int, wrong: list[str]) -> None:
    """Read everything and say how far it is."""
    try:
        state = check_invariants(folder.root)
    except AssertionError as error:
        wrong.append(f"kill {len(deaths)}: {error}")
        return
    waiting = len(state.unfinished) + len(state.lost)
    print(
        f"{len(deaths)} kills, {below} processes died with them: {len(state.started)} episodes started, "
        f"{len(state.episodes)} counted, {waiting} to be replayed, {len(state.ideas) - 1} ideas; {len(wrong)} wrong\n"
        f"  could act after 1 s: {sum(d.harmless_s > DEAD_S for d in deaths)} kills; not ended after 1 s: "
        f"{sum(d.ended_s > DEAD_S for d in deaths)}; nobody could act after {spread([d.harmless_s for d in deaths])}, "
        f"everybody had ended after {spread([d.ended_s for d in deaths])}; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def spread(times: list[float]) -> str:
    """Median, 99 % quantile and longest of some times."""
    ordered = sorted(times)
    return " / ".join(f"{ordered[int(q * (len(ordered) - 1))]:.2f}" for q in (0.5, 0.99, 1.0)) + " s"


if __name__ == "__main__":
    main()
