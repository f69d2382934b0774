"""A campaign and everything its one supervisor owns: ledger, hub, fleet, researcher sessions."""

import logging
import os
import queue
import random
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from enpire.agents.team import team
from enpire.core.clock import Clock, SystemClock
from enpire.core.config import CampaignConfig
from enpire.core.errors import BadInput, EnpireError
from enpire.core.files import sync_directory, sync_tree, write_durably
from enpire.core.process import boot_id
from enpire.core.records import BASELINE, Idea, TaskSpec
from enpire.environment import freeze, verifier_card
from enpire.evolution import selection
from enpire.evolution.hub import Hub
from enpire.evolution.workspace import template
from enpire.ledger import events as e
from enpire.ledger.anchor import anchor_file
from enpire.ledger.folder import Folder, Lock
from enpire.ledger.log import Ledger
from enpire.ledger.state import State
from enpire.researchers.door import Door
from enpire.researchers.sessions import Researchers
from enpire.rollout.broker import Broker
from enpire.rollout.fleet import Fleet, StationReport
from enpire.rollout.messages import Broken, Film, Filmed, Finished, Ready, Run
from enpire.tasks import card_file, freeze_task

Observer = Callable[[State, e.Event], None]
FILM_TIMEOUT_S = 120.0
SAMPLE_VIDEOS = 3
"""Videos of successes and of failures that `--video sample` makes."""


def create(folder: Folder, config: CampaignConfig, spec: TaskSpec, clock: Clock | None = None) -> None:
    """Found a campaign: key, hub with the baseline, first ledger row.

    Raises:
        BadInput: The folder is taken or cannot be written.
    """
    frozen = freeze_task(
        config.task, options=config.options, declaration=Path(config.declaration) if config.declaration else None
    )
    team(config.agent, config.agents)  # an unknown agent fails here, before anything exists
    folder.create(config.seed)
    freeze.write(folder.root / freeze.FILE, frozen)
    if (card := card_file(config.task)) is not None:
        write_durably(folder.root / verifier_card.FILE, card.read_bytes())
    hub = Hub.create(folder.hub)
    hub.mend()
    message = f"Baseline for {spec.name}\n\nIdea: {BASELINE}\n"
    files = template(spec)
    commit = hub.branch("baseline")
    if commit is None or hub.files(commit) != files:  # else a founding that was cut short has made it
        commit = hub.commit(files, parents=(), message=message, branch="baseline")
    baseline = Idea.baseline(commit)
    _open_ledger(folder, e.CampaignOpened(config=config, spec=spec, baseline=baseline), clock or SystemClock())


def _open_ledger(folder: Folder, opened: e.CampaignOpened, clock: Clock) -> None:
    """Put a ledger with its first event in its place, by one rename: a ledger without an event is no campaign."""
    founding = folder.root / ".founding"
    if founding.exists():
        shutil.rmtree(founding)
    founding.mkdir()
    ledger = Ledger(founding / folder.ledger.name, key=folder.key(), clock=clock)
    ledger.append(opened)
    ledger.close()
    made = sorted(path.name for path in founding.iterdir())
    if made != sorted((folder.ledger.name, anchor_file(folder.ledger).name)):
        raise BadInput(f"cannot write the ledger {ledger.path}: it is not whole; free the disk and try again")
    sync_tree(founding)
    for path in (anchor_file(folder.ledger), folder.ledger):
        (founding / path.name).rename(path)
        sync_directory(folder.root)
    founding.rmdir()
    sync_directory(folder.root.parent)


class Campaign:
    """An opened campaign. Use as a context manager from the main thread: entering takes the lock and starts stations.

    Args:
        folder: Campaign folder made by `create`.
        observe: Called after every event with the state and the event.
        clock: Source of time.
        changes: Settings to change on resume (budgets, target), by field of `CampaignConfig`; None leaves one as it is.

    Raises:
        CampaignLocked: Another supervisor runs it.
        Damaged: The ledger does not match its hash chain.
    """

    def __init__(
        self,
        folder: Folder,
        observe: Observer = lambda state, event: None,
        clock: Clock | None = None,
        changes: Mapping[str, float | int | None] | None = None,
    ) -> None:
        self.folder = folder
        self.state = State()
        self.dead = ""
        """Why no station is left; empty while there is one."""
        self._changes = dict(changes or {})
        self._observe, self._clock = observe, clock or SystemClock()
        self._rules = selection.Rules()
        self._inbox: queue.SimpleQueue[StationReport] = queue.SimpleQueue()

    def __enter__(self) -> "Campaign":
        with ExitStack() as stack:
            self._open(stack)
            self._resources = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.__exit__(kind, error, trace)

    def _open(self, stack: ExitStack) -> None:
        key = self._key = self.folder.key()
        stack.enter_context(Lock(self.folder))
        self._ledger = stack.enter_context(closing(Ledger(self.folder.ledger, key=key, clock=self._clock)))
        self._ledger.check(key)
        for event in self._ledger.read():
            self.state.apply(event)
        self.config = config = self._settle_config()
        if self.state.stopped is not None and self.state.stopped.final:
            raise BadInput(
                f"this campaign has ended ({self.state.stopped.reason}); raise a budget or the "
                f"target to go on, or see `enpire report {self.folder.root}`"
            )
        self._append(e.SupervisorStarted(pid=os.getpid(), boot_id=boot_id()))
        for ticket in self.state.unfinished:
            self._append(e.EpisodeLost(ticket=ticket.id, reason="the supervisor died before the record"))
        self.hub = Hub(self.folder.hub)
        for mended in self.hub.mend():
            logging.getLogger(__name__).warning("hub: %s", mended)
        for commit in self._live_commits():
            self.hub.checkout(commit, self.folder.candidates / commit)
        rng = random.Random(None if config.seed is None else f"{config.seed}:{len(self.state.episodes)}")
        self._broker = Broker(self.state, key, self._rules.race, config.objective, rng)
        self._fleet = stack.enter_context(Fleet(self.folder, config, self._inbox))
        self._door = Door(self.folder, self.hub, self.state, self._append)
        researchers = Researchers(self.folder, config, self._door, self.state, self._append, self._clock, rng)
        self._researchers = stack.enter_context(researchers)

    def _settle_config(self) -> CampaignConfig:
        config = self.state.config
        if config is None:
            raise BadInput(f"{self.folder.root} holds no campaign: its ledger is empty; start one with `enpire run`")
        changed = replace(config, **{k: v for k, v in self._changes.items() if v is not None})  # type: ignore[arg-type]
        if changed != config:
            self._append(e.SettingsChanged(config=changed))
        return changed

    def _append(self, *bodies: e.EventBody) -> None:
        for event in self._ledger.append(*bodies) if bodies else ():
            self.state.apply(event)
            self._observe(self.state, event)

    def _live_commits(self) -> set[str]:
        commits = {ticket.candidate for ticket in self.state.waiting.values()} | {self.state.champion.commit}
        for study in self.state.studies.values():
            if study.closed is None:
                commits |= {commit for commit in (*study.opened.arms, study.opened.incumbent) if commit}
        return commits

    # ------------------------------------------------------------------ choose → refine → roll out → decide

    def choose(self) -> None:
        """Start a session for every researcher that has nothing under test."""
        self._researchers.start_sessions()

    def refine(self) -> None:
        """Turn what sessions hand in into ideas with candidates and races."""
        self._researchers.collect()

    def roll_out(self, searching: bool) -> None:
        """Give every free station a ticket; it counts as started before the station hears of it."""
        if free := self._fleet.free():
            for wanted in self._researchers.films(len(free)):
                self._fleet.order(free.pop(), Film(self.state.episodes[wanted]))
        while free := self._fleet.free():
            ticket = self._broker.next() if searching else self._broker.next_proof()
            if ticket is None or (self._spent() and ticket.id not in self.state.tickets):
                return
            started = e.EpisodeStarted(ticket=ticket.id, station=free[0])
            if ticket.id in self.state.tickets:
                self._append(started)
            else:
                self._append(e.TicketsPlanned(tickets=(ticket,)), started)
            self._fleet.order(free[0], Run(ticket))

    def decide(self, timeout_s: float) -> None:
        """Wait for station reports and settle everything that the evidence allows."""
        message = self._clock.receive(self._inbox, timeout_s)
        while message is not None:
            self._hear(message)
            message = self._clock.receive(self._inbox, 0.0)
        while decisions := selection.settle(self.state, self._rules):
            self._append(*decisions)
            self._door.publish(decisions, self._key)

    def finish(self) -> bool:
        """After the search: prove what can be proven. True when nothing is left to prove, running or lost."""
        self._researchers.close()
        if self.state.lost or self.state.unfinished:
            return False
        if not (self.state.open_studies("claim") or self.state.open_studies("confirm")):
            self._append(*selection.closing(self.state, self._rules))
        proving = self.state.open_studies("claim") or self.state.open_studies("confirm")
        return not proving or self._spent()

    def _spent(self) -> bool:
        config = self.config
        return (config.budget_episodes is not None and len(self.state.started) >= config.budget_episodes) or (
            config.budget_minutes is not None and self._ledger.elapsed_s >= config.budget_minutes * 60.0
        )

    def stop(self, reason: str, *, final: bool) -> None:
        """End the sessions, let running episodes finish, then write the last event."""
        self._researchers.close()
        deadline_s = self._clock.now() + 15.0
        while self._fleet.busy and not self.dead and self._clock.now() < deadline_s:
            self.decide(0.1)
        self._append(e.SupervisorStopped(reason=reason, final=final))

    @property
    def hopeless(self) -> str:
        """Why no researcher can work any more; empty while one can."""
        return self._researchers.hopeless

    # ------------------------------------------------------------------ reports from stations

    def _hear(self, message: StationReport) -> None:
        lost = self._fleet.hear(message)
        match message.report:
            case Ready(spec=spec, confinement=confinement):
                self._check_judge(spec.manifest)
                self._append(e.StationUp(station=message.station, confinement=confinement))
            case Finished(episode):
                self._check_judge(episode.manifest)
                self._append(e.EpisodeRecorded(episode=episode))
            case Filmed(ticket=ticket, file=file, sha256=digest) if file:
                self._append(e.VideoMade(ticket=ticket, file=file, sha256=digest))
            case Filmed(ticket=ticket, reason=reason):
                logging.getLogger(__name__).warning("no video of episode %d: %s", ticket, reason)
                self._researchers.not_filmed(ticket, reason)
            case Broken(reason):
                self._append(e.StationDown(station=message.station, reason=reason))
            case None:
                for order in lost:
                    if isinstance(order, Run) and order.ticket.id not in self.state.episodes:
                        self._append(e.EpisodeLost(ticket=order.ticket.id, reason="the station ended"))
        if self._fleet.alive == 0:
            self.dead = "; ".join(f"{name}: {reason}" for name, reason in self._fleet.down.items())

    def _check_judge(self, manifest: str) -> None:
        """A changed judge is a new epoch: nothing it measured may enter this ledger."""
        expected = self.state.spec
        assert expected is not None
        if manifest != expected.manifest:
            raise EnpireError(
                f"the judge of {expected.name} has changed since this campaign began (manifest {manifest[:12]}, was "
                f"{expected.manifest[:12]}): scores would not be comparable. What differs: {self._changed_judge()}. "
                "Restore it or start a new campaign"
            )

    def _changed_judge(self) -> str:
        config = self.config
        declaration = Path(config.declaration) if config.declaration else None
        now = freeze_task(config.task, options=config.options, declaration=declaration)
        return freeze.explain(self.folder.root / freeze.FILE, now)

    # ------------------------------------------------------------------ videos

    def film(self) -> None:
        """Render the videos the campaign wants, from recorded actions, on the stations."""
        wanted = [x for x in self._wanted_videos() if x not in self.state.videos]
        deadline_s = self._clock.now() + (FILM_TIMEOUT_S if self.config.video == "sample" else 1e9)
        while (wanted or self._fleet.busy) and not self.dead and self._clock.now() < deadline_s:
            for station in self._fleet.free():
                if wanted:
                    self._fleet.order(station, Film(self.state.episodes[wanted.pop(0)]))
            self.decide(0.1)

    def _wanted_videos(self) -> list[int]:
        episodes = [x for x in self.state.episodes.values() if x.result != "invalid"]
        if self.config.video == "none":
            return []
        if self.config.video == "all":
            return [x.ticket for x in episodes]
        best = selection.final_candidate(self.state)
        ours = [x for x in episodes if x.candidate == best]
        baseline = [x for x in episodes if x.candidate == self.state.ideas[BASELINE].best]
        failures = [x for x in ours if not x.success][-SAMPLE_VIDEOS:]
        if len(failures) < SAMPLE_VIDEOS:
            others = [x for x in episodes if not x.success and x.progress > 0.5 and x not in failures]
            failures += others[len(failures) - SAMPLE_VIDEOS :]
        chosen = [x for x in ours if x.success][-SAMPLE_VIDEOS:] + failures + baseline[:1]
        return list(dict.fromkeys(x.ticket for x in chosen))
