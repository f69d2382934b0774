"""A station drifts with use, the same way whoever asks and however often, and is kept on disk."""

from dataclasses import replace

import numpy as np
import pytest

from enpire.core.errors import BadInput
from enpire.core.records import encode
from enpire.simulation import scene
from enpire.simulation.draw import draw
from enpire.simulation.life import LEAST_PAD_FRICTION, StationLife
from enpire.simulation.world import World


def aged(seed=4, level=2, **used):
    return replace(StationLife.fresh(seed=seed, level=level), **used)


def test_on_the_first_day_it_is_as_drawn_but_for_the_daylight():
    assert replace(aged().now(), light=1.0) == replace(draw(4, 2), light=1.0)


@pytest.mark.parametrize("level", [0, 1])
def test_ideal_stations_do_not_drift(level):
    assert aged(level=level, hours=50.0, episodes=900, grasps=900).now() == draw(4, level)


def test_drift_does_not_depend_on_how_often_time_was_counted():
    once, often = StationLife.fresh(seed=4, level=2), StationLife.fresh(seed=4, level=2)
    once.live(7200.0, grasps=10, episodes=10)
    for _ in range(10):
        often.live(720.0, grasps=1)
        often.now()
    assert often.now().friction == pytest.approx(once.now().friction, abs=1e-9)
    assert often.now().cameras == once.now().cameras


def test_friction_wanders_about_its_first_value():
    away = np.array([aged(seed, hours=h).now().friction - draw(seed, 2).friction for seed in range(40) for h in (3, 9)])
    assert away.std() == pytest.approx(0.05, rel=0.3)
    assert abs(away.mean()) < 0.02


def test_zeros_walk_with_the_square_root_of_time():
    def walked(hours):
        zeros = [
            np.subtract(
                aged(s, hours=hours).now().arms["left"].zero_offset_rad, draw(s, 2).arms["left"].zero_offset_rad
            )
            for s in range(30)
        ]
        return float(np.std(zeros))

    assert walked(1.0) == pytest.approx(3e-4, rel=0.2)
    assert walked(9.0) == pytest.approx(9e-4, rel=0.2)


def test_pads_wear_and_are_cleaned():
    life = aged(grasps=100)
    assert life.now().pad_friction == pytest.approx(draw(4, 2).pad_friction - 0.02)
    assert aged(grasps=10**6).now().pad_friction == LEAST_PAD_FRICTION
    life.clean()
    assert life.now().pad_friction == draw(4, 2).pad_friction


def test_joints_get_warm_and_are_cold_again_after_a_night(tmp_path):
    life = StationLife.fresh(seed=4, level=2)
    life.live(3600.0)
    cold = draw(4, 2).arms["left"].friction[0]
    assert 0.89 < life.now().arms["left"].friction[0] / cold < 0.91
    life.save(tmp_path / "s.json")
    assert StationLife.open(tmp_path / "s.json", level=2).now().arms["left"].friction[0] == cold


def test_cameras_are_bumped_about_once_in_200_episodes():
    bumped = [
        aged(seed, episodes=200).now().cameras["top"].shift_m != draw(seed, 2).cameras["top"].shift_m
        for seed in range(60)
    ]
    assert 0.45 < np.mean(bumped) < 0.8  # 1 - (1 - 1/200)^200 = 0.63
    moved = [
        float(
            np.linalg.norm(
                np.subtract(aged(s, episodes=20).now().cameras["top"].shift_m, draw(s, 2).cameras["top"].shift_m)
            )
        )
        for s in range(60)
    ]
    assert all(m == 0 or 1e-3 <= m <= 6e-3 for m in moved)


def test_it_is_kept_and_opened(tmp_path):
    path = tmp_path / "stations" / "one.json"
    life = StationLife.open(path, level=2)
    life.live(5000.0, grasps=7, episodes=3)
    life.save(path)
    again = StationLife.open(path, level=2)
    assert again == life
    assert path.stat().st_mode & 0o077 == 0


def test_new_stations_have_seeds_nobody_can_guess(tmp_path):
    seeds = {StationLife.open(tmp_path / "none.json", level=2).seed for _ in range(5)}
    assert len(seeds) == 5


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"seed": 1, "level": 9}',
        b'{"seed": 1, "level": 2, "hours": -1e300}',
        b'{"seed": 1, "level": 2, "grasps": -3}',
        b'{"seed": -1, "level": 2}',
    ],
)
def test_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"broken\.json"):
        StationLife.open(path, level=2)


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    with pytest.raises(BadInput, match=tmp_path.name):
        StationLife.open(tmp_path, level=2)


def test_another_level_is_refused(tmp_path):
    with pytest.raises(BadInput, match="level"):
        StationLife.fresh(seed=1, level=7)


@pytest.mark.parametrize("level", [0, 2, 3])
def test_a_drifted_station_equals_one_that_is_built_anew(level):
    """A recorded start is replayed on a station compiled from the drifted profile."""
    life = aged(level=level, hours=5.0, episodes=700, grasps=80)
    drifted = life.now()
    old = World(scene.station_spec(draw(4, level)))
    life.apply(old, drifted)
    new = World(scene.station_spec(drifted))
    arrays = (
        "geom_friction", "dof_frictionloss", "cam_pos", "cam_quat", "light_pos", "light_diffuse", "body_mass",
        "actuator_gainprm", "actuator_biasprm", "body_gravcomp",
    )  # fmt: skip
    for name in arrays:
        assert getattr(old.model, name).tobytes() == getattr(new.model, name).tobytes(), name
    assert old.model.vis.headlight.ambient.tobytes() == new.model.vis.headlight.ambient.tobytes()


def test_a_profile_can_be_recorded():
    assert encode(aged(hours=5.0, episodes=700, grasps=80).now())
