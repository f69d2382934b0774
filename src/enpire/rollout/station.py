"""A station: the process in which episodes of one task happen. Started by the fleet, one per robot."""

import argparse
import json
import select
import signal
import socket
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enpire.core.clock import SystemClock
from enpire.core.errors import EnpireError
from enpire.core.files import sha256
from enpire.core.line import Line
from enpire.core.records import Episode, Ticket
from enpire.environment.contract import Task, equipment
from enpire.rollout.messages import Broken, Film, Filmed, Finished, Order, Ready, Report, Run
from enpire.rollout.recorder import ARRAYS, pack, seal, write_episode
from enpire.rollout.replay import film
from enpire.rollout.trial import Outcome, Trace, run_trial
from enpire.rollout.worker.pool import Worker, WorkerPool
from enpire.tasks import open_task

LOOKAHEAD = 2
"""Policies kept ready: the one that plays and the one that loads meanwhile."""


class Station:
    """Runs tickets one after the other; the next policy loads and the last record is written meanwhile.

    Args:
        name: Station name in the ledger.
        root: Campaign folder.
        task: The scene and its judge.
        pool: Policy workers.
        line: Connection to the supervisor.
    """

    def __init__(self, name: str, root: Path, task: Task, pool: WorkerPool, line: Line) -> None:
        self._name, self._root, self._task, self._pool, self._line = name, root, task, pool, line
        self._clock = SystemClock()
        self._orders: deque[Order] = deque()
        self._prepared: dict[int, Worker] = {}
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recorder")
        self._send_lock = threading.Lock()

    def serve(self) -> None:
        """Work until the supervisor hangs up."""
        self._send(Ready(self._task.spec, self._pool.level))
        while self._listen():
            order = self._orders[0]
            self._prepare()
            if isinstance(order, Film):
                self._film(order.episode)
            else:
                self._run(order.ticket)
            self._orders.popleft()
        self._writer.shutdown()

    def _listen(self) -> bool:
        while True:
            ready = self._line.pending or select.select([self._line], [], [], 0 if self._orders else None)[0]
            if not ready:
                return True
            order = self._line.receive(Run | Film)  # type: ignore[arg-type]
            if order is None:
                return False
            self._orders.append(order)

    def _prepare(self) -> None:
        """Fork the next policies, so that they load while this episode runs."""
        for order in list(self._orders)[:LOOKAHEAD]:
            if isinstance(order, Run) and order.ticket.id not in self._prepared:
                folder = self._root / "candidates" / order.ticket.candidate
                self._prepared[order.ticket.id] = self._pool.prepare(folder, self._task.spec)

    def _run(self, ticket: Ticket) -> None:
        worker = self._prepared.pop(ticket.id)
        started_s = self._clock.now()
        outcome, trace = run_trial(self._task, worker, ticket.seed, self._clock, ticket.tries)
        duration_s = self._clock.now() - started_s
        self._writer.submit(self._record, ticket, worker, outcome, trace, duration_s)

    def _record(self, ticket: Ticket, worker: Worker, outcome: Outcome, trace: Trace, duration_s: float) -> None:
        report = worker.finish()
        log_tail = report.log_tail if outcome.result != "success" else ""
        if outcome.detail and outcome.result == "invalid":
            log_tail = outcome.detail
        try:
            arrays = pack(trace.arrays())
            episode = Episode(
                ticket=ticket.id,
                candidate=ticket.candidate,
                seed=ticket.seed,
                purpose=ticket.purpose,
                study=ticket.study,
                station=self._name,
                result=outcome.result,
                reason=outcome.reason,
                progress=round(outcome.verdict.progress, 6),
                steps=trace.steps,
                missed=trace.missed,
                duration_s=round(duration_s, 4),
                policy_cpu_s=round(report.cpu_s, 4),
                latency_ms=_latency(trace.latency_s),
                confinement=self._pool.level,
                manifest=self._task.spec.manifest,
                artefacts={ARRAYS: sha256(arrays)},
                folder=f"episodes/{ticket.id:07d}",
                evidence=outcome.verdict.evidence,
                log_tail=log_tail,
                robot_s=round(trace.robot_s, 4),
                reset_s=round(trace.reset_s, 4),
                assists=trace.assists,
            )
            if trace.sealed:
                seal(self._root, episode, trace.sealed)
            write_episode(self._root / episode.folder, episode, arrays)
            self._send(Finished(episode))
        except OSError as error:
            self._send(Broken(f"cannot write episode {ticket.id}: {error.strerror}"))

    def _film(self, episode: Episode) -> None:
        try:
            file, digest = film(self._task, self._root, episode)
            self._send(Filmed(episode.ticket, file, digest))
        except EnpireError as error:
            self._send(Filmed(episode.ticket, reason=str(error)))

    def _send(self, report: Report) -> None:
        with self._send_lock:
            try:
                self._line.send(report)
            except OSError:
                sys.exit(0)  # the supervisor is gone; what it did not hear of will be replayed


def _latency(seconds: list[float]) -> tuple[float, float, float]:
    if not seconds:
        return (0.0, 0.0, 0.0)
    milliseconds: NDArray[Any] = np.asarray(seconds) * 1e3
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return (round(float(p50), 3), round(float(p99), 3), round(float(milliseconds.max()), 3))


def main() -> None:
    """Entry point of the station process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--task", required=True)
    parser.add_argument("--options", default="{}")
    parser.add_argument("--declaration", type=Path)
    parser.add_argument("--isolation", default="auto")
    parser.add_argument("--descriptor", type=int, required=True)
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = Line(socket.socket(fileno=arguments.descriptor))
    try:
        task = open_task(arguments.task, options=json.loads(arguments.options), declaration=arguments.declaration)
        equipped = equipment(task)
        if equipped is not None:
            equipped.settle_in(arguments.name, arguments.root / "stations")
        try:
            with WorkerPool(arguments.root / "candidates", level=arguments.isolation) as pool:
                Station(arguments.name, arguments.root, task, pool, line).serve()
        finally:
            task.close()
    except EnpireError as error:
        line.send(Broken(str(error)))


if __name__ == "__main__":
    main()
