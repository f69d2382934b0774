import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.core.errors import BadInput
from enpire.core.records import ActionSpec, ArraySpec
from enpire.environment.disturbances import Disturber, parse_options, unit_of, valid_options

TURN = 2 * math.pi
NAMES = {"observation.state": ("x_px", "yaw_rad", "speed_m_s", "count"), "action": ("torque_nm",)}
STATE = ArraySpec(
    shape=(4,),
    dtype="float64",
    names=NAMES["observation.state"],
    low=(0.0, 0.0, 0.0, 0.0),
    high=(512.0, TURN, TURN, 9.0),
)
ACTION = ActionSpec(size=2, low=(-1.0, 0.0), high=(1.0, 10.0))


def disturber(options, action=ACTION):
    specs = {"observation.state": STATE, "observation.images.main": ArraySpec(shape=(2, 2, 3), dtype="uint8")}
    return Disturber(parse_options(options, NAMES), specs, action)


def truth(step=0.0):
    state = np.asarray([100.0 + step, 0.0, 1.0, 2.0])
    return {"observation.state": state, "observation.images.main": np.full((2, 2, 3), 7, np.uint8)}


def test_units():
    assert [unit_of(n) for n in ("x_px", "v_m_s", "w_rad_s", "t_nm", "f_n", "angle", "_m")] == [
        "px",
        "m_s",
        "rad_s",
        "nm",
        "n",
        "",
        "m",
    ]


def test_valid_options_follow_from_the_names():
    assert set(valid_options(NAMES)) == {
        "observation_noise",
        "observation_noise_px",
        "observation_noise_rad",
        "observation_noise_m_s",
        "observation_delay_steps",
        "action_delay_steps",
        "action_noise",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"observation_noise_nm": 1.0},
            r"unknown task option 'observation_noise_nm'; valid: observation_noise \(>= 0\)",
        ),
        ({"noise": 1.0}, "unknown task option 'noise'"),
        ({"observation_noise": -1.0}, "observation_noise=-1 is out of range"),
        ({"observation_noise_px": math.nan}, "out of range"),
        ({"observation_noise_px": math.inf}, "out of range"),
        ({"observation_delay_steps": 1.5}, "0 to 100, whole"),
        ({"action_delay_steps": 101}, "0 to 100, whole"),
        ({"action_noise": 1.01}, "a share of the action's range"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(BadInput, match=message):
        parse_options(options, NAMES)


def test_no_option_changes_nothing():
    quiet = disturber({"observation_noise": 0.0})
    quiet.restart(1)
    seen = truth()
    assert quiet.observed(seen) is seen
    assert quiet.acted(np.asarray([0.5, 5.0])).tolist() == [0.5, 5.0]


def test_noise_per_unit_takes_precedence_and_spares_pictures():
    noisy = disturber({"observation_noise": 0.1, "observation_noise_px": 3.0})
    noisy.restart(1)
    before = truth()
    seen = [noisy.observed(before) for _ in range(4000)]
    states = np.asarray([s["observation.state"] for s in seen])
    assert states.std(axis=0)[[0, 2, 3]] == pytest.approx([3.0, 0.1, 0.1], rel=0.05)
    assert states.mean(axis=0)[[0, 2, 3]] == pytest.approx([100.0, 1.0, 2.0], abs=0.2)
    assert before["observation.state"].tolist() == truth()["observation.state"].tolist()
    assert (seen[0]["observation.images.main"] == 7).all()


def test_only_angles_declared_over_one_turn_wrap():
    noisy = disturber({"observation_noise": 2.0})
    noisy.restart(3)
    states = np.asarray([noisy.observed(truth())["observation.state"] for _ in range(500)])
    assert 0.0 <= states[:, 1].min() < states[:, 1].max() < TURN
    assert states[:, 2].min() < 0.0


def test_noise_follows_from_the_seed_alone():
    def play(seed):
        noisy = disturber({"observation_noise": 1.0, "action_noise": 0.1})
        noisy.restart(99)
        noisy.observed(truth())
        noisy.restart(seed)
        return [(noisy.observed(truth())["observation.state"], noisy.acted(np.zeros(2))) for _ in range(3)]

    first, again, other = play(1), play(1), play(2)
    assert all(
        np.array_equal(a, b) for one, two in zip(first, again, strict=True) for a, b in zip(one, two, strict=True)
    )
    assert not np.array_equal(first[0][0], other[0][0])


@given(delay=st.integers(0, 4), steps=st.integers(1, 12))
def test_delays_are_exact(delay, steps):
    late = disturber({"observation_delay_steps": delay, "action_delay_steps": delay})
    late.restart(0)
    seen = [late.observed(truth(i))["observation.state"][0] - 100.0 for i in range(steps)]
    done = [late.acted(np.asarray([i / 100, 0.0]))[0] * 100 for i in range(steps)]
    assert seen == [max(i - delay, 0) for i in range(steps)]
    assert done == pytest.approx([max(i - delay, 0) for i in range(steps)])


def test_noisy_actions_stay_in_the_box_and_choices_stay_choices():
    mixed = ActionSpec(size=2, low=(-1.0, 0.0), high=(1.0, 10.0), discrete=(0, 11))
    noisy = disturber({"action_noise": 0.5}, mixed)
    noisy.restart(0)
    done = np.asarray([noisy.acted(np.asarray([0.9, 4.0])) for _ in range(200)])
    assert -1.0 <= done[:, 0].min() < done[:, 0].max() == 1.0
    assert set(done[:, 1]) == {4.0}
    with pytest.raises(BadInput, match="action_noise has no effect here"):
        disturber({"action_noise": 0.5}, ActionSpec(size=1, low=(0.0,), high=(3.0,), discrete=(4,)))
