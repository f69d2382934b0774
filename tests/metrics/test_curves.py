import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.ledger.events import StudyClosed
from enpire.ledger.state import State, fold
from enpire.metrics import tokens
from enpire.metrics.curves import champion, success_curve
from enpire.metrics.studies import claims, confirmations, weakest
from enpire.metrics.summary import summary
from tests.dashboard.scenario import Campaign, prefix

CAMPAIGN = Campaign().run()
WHOLE = fold(CAMPAIGN)


def test_the_scenario_holds_what_the_tests_need():
    assert [claim.state for claim in claims(WHOLE)] == ["abandoned", "certified"]
    assert len(WHOLE.crowns) >= 5
    assert any(not station.up for station in WHOLE.stations.values())
    assert Campaign().run() == CAMPAIGN


def test_curve_points_are_ordered_and_touch():
    points = success_curve(WHOLE)
    assert [point.idea for point in points] == [crown.idea for crown in WHOLE.crowns]
    assert all(one.until_s == other.at_s for one, other in pairwise(points))
    assert all(point.at_s <= point.until_s for point in points)
    assert points[-1].until_s == WHOLE.elapsed_s
    for point in points:
        assert point.played == sum(at_s <= point.at_s for at_s in WHOLE.recorded_s.values())
        assert 0 <= point.low <= (point.rate if point.rate is not None else 0.5) <= point.high <= 1


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1))
def test_a_prefix_never_disagrees_with_the_whole_about_the_past(share):
    past = prefix(CAMPAIGN, share * WHOLE.elapsed_s)
    if past.config is None:
        return
    before, after = success_curve(past), success_curve(WHOLE)
    for one, other in zip(before, after, strict=False):
        assert (one.at_s, one.idea, one.commit) == (other.at_s, other.idea, other.commit)
        assert (one.played, one.robot_s) == (other.played, other.robot_s)
        assert (one.selected_successes, one.selected_episodes) == (other.selected_successes, other.selected_episodes)
        assert one.successes <= other.successes and one.episodes <= other.episodes
    whole_claims = {claim.study: claim for claim in claims(WHOLE)}
    for claim in claims(past):
        final = whole_claims[claim.study]
        assert claim.successes <= final.successes and claim.episodes <= final.episodes
        assert claim.state in (final.state, "open")
        late = final.episodes - claim.episodes
        assert claim.state == "open" or late <= len(WHOLE.stations)
    assert {c.study for c in confirmations(past)} <= {c.study for c in confirmations(WHOLE)}


def test_claims_agree_with_what_the_ledger_decided():
    for event in CAMPAIGN:
        if isinstance(event.body, StudyClosed) and event.body.study.startswith("claim"):
            then = fold(CAMPAIGN[: event.seq])
            claim = next(claim for claim in claims(then) if claim.study == event.body.study)
            assert claim.certified == event.body.accepted == (claim.log_e >= claim.needed)
            assert claim.log_e == pytest.approx(event.body.log_e)
            assert claim.lower_bound == pytest.approx(event.body.lower_bound)
            assert sum(n for _, n in claim.stations.values()) == claim.episodes


def test_failures_in_flight_when_a_claim_is_settled_can_undo_it():
    closing = next(x.seq for x in CAMPAIGN if isinstance(x.body, StudyClosed) and x.body.study == "claim-2")
    state = fold(CAMPAIGN[:closing])
    study = state.studies["claim-2"]
    study.episodes.extend([x for x in study.episodes if x.result == "failure"])
    claim = claims(state)[-1]
    assert claim.state == "abandoned" and not claim.certified and "in flight" in claim.reason
    assert tokens.time_to_success_s(state) is None


def test_episodes_that_selected_the_champion_are_left_out_of_its_rate():
    report = champion(WHOLE)
    assert report.episodes == sum(
        x.candidate == report.commit and x.purpose != "race" and x.result != "invalid" for x in WHOLE.episodes.values()
    )
    claimed = [x for x in WHOLE.fresh(report.commit) if x.purpose == "claim"]
    assert report.lower_bound_episodes == len(claimed) > 0


def test_summary_is_json_and_says_what_the_state_says():
    facts = json.loads(json.dumps(summary(WHOLE)))
    assert facts["episodes"] == WHOLE.counts()
    assert facts["ideas"] == WHOLE.idea_counts()
    assert facts["champion"]["commit"] == WHOLE.champion.commit
    assert facts["champion"]["wilson"][0] < facts["champion"]["successes"] / facts["champion"]["episodes"]
    assert facts["mru"]["total"] == pytest.approx(sum(facts["mru"]["by_purpose"].values()))
    assert facts["stopped"] == "target" and facts["running"] is False
    assert [claim["certified"] for claim in facts["claims"]] == [False, True]
    assert facts["confinement"] == "namespaces"
    assert len(facts["stations"]) == 8


def test_summary_of_nothing_is_empty():
    assert summary(State()) == {}


def test_tokens_until_success():
    assert tokens.tokens_to_success(WHOLE) == WHOLE.tokens > 0
    assert tokens.time_to_success_s(WHOLE) == WHOLE.studies["claim-2"].closed_s
    assert tokens.mtu(WHOLE) == pytest.approx(WHOLE.tokens / (WHOLE.elapsed_s / 60))
    early = prefix(CAMPAIGN, 60.0)
    assert tokens.tokens_to_success(early) is None and tokens.time_to_success_s(early) is None
    assert tokens.mtu(State()) == 0.0


def test_e_bh_keeps_only_closed_confirmations():
    closed = {name for name, study in WHOLE.studies.items() if isinstance(study.closed, StudyClosed)}
    assert {x.study for x in confirmations(WHOLE) if x.discovery} <= closed


def test_the_weakest_isolation_wins():
    assert weakest({"namespaces", "lsm"}) == "lsm"
    assert weakest({"namespaces", "none"}) == "none"
    assert weakest({"namespaces", "unheard of"}) == "unheard of"
    assert weakest(set()) == ""
