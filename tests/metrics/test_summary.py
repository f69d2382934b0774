"""How many episodes did not count, per class of start states and per candidate."""

import pytest

from enpire.core import seeds
from enpire.ledger import events as e
from enpire.ledger.state import State
from enpire.metrics.summary import by_candidate, by_stratum, summary, validity
from tests.ledger.make import Tape, episode

KEY = b"k" * 32


def played(number, kind, index, result, candidate="c0"):
    return episode(
        number,
        candidate,
        study="claim-1" if kind == "claim" else "race-0001",
        seed=seeds.seed(KEY, kind, index),
        result=result,
        reason={"success": "", "failure": "timeout", "invalid": "environment"}[result],
    )


EPISODES = [
    played(1, "search", 0, "success"),
    played(2, "search", 1, "invalid"),
    played(3, "search", 1, "failure"),
    played(4, "claim", 0, "invalid"),
    played(5, "claim", 0, "invalid"),
    played(6, "claim", 1, "success"),
    played(7, "search", 1, "invalid", "c1"),
]


def test_a_start_state_is_left_out_until_an_episode_from_it_counts():
    assert validity(EPISODES[:2])["left_out"] == 1
    assert validity(EPISODES[:3])["left_out"] == 0


def test_rates_per_stratum():
    search, claim = (by_stratum(EPISODES)[name] for name in ("search", "claim"))
    assert (search["episodes"], search["invalid"], search["rate"]) == (4, 2, 0.5)
    assert (search["start_states"], search["left_out"]) == (3, 1)
    assert (claim["episodes"], claim["invalid"], claim["rate"]) == (3, 2, pytest.approx(2 / 3))
    assert (claim["start_states"], claim["left_out"]) == (2, 1)


def test_the_candidates_add_up_to_the_campaign():
    whole, candidates = by_stratum(EPISODES), by_candidate(EPISODES)
    assert set(candidates) == {"c0", "c1"} and "claim" not in candidates["c1"]
    for name, row in whole.items():
        for count in ("episodes", "invalid", "start_states", "left_out"):
            assert row[count] == sum(strata[name][count] for strata in candidates.values() if name in strata)


def test_nothing_played_is_no_rate():
    assert validity([])["rate"] == 0.0 and by_stratum([]) == {} and by_candidate([]) == {}


def test_the_summary_publishes_them():
    tape = Tape(State())
    tape.add(e.StudyOpened(study="claim-1", kind="claim", idea="0000", arms=("c0",), p0=0.5, alpha=0.05))
    tape.add(*[e.EpisodeRecorded(episode=x) for x in EPISODES], e.LedgerAccepted(events=7, anchored=9))
    facts = summary(tape.state)
    assert facts["validity"] == by_stratum(EPISODES)
    assert facts["validity_by_candidate"] == by_candidate(EPISODES)
    assert facts["claims"][0]["validity"] == validity(EPISODES[3:6])
    assert facts["ledger"] == {
        "events": tape.seq,
        "accepted": [{"event": "LedgerAccepted", "events": 7, "anchored": 9}],
    }
