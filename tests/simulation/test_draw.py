"""Stations differ as much as their level says, and a seed is a station for ever."""

import numpy as np
import pytest

from enpire.core.errors import BadInput
from enpire.core.records import decode, encode
from enpire.simulation.draw import NASTY, REAL_LIKE, draw
from enpire.simulation.profile import Profile

FRICTION_OF_7 = 0.3525869124156224
ZERO_OF_7 = -0.0036881443588593884


def test_level_0_is_exact():
    assert draw(5, 0) == Profile()


def test_level_1_is_noise_only():
    station = draw(5, 1)
    assert (station.latency_s, station.late, station.dropped, station.mass) == (0.0, 0.0, 0.0, 1.0)
    assert station.arms["left"].zero_offset_rad == ()
    assert station.arms["left"].effort_noise_nm > 0
    assert station.cameras["top"].noise > 0
    assert station.cameras["top"].shift_m == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_a_seed_is_a_station_for_ever(level):
    assert draw(8, level) == draw(8, level)
    assert decode(encode(draw(8, level)), Profile) == draw(8, level)


def test_this_very_station():
    """Recorded when it was first drawn: kept starts refer to it."""
    station = draw(7, 2)
    assert station.friction == pytest.approx(FRICTION_OF_7, abs=1e-12)
    assert station.arms["right"].zero_offset_rad[2] == pytest.approx(ZERO_OF_7, abs=1e-12)


@pytest.mark.parametrize(("level", "spread"), [(2, REAL_LIKE), (3, NASTY)])
def test_stations_fill_their_ranges(level, spread):
    stations = [draw(seed, level) for seed in range(200)]
    for name in ("friction", "pad_friction", "mass", "latency_s", "light"):
        low, high = getattr(spread, name)
        values = np.array([getattr(s, name) for s in stations])
        assert low <= values.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max() <= high
    zeros = np.array([s.arms[a].zero_offset_rad for s in stations for a in ("left", "right")])
    assert zeros.std() == pytest.approx(spread.zero_offset_sd_rad, rel=0.1)
    shifts = np.array([s.cameras["top"].shift_m for s in stations])
    assert np.sqrt((shifts**2).sum(axis=1).mean()) == pytest.approx(spread.camera_sd_m, rel=0.15)


def test_joints_and_arms_differ_from_each_other():
    station = draw(7, 2)
    values = [*station.arms["left"].backlash_rad, *station.arms["right"].backlash_rad]
    assert len(set(values)) == 12


def test_a_station_keeps_its_character_across_levels():
    mild, nasty = [[draw(seed, level).mass for seed in range(30)] for level in (2, 3)]
    assert np.corrcoef(mild, nasty)[0, 1] > 0.999


@pytest.mark.parametrize("level", [-1, 4, 2.5, "2"])
def test_another_level_is_refused(level):
    with pytest.raises(BadInput, match="level"):
        draw(1, level)
