"""The fleet: starts station processes, hands them orders, hears their reports, replaces those that break."""

import json
import queue
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import NamedTuple

from enpire.core.config import CampaignConfig
from enpire.core.line import Line
from enpire.core.process import die_with_us
from enpire.core.records import Episode
from enpire.ledger.folder import Folder
from enpire.rollout.messages import Broken, Film, Filmed, Finished, Order, Ready, Report, Run

DEPTH = 2
"""Orders a station holds: the one it runs and the one whose policy loads meanwhile."""
RESTARTS = 3
"""Times a station is started again before it stays down."""
INVALID_IN_A_ROW = 5
"""Invalid episodes in a row after which a station is started again."""


class StationReport(NamedTuple):
    """A report and who made it; None means the station process ended."""

    station: str
    report: Report | None


@dataclass
class _Member:
    name: str
    process: subprocess.Popen[bytes]
    line: Line
    ready: bool = False
    ending: bool = False
    orders: list[Order] = field(default_factory=list)
    restarts: int = 0
    broken: str = ""
    invalid: int = 0


class Fleet:
    """All stations of a campaign. Use as a context manager, from the supervisor's main thread only.

    The main thread matters: a station is told by the kernel to die when the thread that started it ends.

    Args:
        folder: Campaign folder.
        config: Campaign settings.
        inbox: Where reports arrive.
    """

    def __init__(self, folder: Folder, config: CampaignConfig, inbox: "queue.SimpleQueue[StationReport]") -> None:
        self._folder, self._config, self._inbox = folder, config, inbox
        self._members: dict[str, _Member] = {}
        self._down: dict[str, str] = {}

    def __enter__(self) -> "Fleet":
        for number in range(1, self._config.stations + 1):
            self._start(f"station-{number}", restarts=0)
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members.values():
            member.process.kill()
        for member in self._members.values():
            member.process.wait()
        self._members.clear()

    def _start(self, name: str, restarts: int) -> None:
        ours, theirs = socket.socketpair()
        config = self._config
        command = [sys.executable, "-m", "enpire.rollout.station", "--name", name, "--root", str(self._folder.root)]
        command += ["--task", config.task, "--options", json.dumps(config.options), "--isolation", config.isolation]
        command += ["--descriptor", str(theirs.fileno())]
        if config.declaration:
            command += ["--declaration", config.declaration]
        log = (self._folder.root / f"{name}.log").open("ab")
        with theirs, log:
            process = subprocess.Popen(
                command,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_us(),
            )
        member = _Member(name, process, Line(ours), restarts=restarts)
        self._members[name] = member
        threading.Thread(target=self._listen, args=(member,), name=f"listen-{name}", daemon=True).start()

    def _listen(self, member: _Member) -> None:
        while (report := member.line.receive(Ready | Finished | Filmed | Broken)) is not None:  # type: ignore[arg-type]
            self._inbox.put(StationReport(member.name, report))
        self._inbox.put(StationReport(member.name, None))

    # ------------------------------------------------------------------ orders

    def free(self) -> list[str]:
        """Stations that can take an order, the idlest first."""
        ready = [m for m in self._members.values() if m.ready and not m.ending and len(m.orders) < DEPTH]
        return [m.name for m in sorted(ready, key=lambda m: len(m.orders))]

    def order(self, station: str, order: Order) -> None:
        """Hand an order to a station; a dead station is noticed through its end-of-line report."""
        member = self._members[station]
        member.orders.append(order)
        try:
            member.line.send(order)
        except OSError:
            member.ending = True

    @property
    def alive(self) -> int:
        """Stations that run or are starting."""
        return len(self._members)

    @property
    def busy(self) -> int:
        """Orders that are out."""
        return sum(len(m.orders) for m in self._members.values())

    @property
    def down(self) -> dict[str, str]:
        """Stations given up, with the reason."""
        return self._down

    # ------------------------------------------------------------------ reports

    def hear(self, message: StationReport) -> list[Order]:
        """Bookkeeping for one report.

        Returns:
            Orders lost because the station ended; empty otherwise.
        """
        member = self._members.get(message.station)
        if member is None:
            return []
        match message.report:
            case Ready():
                member.ready = True
            case Finished(episode):
                member.orders = [o for o in member.orders if not (isinstance(o, Run) and o.ticket.id == episode.ticket)]
                if episode.result == "invalid":
                    self._distrust(member, episode)
                else:
                    member.invalid = member.restarts = 0
            case Filmed(ticket=ticket):
                member.orders = [o for o in member.orders if not (isinstance(o, Film) and o.episode.ticket == ticket)]
            case Broken(reason):
                member.broken = reason
                self._end(member)
            case None:
                return self._replace(member)
        return []

    def _replace(self, member: _Member) -> list[Order]:
        member.process.kill()
        code = member.process.wait()
        del self._members[member.name]
        if member.restarts < RESTARTS and not (member.broken and not member.ready):
            self._start(member.name, member.restarts + 1)
        else:
            self._down[member.name] = member.broken or f"ended {member.restarts + 1} times (last status {code})"
        return member.orders

    def _distrust(self, member: _Member, episode: Episode) -> None:
        member.invalid += 1
        if member.invalid >= INVALID_IN_A_ROW:
            member.broken = f"{member.invalid} invalid episodes in a row: {episode.log_tail or episode.reason}"
            self._end(member)

    def _end(self, member: _Member) -> None:
        """Make a station end; its end-of-line report follows, and with it what it held goes to another."""
        member.ending = True
        member.process.kill()
