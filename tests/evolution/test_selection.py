import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.core.config import Objective
from enpire.core.records import VerifierErrors
from enpire.evolution import selection
from enpire.ledger import events as e
from enpire.ledger.state import State
from enpire.rollout.broker import Broker
from enpire.statistics import one_sample, verifier
from tests.ledger.make import Tape, episode, idea, ticket

RULES = selection.Rules()


def settle(tape):
    made = []
    while found := selection.settle(tape.state, RULES):
        tape.add(*found)
        made += found
    return made


def race(tape, number, arms):
    tape.add(e.IdeaSubmitted(idea=idea(number, commits=arms)))
    tape.add(e.StudyOpened(study=f"race-{number:04d}", kind="race", idea=f"{number:04d}", arms=arms, incumbent="c0"))


@pytest.fixture
def tape():
    return Tape(State(), target=0.95)


def test_a_clear_winner_is_kept_and_crowned(tape):
    race(tape, 1, ("c1",))
    tape.play("race-0001", "c0", "control", [False] * 6)
    tape.play("race-0001", "c1", "race", [True] * 6)
    decided, crowned = settle(tape)[:2]
    assert (decided.verdict, decided.best) == ("kept", "c1")
    assert decided.evidence["c1"][:2] == (6, 6) and decided.evidence["incumbent"][:2] == (6, 0)
    assert (crowned.idea, crowned.commit) == ("0001", "c1") == (tape.state.champion.idea, tape.state.champion.commit)


def test_a_clear_loser_is_dropped(tape):
    race(tape, 1, ("c1",))
    tape.play("race-0001", "c0", "control", [True] * 8)
    tape.play("race-0001", "c1", "race", [False] * 8)
    assert settle(tape)[0].verdict == "dropped"
    assert tape.state.champion.commit == "c0"


def test_the_data_that_selected_a_champion_do_not_estimate_it(tape):
    race(tape, 1, ("c1",))
    tape.play("race-0001", "c0", "control", [False] * 6)
    tape.play("race-0001", "c1", "race", [True] * 6)
    settle(tape)
    assert tape.state.fresh("c1") == []
    tape.play("filler", "c1", "filler", [True, False])
    assert [x.success for x in tape.state.fresh("c1")] == [True, False]


def test_when_keeps_are_rare_a_winner_must_win_again(tape):
    for number in range(1, 21):
        race(tape, number, (f"x{number}",))
        tape.add(
            e.IdeaDecided(idea=f"{number:04d}", verdict="dropped", best="", probability=0.1, evidence={}, reason="")
        )
    race(tape, 21, ("c1",))
    tape.play("race-0021", "c0", "control", [False] * 6)
    tape.play("race-0021", "c1", "race", [True] * 6)
    closed, opened = settle(tape)
    assert isinstance(closed, e.StudyClosed) and opened.study == "confirm-0021"
    assert tape.state.champion.commit == "c0"
    tape.play("confirm-0021", "c1", "confirm", [True] * 30)
    closed, decided, crowned = settle(tape)[:3]
    assert closed.accepted and decided.verdict == "kept" and crowned.commit == "c1"


def test_a_lucky_winner_is_parked_by_its_confirmation(tape):
    for number in range(1, 21):
        race(tape, number, (f"x{number}",))
        tape.add(
            e.IdeaDecided(idea=f"{number:04d}", verdict="dropped", best="", probability=0.1, evidence={}, reason="")
        )
    race(tape, 21, ("c1",))
    tape.play("race-0021", "c0", "control", [True, False] * 5)
    tape.play("race-0021", "c1", "race", [True] * 8)
    settle(tape)
    tape.play("confirm-0021", "c1", "confirm", [False] * 12)
    closed, decided = settle(tape)[:2]
    assert not closed.accepted and decided.verdict == "parked" and tape.state.champion.commit == "c0"


def test_a_claim_opens_when_it_is_likely_and_closes_when_it_is_proven(tape):
    tape.play("filler", "c0", "filler", [True] * 16)
    assert settle(tape) == []
    tape.play("filler", "c0", "filler", [True] * 2)
    (opened,) = settle(tape)
    assert (opened.kind, opened.p0, opened.arms) == ("claim", 0.95, ("c0",))
    assert opened.alpha == pytest.approx(0.05 * 0.75)
    needed = 0
    while not (closed := settle(tape)):
        tape.play("claim-1", "c0", "claim", [True])
        needed += 1
    assert closed[0].accepted and closed[0].log_e >= -math.log(opened.alpha)
    assert closed[0].lower_bound >= 0.95 and 88 <= needed <= 100
    assert selection.certified(tape.state).name == "claim-1"
    assert settle(tape) == []


def test_a_hopeless_claim_is_given_up_and_the_next_one_costs_more(tape):
    tape.play("filler", "c0", "filler", [True] * 18)
    settle(tape)
    tape.play("claim-1", "c0", "claim", [True, False] * 4)
    closed = settle(tape)[0]
    assert not closed.accepted and "given up" in closed.reason
    race(tape, 1, ("c1",))
    tape.add(e.ChampionCrowned(idea="0001", commit="c1"))
    tape.play("filler", "c1", "filler", [True] * 18)
    (again,) = settle(tape)
    assert again.study == "claim-2" and again.alpha == pytest.approx(0.05 * 0.75 / 4)


@pytest.mark.parametrize(("fresh", "overtakes"), [(10, False), (30, True)])
def test_a_claim_yields_to_a_champion_that_is_better_and_worth_one(tape, fresh, overtakes):
    tape.play("filler", "c0", "filler", [True] * 18)
    (opened,) = settle(tape)
    tape.play(opened.study, "c0", "claim", ([True] * 19 + [False]) * 5)
    assert settle(tape) == []
    race(tape, 1, ("c1",))
    tape.add(e.ChampionCrowned(idea="0001", commit="c1"))
    assert settle(tape) == []
    tape.play("filler", "c1", "filler", [True] * fresh)
    found = settle(tape)
    if not overtakes:
        assert found == []
        return
    closed, again = found
    assert not closed.accepted and closed.reason == "given up: 95 of 100; idea 0001 is better"
    assert again.kind == "claim" and again.arms == ("c1",) and again.alpha < opened.alpha


def test_a_claim_that_waits_for_its_last_episode_does_not_yield(tape):
    tape.play("filler", "c0", "filler", [True] * 18)
    (opened,) = settle(tape)
    ticket = Broker(tape.state, b"k" * 32, RULES.race, Objective(), random.Random(0)).next_proof()
    tape.add(e.TicketsPlanned(tickets=(ticket,)), e.EpisodeStarted(ticket=ticket.id, station="s"))
    tape.play(opened.study, "c0", "claim", ([True] * 66 + [False]) * 6)
    race(tape, 1, ("c1",))
    tape.add(e.ChampionCrowned(idea="0001", commit="c1"))
    tape.play("filler", "c1", "filler", [True] * 300)
    assert settle(tape) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), max_size=60), st.floats(0.5, 0.99))
def test_a_claim_is_accepted_only_with_enough_evidence(outcomes, target):
    tape = Tape(State(), target=target)
    tape.add(e.StudyOpened(study="claim-1", kind="claim", idea="0000", arms=("c0",), p0=target, alpha=0.0375))
    for outcome in outcomes:
        tape.play("claim-1", "c0", "claim", [outcome])
        if closed := selection.settle(tape.state, RULES):
            assert closed[0].accepted == (closed[0].log_e >= -math.log(0.0375))
            break


def test_the_search_ends_with_a_proof_against_the_baseline(tape):
    race(tape, 1, ("c1",))
    tape.add(e.ChampionCrowned(idea="0001", commit="c1"))
    (opened,) = selection.closing(tape.state, RULES)
    assert (opened.study, opened.arms, opened.incumbent) == ("confirm-final-0001", ("c1",), "c0")
    tape.add(opened)
    for _ in range(30):
        tape.play("confirm-final-0001", "c0", "confirm", [False])
        tape.play("confirm-final-0001", "c1", "confirm", [True])
        if closed := settle(tape):
            break
    assert closed[0].accepted and closed[0].log_e >= math.log(20)
    assert [x.kind for x in selection.closing(tape.state, RULES)] == ["claim"]


def test_the_last_claim_is_as_high_as_the_evidence_allows(tape):
    race(tape, 1, ("c1",))
    tape.add(e.ChampionCrowned(idea="0001", commit="c1"))
    tape.play("filler", "c1", "filler", ([True] * 9 + [False]) * 4)
    tape.add(*selection.closing(tape.state, RULES))
    tape.add(e.StudyClosed(study="confirm-final-0001", accepted=True, reason="", log_e=3.0))
    (opened,) = selection.closing(tape.state, RULES)
    assert opened.kind == "claim" and 0.7 <= opened.p0 <= 0.9


def test_a_baseline_that_nothing_beat_is_not_claimed(tape):
    assert selection.closing(tape.state, RULES) == []


def test_a_claim_waits_for_its_episodes_in_flight(tape):
    tape.add(e.StudyOpened(study="claim-1", kind="claim", idea="0000", arms=("c0",), p0=0.95, alpha=0.0375))
    late = ticket(1, "c0", "claim", "claim-1")
    tape.add(e.TicketsPlanned(tickets=(late,)), e.EpisodeStarted(ticket=1, station="station-1"))
    tape.play("claim-1", "c0", "claim", [True] * 95)
    assert settle(tape) == []
    assert Broker(tape.state, b"k" * 32, RULES.race, Objective(), random.Random(0)).next_proof() is None
    tape.add(e.EpisodeRecorded(episode=episode(1, "c0", "claim", "claim-1")))
    assert settle(tape) == []  # the late one was a failure: more evidence is needed
    assert Broker(tape.state, b"k" * 32, RULES.race, Objective(), random.Random(0)).next_proof() is not None


def test_a_claim_waits_for_start_states_that_broke_and_are_played_again(tape):
    tape.add(e.StudyOpened(study="claim-1", kind="claim", idea="0000", arms=("c0",), p0=0.95, alpha=0.0375))
    first = ticket(1, "c0", "claim", "claim-1")
    tape.add(e.TicketsPlanned(tickets=(first,)), e.EpisodeStarted(ticket=1, station="station-1"))
    broken = replace(episode(1, "c0", "claim", "claim-1"), result="invalid", reason="environment")
    tape.add(e.EpisodeRecorded(episode=broken))
    tape.play("claim-1", "c0", "claim", [True] * 95)
    assert settle(tape) == []
    again = Broker(tape.state, b"k" * 32, RULES.race, Objective(), random.Random(0)).next_proof()
    assert (again.seed, again.tries) == (first.seed, 1)
    tape.add(e.TicketsPlanned(tickets=(again,)), e.EpisodeStarted(ticket=again.id, station="station-1"))
    assert settle(tape) == []
    won = replace(episode(again.id, "c0", "claim", "claim-1"), seed=again.seed, result="success", reason="")
    (closed, *_) = settle_after(tape, e.EpisodeRecorded(episode=won))
    assert closed.accepted


def settle_after(tape, event):
    tape.add(event)
    return settle(tape)


def test_settled_episodes_stop_at_the_first_ticket_in_flight(tape):
    tape.add(
        e.StudyOpened(study="confirm-final-0001", kind="confirm", idea="0000", arms=("c1",), incumbent="c0", alpha=0.05)
    )
    tape.play("confirm-final-0001", "c1", "confirm", [True] * 3)
    late = ticket(4, "c1", "confirm", "confirm-final-0001")
    tape.add(e.TicketsPlanned(tickets=(late,)), e.EpisodeStarted(ticket=4, station="station-1"))
    tape.play("confirm-final-0001", "c1", "confirm", [True] * 2)
    study = tape.state.studies["confirm-final-0001"]
    assert [x.ticket for x in study.settled("c1")] == [1, 2, 3] and len(study.of("c1")) == 5


def test_a_clear_leader_of_a_used_up_race_gets_fresh_episodes(tape):
    race(tape, 1, tuple(f"v{i}" for i in range(8)))
    tape.play("race-0001", "c0", "control", [True] * 42 + [False] * 3)
    for i in range(1, 8):
        tape.play("race-0001", f"v{i}", "race", [True, False, True])
    tape.play("race-0001", "v0", "race", [True] * 32)
    closed, opened = settle(tape)
    assert not closed.accepted and (opened.study, opened.arms) == ("confirm-0001", ("v0",))
    tape.play("confirm-0001", "v0", "confirm", [True] * 30)
    assert [type(x).__name__ for x in settle(tape)][:3] == ["StudyClosed", "IdeaDecided", "ChampionCrowned"]


@pytest.mark.parametrize("target", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_a_new_claim_is_not_given_up_before_it_has_episodes(target):
    tape = Tape(State(), target=target)
    tape.add(e.StudyOpened(study="claim-1", kind="claim", idea="0000", arms=("c0",), p0=target, alpha=0.0375))
    assert settle(tape) == []
    tape.play("claim-1", "c0", "claim", [False])
    assert settle(tape) == []


def test_claims_of_a_campaign_are_limited(tape):
    for number in range(1, 7):
        opened = e.StudyOpened(study=f"claim-{number}", kind="claim", idea="0000", arms=("c0",), p0=0.95, alpha=0.01)
        tape.add(opened, e.StudyClosed(study=opened.study, accepted=False, reason="", log_e=0.0))
    tape.play("filler", "c0", "filler", [True] * 60)
    assert settle(tape) == []


def judged_tape(false_positives, target=0.9):
    """A campaign on a task whose judge errs as its card says."""
    tape = Tape(State(), target=target)
    tape.state.spec = replace(tape.state.spec, verifier=VerifierErrors(false_positives=false_positives))
    return tape


def test_a_claim_behind_a_judge_that_errs_needs_a_higher_reported_rate():
    tape = judged_tape({"laid": (2, 100)})
    tape.play("filler", "c0", "filler", [True] * 18)
    (opened,) = settle(tape)
    bound = verifier.fp_upper(tape.state.spec.verifier, 0.005)
    assert bound > 0.08
    assert (opened.p0, opened.card_alpha) == (0.9, pytest.approx(0.005))
    assert opened.alpha == pytest.approx(0.045 * 0.75), "the card's share is not spent twice"
    assert opened.q0 == pytest.approx(0.9 + 0.1 * bound)
    needed = 0
    while not (closed := settle(tape)):
        tape.play("claim-1", "c0", "claim", [True])
        needed += 1
    assert needed == one_sample.episodes_needed(opened.q0, opened.alpha) > one_sample.episodes_needed(0.9, opened.alpha)
    assert closed[0].accepted and closed[0].lower_bound >= opened.q0
    assert selection.certified(tape.state).name == "claim-1", "what is certified is the true rate"


def test_a_rate_between_the_claim_and_what_the_judge_must_report_opens_no_claim():
    tape = judged_tape({"laid": (20, 50)})
    tape.play("filler", "c0", "filler", ([True] * 15 + [False]) * 4)
    assert settle(tape) == []
    perfect = judged_tape({"laid": (0, 500)})
    perfect.play("filler", "c0", "filler", ([True] * 15 + [False]) * 4)
    assert [x.kind for x in settle(perfect)] == ["claim"]


def test_a_card_that_excludes_nothing_refuses_the_claim_in_one_line():
    tape = judged_tape({"laid": (0, 2)})
    assert selection.not_claimable(tape.state, 0.9) == "", "3000 successes in a row would still do"
    tape = judged_tape({})
    tape.play("filler", "c0", "filler", [True] * 40)
    assert settle(tape) == []
    why = selection.not_claimable(tape.state, 0.9)
    assert "0 of 0 true failures" in why and "a card with 2 of them (2 more)" in why
