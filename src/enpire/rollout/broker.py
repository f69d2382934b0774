"""The broker: what a free station does next. There is always something useful, so robots do not wait."""

import math
import random
from collections import Counter

from enpire.core import seeds
from enpire.core.config import Objective
from enpire.core.records import MOST_TRIES, Purpose, Ticket
from enpire.ledger.state import State, Study
from enpire.statistics.one_sample import log_e_value
from enpire.statistics.race import RaceRule, Sample, next_arm

FILLER_EPISODES = 400
"""Fresh episodes of a champion after which filler work stops."""
PROMISING_EPISODES = 30
"""Fresh episodes up to which a champion that may meet the target gets every other ticket of the search."""
CLAIM_ALONE = 100
"""Episodes of a claim after which it leaves every other ticket to the search: the rate is close to the one claimed."""
_SEED_CLASS: dict[str, seeds.SeedClass] = {"race": "search", "confirm": "confirm", "claim": "claim", "filler": "search"}


def samples(state: State, study: Study, objective: Objective) -> dict[str, Sample]:
    """Utilities of every arm of a race so far."""
    assert state.spec is not None
    horizon = state.spec.max_steps
    return {a: Sample.of([objective.utility(x, horizon) for x in study.of(a)]) for a in study.opened.arms}


def incumbent_sample(state: State, objective: Objective) -> Sample:
    """Utilities of the champion on fresh episodes: what races compare with."""
    assert state.spec is not None
    horizon = state.spec.max_steps
    return Sample.of([objective.utility(x, horizon) for x in state.fresh(state.champion.commit)])


class Broker:
    """Turns the state of the campaign into tickets.

    Priority: what a crash left unfinished, claims, confirmations, a new champion, races with their concurrent control,
    filler. A long claim, and a champion that may meet the target, take turns with the races. Among races the one that
    has used the least station time comes first, so a slow policy does not hold up quick ones.

    Args:
        state: The fold of the ledger; read only.
        key: Campaign key, for seeds.
        rule: How races spend episodes.
        objective: What races compare.
        rng: For sampling arms.
    """

    def __init__(self, state: State, key: bytes, rule: RaceRule, objective: Objective, rng: random.Random) -> None:
        self._state, self._key, self._rule, self._objective, self._rng = state, key, rule, objective, rng

    def next(self) -> Ticket | None:
        """The next ticket, planned or new; None when nothing useful is left to do."""
        proof = self.next_proof()
        if proof is not None and not (self._shares(proof) and self._rng.random() < 0.5):
            return proof
        return self._search() or proof

    def next_proof(self) -> Ticket | None:
        """The next ticket that must run even after the search: of a lost episode, a claim, a confirmation."""
        proofs = [ticket for ticket in self._state.waiting.values() if ticket.purpose in ("claim", "confirm")]
        if due := self._state.lost or proofs:
            return due[0]
        for study in self._state.open_studies("claim"):
            arm = study.opened.arms[0]
            if ticket := self._again(study, arm, "claim"):
                return ticket
            if not _proven(study):
                return self._ticket(study, arm, "claim")
        for study in self._state.open_studies("confirm"):
            return self._ticket(study, self._scarcer(study), "confirm")
        return None

    def _shares(self, proof: Ticket) -> bool:
        """Whether a ticket is a new one of a claim that has lasted while races are open."""
        if proof.purpose != "claim" or proof.id in self._state.tickets or not self._state.open_studies("race"):
            return False
        return len(self._state.studies[proof.study].episodes) >= CLAIM_ALONE

    def _search(self) -> Ticket | None:
        if self._state.waiting:
            return next(iter(self._state.waiting.values()))
        races = sorted(self._state.open_studies("race"), key=_station_time_s)
        if races and self._champion_first():
            return self._filler()
        for study in races:
            if (ticket := self._race(study)) is not None:
                return ticket
        return self._filler()

    def _champion_first(self) -> bool:
        """Whether the champion is due: nothing is decided before it was measured, and no claim before it did well."""
        assert self._state.config is not None
        champion = self._state.champion.commit
        fresh = self._state.fresh(champion)
        flying = sum(ticket.candidate == champion for ticket in self._state.unfinished)
        if len(fresh) + flying < self._rule.minimum:
            return True
        promising = sum(x.success for x in fresh) >= self._state.config.target * len(fresh)
        return promising and len(fresh) < PROMISING_EPISODES and self._rng.random() < 0.5

    def _scarcer(self, study: Study) -> str:
        arms = [arm for arm in (*study.opened.arms, study.opened.incumbent) if arm]
        return min(arms, key=lambda arm: len(study.of(arm)) + _flying(study, arm))

    def _race(self, study: Study) -> Ticket | None:
        arms = samples(self._state, study, self._objective)
        champion = self._state.champion.commit
        young = [a for a in arms if arms[a].n + _flying(study, a) < self._rule.minimum]
        if young:
            arm: str | None = min(young, key=lambda a: arms[a].n + _flying(study, a))
        elif any(arms[a].n < self._rule.minimum for a in arms):
            arm = None  # the last opening episodes are still in flight; the control uses the time
        else:
            arm = next_arm(arms, incumbent_sample(self._state, self._objective), self._rule, self._rng)
        if arm is None:
            return self._ticket(study, champion, "control")
        if arms[arm].n + _flying(study, arm) >= self._rule.cap:
            return None
        return self._ticket(study, arm, "race")

    def _filler(self) -> Ticket | None:
        champion = self._state.champion.commit
        if len(self._state.fresh(champion)) >= FILLER_EPISODES:
            return None
        return self._new(champion, self._seed("filler"), "filler", "filler")

    def _ticket(self, study: Study, candidate: str, purpose: Purpose) -> Ticket:
        """Ticket on the first start state of this study that the candidate has not met.

        All arms of a race meet the same start states in the same order. Arms of a confirmation do not share them:
        its test wants independent streams.
        """
        tickets = study.tickets
        if study.opened.kind == "confirm":
            tickets = [t for t in tickets if t.candidate == candidate]
        met = {t.seed for t in tickets if t.candidate == candidate}
        if again := self._again(study, candidate, purpose):
            return again
        for seed in dict.fromkeys(t.seed for t in tickets):
            if seed not in met:
                return self._new(candidate, seed, purpose, study.name)
        return self._new(candidate, self._seed(study.opened.kind), purpose, study.name)

    def _again(self, study: Study, candidate: str, purpose: Purpose) -> Ticket | None:
        """Ticket on a start state on which the candidate's episodes were invalid; None if none is owed."""
        met = Counter(t.seed for t in study.tickets if t.candidate == candidate)
        for seed, failed in study.broken(candidate).items():
            if met[seed] == failed < MOST_TRIES:
                return self._new(candidate, seed, purpose, study.name, tries=failed)
        return None

    def _seed(self, kind: str) -> int:
        """A start state nobody has met: the next of its class."""
        seed_class = _SEED_CLASS[kind]
        return seeds.seed(self._key, seed_class, len(self._state.seeds_met.get(seed_class, ())))

    def _new(self, candidate: str, seed: int, purpose: Purpose, study: str, tries: int = 0) -> Ticket:
        number = max(self._state.tickets, default=0) + 1
        return Ticket(id=number, candidate=candidate, seed=seed, purpose=purpose, study=study, tries=tries)


def _proven(study: Study) -> bool:
    """Whether a claim needs no further episode unless one that is in flight speaks against it."""
    outcomes = [x.success for x in study.of(study.opened.arms[0])]
    successes = sum(outcomes)
    return log_e_value(successes, len(outcomes) - successes, study.opened.judged_p0) >= -math.log(study.opened.alpha)


def _station_time_s(study: Study) -> float:
    """Station time a race has used, its episodes in flight counted at the mean so far."""
    used_s = sum(x.duration_s for x in study.episodes)
    return used_s * (1.0 + len(study.in_flight) / max(len(study.episodes), 1))


def _flying(study: Study, candidate: str) -> int:
    return sum(ticket.candidate == candidate for ticket in study.in_flight.values())
