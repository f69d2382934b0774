from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.core.records import Ticket
from enpire.ledger.state import Crown, State, StationLog
from enpire.metrics.utilisation import PURPOSES, between, disjoint, mru, timeline

times = st.floats(-50, 400, allow_nan=False)
spans = st.lists(st.tuples(times, times, st.sampled_from(PURPOSES)).map(lambda s: (min(s[:2]), max(s[:2]), s[2])))


def state_of(fleet: list[list[tuple[float, float, str]]], elapsed_s: float) -> State:
    stations = {f"station-{i}": StationLog(up=True, busy=list(busy)) for i, busy in enumerate(fleet)}
    return State(elapsed_s=elapsed_s, stations=stations, crowns=[Crown("0000", "b", 0.0)])


@given(st.lists(spans, max_size=4), st.floats(0, 300))
def test_every_share_is_in_range_and_the_parts_add_up(fleet, elapsed_s):
    use = mru(state_of(fleet, elapsed_s))
    assert 0 <= use.total <= 1
    assert all(0 <= share <= 1 for share in (*use.by_purpose.values(), *use.by_station.values()))
    assert abs(sum(use.by_purpose.values()) - use.total) < 1e-9
    if fleet:
        assert abs(sum(use.by_station.values()) / len(fleet) - use.total) < 1e-9


@given(st.lists(spans, min_size=1, max_size=3), st.floats(1, 300), st.integers(1, 30))
def test_the_mean_of_the_timeline_is_the_total(fleet, elapsed_s, bins):
    state = state_of(fleet, elapsed_s)
    mean = sum(sum(piece.values()) for piece in timeline(state, bins)) / bins
    assert abs(mean - mru(state).total) < 1e-6


@given(spans)
def test_disjoint_spans_do_not_overlap_and_stay_inside(found):
    cut = disjoint(sorted(found), 10.0, 200.0)
    assert all(10.0 <= start < end <= 200.0 for start, end, _ in cut)
    assert all(one[1] <= other[0] for one, other in pairwise(cut))


def test_one_of_two_stations_busy_half_of_the_time_is_a_quarter():
    use = mru(state_of([[(0.0, 50.0, "race")], []], 100.0))
    assert use.total == 0.25
    assert use.by_purpose["race"] == 0.25


def test_overlapping_episodes_count_once_and_belong_to_the_first():
    use = mru(state_of([[(0.0, 60.0, "race"), (40.0, 80.0, "claim")]], 100.0))
    assert use.total == 0.8
    assert (round(use.by_purpose["race"], 9), round(use.by_purpose["claim"], 9)) == (0.6, 0.2)


def test_a_running_episode_counts_up_to_now():
    state = state_of([[]], 100.0)
    state.tickets[1] = Ticket(id=1, candidate="c", seed=0, purpose="confirm", study="confirm-1")
    state.stations["station-0"].running[1] = 75.0
    assert mru(state).by_purpose["confirm"] == 0.25


@settings(max_examples=30)
@given(st.floats(1, 1e4), st.floats(1, 1e4))
def test_windows_of_a_campaign_weigh_up_to_the_whole(first, second):
    fleet = [[(i * 7.0, i * 7.0 + 5.0, "race") for i in range(200)]]
    state = state_of(fleet, first + second)
    parts = between(state, 0, first).total * first + between(state, first, first + second).total * second
    assert abs(parts - mru(state).total * (first + second)) < 1e-6
