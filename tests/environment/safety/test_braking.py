"""The closed form against stepping through a stop tick by tick."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.environment.safety.braking import area, height, path, stop

STRONGEST = st.floats(0.3, 40)


@given(STRONGEST, st.floats(-1, 1), st.floats(-200, 200))
def test_a_stop_ends_at_rest_and_keeps_its_limits(strongest: float, share: float, velocity: float) -> None:
    acceleration = share * strongest
    plan = stop(velocity, acceleration, strongest, area(strongest))
    ways, place = path([plan])[:, 0], 0.0
    low, high = min(0.0, plan.travel) - plan.back, max(0.0, plan.travel) + plan.back
    for expected in ways:
        now = stop(velocity, acceleration, strongest, area(strongest))
        assert abs(now.first) <= strongest + 1e-9
        assert abs(now.first - acceleration) <= 1 + 1e-9
        acceleration = now.first
        velocity += acceleration
        place += velocity
        assert place == pytest.approx(expected, abs=1e-7)
        assert low - 1e-7 <= place <= high + 1e-7
    assert place == pytest.approx(plan.travel, abs=1e-7)
    assert velocity == pytest.approx(0.0, abs=1e-9) and abs(acceleration) <= 1 + 1e-9


@given(st.floats(0, 1000))
def test_height_is_the_inverse_of_area(tall: float) -> None:
    assert height(area(tall)) == pytest.approx(tall)


@given(STRONGEST, st.floats(0, 200))
def test_no_stop_is_shorter_than_one_at_full_deceleration(strongest: float, velocity: float) -> None:
    plan = stop(velocity, 0.0, strongest, area(strongest))
    assert plan.travel >= velocity * velocity / (2 * strongest) - 0.5 * velocity - 1e-9
    assert plan.ticks >= velocity / strongest - 1e-9


def test_rest_stays_rest() -> None:
    plan = stop(0.0, 0.0, 5.0, area(5.0))
    assert (plan.first, plan.travel, plan.back) == (0.0, 0.0, 0.0)
