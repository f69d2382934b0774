"""kill -9 of a supervisor at a thousand random moments: counted = started, nothing twice, nothing acknowledged missing.

    python -m benchmarks.crash.kills --kills 1000 --out /tmp/kills

Each life is a fork of this process that opens the campaign and runs the loop, as `enpire resume` does, but without the
second that Python needs to import everything. It writes the number of every ledger row that it was told is durable into
shared memory; after the kill that row must be there.
"""

import argparse
import mmap
import os
import random
import signal
import struct
import sys
import time
from pathlib import Path

from tests.crash.invariants import check_invariants
from tests.crash.processes import Process, family, survivors

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
WORKING_S = 1.0
"""The others end within this time after the first of their episodes was counted."""
PATIENCE_S = 30.0
FULL_CHECK = 50
"""Kills between two readings of every record, hash and commit."""


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
    """What a process is, in a word."""
    try:
        words = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "gone"
    return next((Path(word).name for word in words if "enpire" in word or "bwrap" in word), Path(words[0]).name)


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
    folder, rng = Folder(arguments.out), random.Random(arguments.seed)
    task = open_task(CONFIG.task, options=CONFIG.options)
    create(folder, CONFIG, task.spec)
    promise = mmap.mmap(-1, 16)
    deadline, wrong, kills, below, told, late = time.monotonic() + 60.0 * arguments.minutes, [], 0, 0, 0, 0
    while kills < arguments.kills and time.monotonic() < deadline:
        if (child := os.fork()) == 0:
            live(folder, promise)
        wait(promise, rng, opening=kills % 3 > 0)
        everybody = family(child)
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        kills, below = kills + 1, below + len(everybody)
        if not os.WIFSIGNALED(status):
            wrong.append(f"kill {kills}: the supervisor had ended by itself")
        if left := survivors(everybody):
            late += 1
            print(f"kill {kills}: {len(left)} alive after 1 s: {', '.join(sorted(map(name, left)))}", flush=True)
            if left := survivors(left, within_s=9.0):
                wrong.append(f"kill {kills}: {len(left)} orphans after 10 s")
        acknowledged, _ = struct.unpack("=2q", promise[:16])
        if (there := rows(folder)) < acknowledged:
            wrong.append(f"kill {kills}: row {acknowledged} was acknowledged, {there} are there")
        if len(wrong) > told:
            print("\n".join(wrong[told:]), flush=True)
            told = len(wrong)
        if kills % FULL_CHECK == 0:
            report(folder, kills, below, wrong)
    report(folder, kills, below, wrong)
    print(f"somebody was still alive after 1 s in {late} of {kills} kills")
    print(f"{len(wrong)} wrong" if wrong else "nothing wrong")
    sys.exit(bool(wrong))


def report(folder: Folder, kills: int, below: int, wrong: list[str]) -> None:
    """Read everything and say how far it is."""
    try:
        state = check_invariants(folder.root)
    except AssertionError as error:
        wrong.append(f"kill {kills}: {error}")
        return
    waiting = len(state.unfinished) + len(state.lost)
    print(
        f"{kills} kills, {below} processes died with them: {len(state.started)} episodes started, "
        f"{len(state.episodes)} counted, {waiting} to be replayed, {len(state.ideas) - 1} ideas; {len(wrong)} wrong",
        flush=True,
    )


if __name__ == "__main__":
    main()
