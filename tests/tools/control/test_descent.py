import pytest

from enpire.simulation.profile import Profile
from enpire.tools.control import contact, descent
from tests.tools.control.rig import PERIOD_S, SAGGING, Rig, target
from tests.tools.robot import left


def run(rig, reading, **options):
    state = descent.start(left(), rig.sent[:6], reading.q, reading.effort)
    for _ in range(2000):
        state, q = descent.step(state, left(), reading.q, reading.effort, PERIOD_S, **options)
        reading = rig.go(q)
        if state.outcome != "descending":
            break
    return state, reading


@pytest.mark.parametrize("profile", [Profile(), SAGGING], ids=["nominal", "sagging"])
@pytest.mark.parametrize("place", [(0.33, 0.2), (0.4, 0.35), (0.25, 0.12)])
def test_it_stops_at_the_table_with_about_the_force_asked_for(profile, place):
    rig = Rig(profile)
    state, _ = run(rig, rig.travel(target(*place, 0.06)), depth_m=0.1, force_n=4.0)
    assert state.outcome == "contact"
    assert state.depth_m == pytest.approx(0.06 - 0.0097, abs=0.008)
    assert rig.tool()[2] == pytest.approx(0.0097, abs=0.001)
    assert 2.5 < rig.table_force() < 7.0


def test_in_free_air_it_goes_all_the_way():
    rig = Rig(SAGGING)
    state, reading = run(rig, rig.travel(target(0.33, 0.2, 0.15)), depth_m=0.08, force_n=4.0)
    assert state.outcome == "bottom"
    assert rig.tool()[2] == pytest.approx(0.07, abs=0.006)
    assert abs(contact.force(left(), reading.q, reading.effort, state.bias)[2]) < 3.0


def test_contact_that_comes_too_early_is_a_miss():
    rig = Rig()
    state, _ = run(rig, rig.travel(target(0.33, 0.2, 0.06)), depth_m=0.1, least_m=0.08)
    assert state.outcome == "missed"


def test_it_holds_after_the_end():
    rig = Rig()
    state, reading = run(rig, rig.travel(target(0.33, 0.2, 0.05)), depth_m=0.1)
    same, q = descent.step(state, left(), reading.q, reading.effort, PERIOD_S, depth_m=0.1)
    assert same is state
    assert q is state.move.q_command
