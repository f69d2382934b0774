import random
from collections import Counter

import pytest

from enpire.core.config import Objective
from enpire.core.records import MOST_TRIES
from enpire.core.seeds import class_of
from enpire.ledger import events as e
from enpire.ledger.state import State
from enpire.rollout.broker import CLAIM_ALONE, FILLER_EPISODES, Broker
from enpire.statistics.race import RaceRule
from tests.ledger.make import Tape, episode, idea


@pytest.fixture
def tape():
    return Tape(State())


def broker(tape):
    return Broker(tape.state, b"k" * 32, RaceRule(), Objective(), random.Random(0))


def race(tape, arms=("c1", "c2"), number=1):
    tape.add(e.IdeaSubmitted(idea=idea(number, commits=arms)))
    tape.add(e.StudyOpened(study=f"race-{number:04d}", kind="race", idea=f"{number:04d}", arms=arms, incumbent="c0"))


def run(tape, tickets, result="failure"):
    for ticket in tickets:
        tape.add(e.TicketsPlanned(tickets=(ticket,)), e.EpisodeStarted(ticket=ticket.id, station="station-1"))
        outcome = episode(ticket.id, ticket.candidate, ticket.purpose, ticket.study, seed=ticket.seed, result=result)
        tape.add(e.EpisodeRecorded(episode=outcome))


def test_idle_stations_measure_the_champion(tape):
    ticket = broker(tape).next()
    assert (ticket.candidate, ticket.purpose) == ("c0", "filler")
    tape.play("filler", "c0", "filler", [False] * FILLER_EPISODES)
    assert broker(tape).next() is None


def test_the_champion_and_then_every_arm_get_their_opening_episodes_first(tape):
    race(tape)
    for _ in range(3):
        run(tape, [broker(tape).next()])
    assert Counter(t.candidate for t in tape.state.tickets.values()) == {"c0": 3}
    for _ in range(6):
        run(tape, [broker(tape).next()])
    assert Counter(t.candidate for t in tape.state.tickets.values()) == {"c0": 3, "c1": 3, "c2": 3}


def test_a_new_champion_is_measured_before_the_races_go_on(tape):
    race(tape, ("c1",), 1)
    race(tape, ("c2",), 2)
    tape.play("filler", "c0", "filler", [False] * 8)
    tape.add(e.ChampionCrowned(idea="0001", commit="c1"))
    tickets = []
    for _ in range(3):
        tickets.append(broker(tape).next())
        tape.add(e.TicketsPlanned(tickets=(tickets[-1],)), e.EpisodeStarted(ticket=tickets[-1].id, station="s"))
    assert {(t.candidate, t.purpose) for t in tickets} == {("c1", "filler")}
    assert broker(tape).next().purpose == "race"


@pytest.mark.parametrize(("successes", "share"), [(8, 0.5), (4, 0.0)])
def test_a_champion_that_may_meet_the_target_takes_turns_with_the_races(tape, successes, share):
    race(tape)
    tape.play("filler", "c0", "filler", [True] * successes + [False] * (8 - successes))
    first = [
        Broker(tape.state, b"k" * 32, RaceRule(), Objective(), random.Random(n)).next().purpose for n in range(200)
    ]
    assert Counter(first)["filler"] / 200 == pytest.approx(share, abs=0.1)


def test_arms_of_a_race_meet_the_same_start_states(tape):
    race(tape)
    for _ in range(40):
        run(tape, [broker(tape).next()])
    met = {arm: [t.seed for t in tape.state.tickets.values() if t.candidate == arm] for arm in ("c0", "c1", "c2")}
    assert all(len(set(seeds)) == len(seeds) for seeds in met.values())
    shortest = min(met.values(), key=len)
    assert len(shortest) >= 3
    assert all(set(shortest) <= set(seeds) for seeds in met.values())


def test_in_flight_episodes_count_when_arms_are_chosen(tape):
    race(tape)
    tape.play("filler", "c0", "filler", [False] * 3)
    for _ in range(6):
        ticket = broker(tape).next()
        tape.add(e.TicketsPlanned(tickets=(ticket,)), e.EpisodeStarted(ticket=ticket.id, station="s"))
    assert Counter(t.candidate for t in tape.state.unfinished) == {"c1": 3, "c2": 3}
    assert broker(tape).next().purpose == "control"


def test_claims_come_first_and_use_fresh_claim_seeds(tape):
    race(tape)
    tape.add(e.StudyOpened(study="claim-1", kind="claim", idea="0000", arms=("c0",), p0=0.9, alpha=0.05))
    tickets = []
    for _ in range(20):
        tickets.append(broker(tape).next())
        run(tape, tickets[-1:])
    assert {t.purpose for t in tickets} == {"claim"}
    assert {class_of(t.seed) for t in tickets} == {"claim"}
    assert len({t.seed for t in tickets}) == 20


def test_a_long_claim_takes_turns_with_the_races(tape):
    race(tape)
    tape.add(e.StudyOpened(study="claim-1", kind="claim", idea="0000", arms=("c0",), p0=0.9, alpha=0.05))
    tape.play("claim-1", "c0", "claim", ([True] * 9 + [False]) * (CLAIM_ALONE // 10))
    tickets = []
    for n in range(100):
        tickets.append(Broker(tape.state, b"k" * 32, RaceRule(), Objective(), random.Random(n)).next())
    assert Counter(t.purpose for t in tickets)["claim"] == pytest.approx(50, abs=15)
    tape.add(e.IdeaDecided(idea="0001", verdict="dropped", best="c1", probability=0.1, evidence={}, reason=""))
    assert {broker(tape).next().purpose for _ in range(20)} == {"claim"}, "without races it has all of them"
    assert broker(tape).next_proof().purpose == "claim"


def test_a_confirmation_alternates_and_shares_no_start_states(tape):
    study = e.StudyOpened(study="confirm-final", kind="confirm", idea="0000", arms=("c1",), incumbent="c0", alpha=0.05)
    tape.add(study)
    for _ in range(10):
        run(tape, [broker(tape).next()])
    tickets = list(tape.state.tickets.values())
    assert Counter(t.candidate for t in tickets) == {"c0": 5, "c1": 5}
    assert len({t.seed for t in tickets}) == 10 and {class_of(t.seed) for t in tickets} == {"confirm"}


def test_invalid_start_states_are_replayed_a_few_times(tape):
    tape.add(e.StudyOpened(study="claim-1", kind="claim", idea="0000", arms=("c0",), p0=0.9, alpha=0.05))
    first = broker(tape).next()
    run(tape, [first], "invalid")
    for _ in range(MOST_TRIES - 1):
        again = broker(tape).next()
        assert again.seed == first.seed and again.id != first.id
        run(tape, [again], "invalid")
    assert broker(tape).next().seed != first.seed


def test_lost_tickets_come_back_with_the_same_seed(tape):
    race(tape)
    ticket = broker(tape).next()
    tape.add(e.TicketsPlanned(tickets=(ticket,)), e.EpisodeStarted(ticket=ticket.id, station="s"))
    assert tape.state.unfinished == [ticket]
    tape.add(e.EpisodeLost(ticket=ticket.id, reason="killed"))
    assert broker(tape).next() == ticket
    tape.add(e.EpisodeStarted(ticket=ticket.id, station="s"))
    assert broker(tape).next() != ticket


def test_after_the_search_only_proofs_are_run(tape):
    race(tape)
    assert broker(tape).next_proof() is None


def test_a_slow_race_does_not_hold_up_a_quick_one(tape):
    race(tape, ("slow",), 1)
    race(tape, ("quick",), 2)
    spent = {"slow": 0.0, "quick": 0.0}
    for _ in range(12):
        ticket = broker(tape).next()
        seconds = 8.0 if ticket.study == "race-0001" else 1.0
        spent["slow" if ticket.study == "race-0001" else "quick"] += seconds
        tape.add(e.TicketsPlanned(tickets=(ticket,)), e.EpisodeStarted(ticket=ticket.id, station="station-1"))
        done = episode(ticket.id, ticket.candidate, ticket.purpose, ticket.study, seed=ticket.seed, duration_s=seconds)
        tape.add(e.EpisodeRecorded(episode=done))
    assert abs(spent["slow"] - spent["quick"]) <= 8.0
