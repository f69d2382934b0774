"""A small campaign on virtual time, told as ledger events. Same seed, same events.

The true success rates are made up; every decision is taken from the simulated episodes by the package's own rules.
"""

import heapq
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from enpire.core.config import CampaignConfig
from enpire.core.records import Episode, Idea, Purpose, Ticket, Variant
from enpire.core.usage import ModelCall, Usage
from enpire.ledger import events as e
from enpire.ledger.state import State, Study, fold
from enpire.statistics import one_sample, two_sample
from tests.dashboard import toy_race
from tests.dashboard.toy_task import AGENTS, IDEAS, MANIFEST, SPEC

Job = tuple[str, Purpose, str]


@dataclass
class Campaign:
    """The simulated campaign; `run` returns its events."""

    seed: int = 27
    ideas: int = 40
    stations: int = 8
    lose_station: bool = True
    target: float = 0.9
    minutes: float = 240.0
    hypothesis: str | None = None
    now: float = 0.0
    log: list[e.Event] = field(default_factory=list)
    state: State = field(default_factory=State)
    rates: dict[str, float] = field(default_factory=dict)
    think: list[tuple[float, str]] = field(default_factory=list)
    finishing: list[tuple[float, int, str]] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    sessions: int = 0
    claims: int = 0
    confirms: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def run(self) -> list[e.Event]:
        """Play the whole campaign."""
        self._open()
        while not self._over():
            self._decide()
            self._dispatch()
            self._next()
        reason = (
            "target" if self._certified() else "budget_minutes" if self.now >= self.minutes * 60 else "budget_ideas"
        )
        self._add(e.SupervisorStopped(reason=reason, final=True))
        return self.log

    def _add(self, body: e.EventBody) -> None:
        event = e.Event(len(self.log) + 1, round(self.now, 6), "2026-01-01T00:00:00.000+00:00", body)
        self.log.append(event)
        self.state.apply(event)

    def _open(self) -> None:
        config = CampaignConfig(
            task=SPEC.name,
            agents=len(AGENTS),
            stations=self.stations,
            target=self.target,
            budget_minutes=self.minutes,
            budget_ideas=self.ideas,
        )
        base = Idea.baseline("b" * 40)
        self.rates[base.commit] = 0.34
        self._add(e.CampaignOpened(config=config, spec=SPEC, baseline=base))
        self._add(e.SupervisorStarted(pid=1, boot_id="boot"))
        for index in range(self.stations):
            self.now += 0.4
            self._add(e.StationUp(station=f"station-{index + 1}", confinement="namespaces"))
            self.idle.append(f"station-{index + 1}")
        for agent in AGENTS:
            self._start_session(agent)

    def _start_session(self, agent: str) -> None:
        self.sessions += 1
        self._add(e.SessionStarted(session=f"s{self.sessions:04d}-{agent}", agent=agent))
        heapq.heappush(self.think, (self.now + self.rng.uniform(100, 300), f"s{self.sessions:04d}-{agent}"))

    def _think(self, session: str, agent: str) -> None:
        tokens = self.rng.randrange(9000, 26000)
        for phase, share in (("propose", 0.9), ("wait", 0.1)):
            usage = Usage(
                input=round(tokens * share * 0.9),
                cached=round(tokens * share * 0.4),
                output=round(tokens * share * 0.1),
            )
            call = ModelCall(
                session=session,
                agent=agent,
                phase=phase,
                model="model-a",
                dialect="chat",
                status=200,
                usage=usage,
                latency_s=4.5,
            )
            self._add(e.ModelCalled(call=call))

    def _propose(self, session: str) -> None:
        agent = session.split("-")[1]
        self._think(session, agent)
        self._add(e.SessionEnded(session=session, agent=agent, outcome="ok"))
        number = len(self.state.ideas)
        if number <= self.ideas and not self._certified() and len(self.state.open_studies("race")) < 3:
            if self.rng.random() < 0.08:
                self._add(
                    e.IdeaRefused(agent=agent, hypothesis="Try it again.", kind="tune", reason="a copy of idea 0000")
                )
            else:
                self._submit(agent, number)
        self._start_session(agent)

    def _submit(self, agent: str, number: int) -> None:
        kind, hypothesis, gain = IDEAS[(number * 7) % len(IDEAS)]
        champion = self.state.champion
        own = [i for i, n in self.state.ideas.items() if n.idea.agent == agent and n.verdict == "kept"]
        parent = own[-1] if own and self.rng.random() < 0.25 else champion.idea
        kept = [i for i, n in self.state.ideas.items() if n.verdict == "kept" and i not in ("0000", parent)]
        inspired = (self.rng.choice(kept),) if kept and kind == "cross" else ()
        start = self.rates[self.state.ideas[parent].best]
        commits = [f"{number:04x}{index:x}".ljust(40, "0") for index in range(1, 1 + self.rng.choice((1, 2, 4)))]
        for commit in commits:
            room = 0.99 - start
            gained = 5 * gain * room * self.rng.uniform(0.0, 1.2) if gain > 0 else gain
            self.rates[commit] = min(0.985, max(0.05, start + gained + self.rng.gauss(-0.02, 0.12) * room))
        variants = tuple(Variant(commit=c, point={"speed.approach": 0.1 * i}) for i, c in enumerate(commits))
        idea = Idea(
            id=f"{number:04d}",
            agent=agent,
            hypothesis=self.hypothesis or hypothesis,
            kind=kind,
            parent=parent,
            inspired_by=inspired,
            predicted_effect=gain,
            commit=commits[0],
            variants=variants,
        )
        self._add(e.IdeaSubmitted(idea=idea))
        incumbent = self.state.champion.commit
        self._add(
            e.StudyOpened(study=f"race-{idea.id}", kind="race", idea=idea.id, arms=tuple(commits), incumbent=incumbent)
        )

    def _row(self, study: Study, commit: str) -> toy_race.Row:
        assert self.state.config and self.state.spec
        objective, steps = self.state.config.objective, self.state.spec.max_steps
        episodes = study.of(commit)
        total = sum(objective.utility(x, steps) for x in episodes)
        return len(episodes), sum(x.success for x in episodes), total / len(episodes) if episodes else 0.0

    def _decide(self) -> None:
        for study in self.state.open_studies("race"):
            arms = {arm: self._row(study, arm) for arm in study.opened.arms}
            rival = self._row(study, study.opened.incumbent)
            decision = toy_race.decide(arms, rival)
            if decision.verdict is not None:
                self._close_race(study, decision, {**arms, "incumbent": rival})
        for study in self.state.open_studies("claim"):
            self._judge_claim(study)
        for study in self.state.open_studies("confirm"):
            self._judge_confirmation(study)
        self._maybe_claim()

    def _close_race(self, study: Study, decision: toy_race.Decision, evidence: dict[str, toy_race.Row]) -> None:
        late = decision.verdict == "kept" and study.opened.incumbent != self.state.champion.commit
        verdict, best = "parked" if late else decision.verdict, decision.best
        reason = f"P(better than the champion) = {decision.probability:.2f}"
        self._add(
            e.IdeaDecided(
                idea=study.opened.idea,
                verdict=verdict,  # type: ignore[arg-type]
                best=best,
                probability=decision.probability,
                evidence=evidence,
                reason=reason + ("; the champion changed meanwhile" if late else ""),
            )
        )
        if verdict == "kept":
            old = self.state.champion.commit
            self._add(e.ChampionCrowned(idea=study.opened.idea, commit=best))
            if len(self.state.crowns) % 3 == 0:
                self.confirms += 1
                self._add(
                    e.StudyOpened(
                        study=f"confirm-{self.confirms}",
                        kind="confirm",
                        idea=study.opened.idea,
                        arms=(best,),
                        incumbent=old,
                        alpha=0.05,
                    )
                )

    def _judge_claim(self, study: Study) -> None:
        episodes = study.of(study.opened.arms[0])
        wins, alpha = sum(x.success for x in episodes), study.opened.alpha
        log_e = one_sample.log_e_value(wins, len(episodes) - wins, study.opened.p0)
        bound = one_sample.lower_bound(wins, len(episodes) - wins, alpha)
        accepted = log_e >= -one_sample.log(alpha)
        if accepted or log_e < -2.5:
            reason = "evidence reached the level" if accepted else "the target is out of reach"
            body = e.StudyClosed(study=study.name, accepted=accepted, reason=reason, log_e=log_e, lower_bound=bound)
            self._add(body)

    def _judge_confirmation(self, study: Study) -> None:
        ours = [x.success for x in study.of(study.opened.arms[0])]
        theirs = [x.success for x in study.of(study.opened.incumbent)]
        log_e = two_sample.log_e_value(theirs, ours)
        accepted = log_e >= -one_sample.log(study.opened.alpha)
        if accepted or min(len(ours), len(theirs)) >= 60:
            reason = "evidence reached the level" if accepted else "60 episodes each did not tell"
            self._add(e.StudyClosed(study=study.name, accepted=accepted, reason=reason, log_e=log_e))

    def _maybe_claim(self) -> None:
        champion = self.state.champion
        tried = any(s.opened.kind == "claim" and champion.commit in s.opened.arms for s in self.state.studies.values())
        fresh = self.state.fresh(champion.commit)
        good = len(fresh) >= 8 and sum(x.success for x in fresh) / len(fresh) >= self.target - 0.02
        if tried or not good or self.state.open_studies("claim"):
            return
        alpha = 0.05 * 0.75 * 0.25**self.claims
        self.claims += 1
        self._add(
            e.StudyOpened(
                study=f"claim-{self.claims}",
                kind="claim",
                idea=champion.idea,
                arms=(champion.commit,),
                p0=self.target,
                alpha=alpha,
            )
        )

    def _job(self) -> Job:
        for study in self.state.open_studies("claim"):
            if self.rng.random() < 0.7:
                return study.opened.arms[0], "claim", study.name
        for study in self.state.open_studies("confirm"):
            if self.rng.random() < 0.5:
                return self.rng.choice((study.opened.arms[0], study.opened.incumbent)), "confirm", study.name
        races = self.state.open_studies("race")
        if not races:
            return self.state.champion.commit, "filler", "backtest"
        study = self.rng.choice(races)
        arms = {arm: self._row(study, arm) for arm in study.opened.arms}
        arm = toy_race.next_arm(arms, self._row(study, study.opened.incumbent), self.rng)
        return (study.opened.incumbent, "control", study.name) if arm is None else (arm, "race", study.name)

    def _dispatch(self) -> None:
        while self.idle:
            station = self.idle.pop(0)
            candidate, purpose, study = self._job()
            ticket = Ticket(
                id=len(self.state.tickets) + 1,
                candidate=candidate,
                seed=len(self.state.tickets),
                purpose=purpose,
                study=study,
            )
            self._add(e.TicketsPlanned(tickets=(ticket,)))
            self._add(e.EpisodeStarted(ticket=ticket.id, station=station))
            heapq.heappush(self.finishing, (self.now + self.rng.uniform(18, 40), ticket.id, station))

    def _next(self) -> None:
        if self.think and self.think[0][0] <= self.finishing[0][0]:
            self.now, session = heapq.heappop(self.think)
            self._propose(session)
            return
        begun = self.now
        self.now, number, station = heapq.heappop(self.finishing)
        if self.lose_station and station == f"station-{self.stations}" and self.now > 2400:
            self._add(e.StationDown(station=station, reason="the environment process died three times"))
            self._add(e.EpisodeLost(ticket=number, reason="station lost"))
            return
        self._record(self.state.tickets[number], station, max(1.0, min(40.0, self.now - begun)))
        self.idle.append(station)

    def _record(self, ticket: Ticket, station: str, least_s: float) -> None:
        start = self.state.stations[station].running[ticket.id]
        success = self.rng.random() < self.rates[ticket.candidate]
        invalid = self.rng.random() < 0.01
        result = "invalid" if invalid else "success" if success else "failure"
        reason = "reset_failed" if invalid else "" if success else self.rng.choice(("timeout", "timeout", "terminated"))
        episode = Episode(
            ticket=ticket.id,
            candidate=ticket.candidate,
            seed=ticket.seed,
            purpose=ticket.purpose,
            study=ticket.study,
            station=station,
            result=result,
            reason=reason,  # type: ignore[arg-type]
            progress=1.0 if success else round(self.rng.uniform(0.1, 0.93), 4),
            steps=self.rng.randrange(90, 260) if success else 300,
            missed=0,
            duration_s=self.now - start - 0.05,
            policy_cpu_s=0.8,
            latency_ms=(0.4, 0.9, 2.0),
            confinement="namespaces",
            manifest=MANIFEST,
            artefacts={},
            folder=f"episodes/{ticket.id:07d}",
        )
        self._add(e.EpisodeRecorded(episode=episode))

    def _certified(self) -> bool:
        closed = [s.closed for s in self.state.studies.values() if s.opened.kind == "claim"]
        return any(isinstance(body, e.StudyClosed) and body.accepted for body in closed)

    def _over(self) -> bool:
        done = len(self.state.ideas) > self.ideas and not any(s.closed is None for s in self.state.studies.values())
        return self._certified() or done or self.now >= self.minutes * 60


def prefix(events: Iterable[e.Event], until_s: float) -> State:
    """State as it was at an elapsed time."""
    return fold(event for event in events if event.elapsed_s <= until_s)
