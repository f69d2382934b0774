"""The station tasks as Gymnasium environments, as Gymnasium's own checker and a user meet them."""

import subprocess
import sys

import numpy as np
import pytest

from enpire.core import registry
from enpire.core.errors import BadInput, UnknownName
from enpire.simulation.rendering import gl_missing

gymnasium = pytest.importorskip("gymnasium", reason="pip install gymnasium")
from enpire.tasks import gymnasium_envs as envs  # noqa: E402  it imports gymnasium

pytestmark = [
    pytest.mark.skipif(bool(gl_missing()), reason="needs OpenGL for the cameras"),
    pytest.mark.filterwarnings("ignore:.*(Box observation space|symmetric and normalized).*"),
]
PIN = "enpire/PinInsertion-v0"


@pytest.fixture
def pin():
    env = gymnasium.make(PIN)
    yield env
    env.close()


def hold(env):
    return env.action_space.low * 0 + env.unwrapped._task.setup.drive.target


@pytest.mark.parametrize("identity", envs.NAMES)
def test_gymnasiums_checker_accepts_it(identity):
    from gymnasium.utils.env_checker import check_env

    env = gymnasium.make(identity, render_mode="rgb_array")
    check_env(env.unwrapped)
    env.close()


def test_every_station_task_has_an_environment():
    from enpire.dashboard.station_view.opening import station_tasks

    assert set(envs.NAMES.values()) == set(station_tasks())


def test_it_is_not_a_task_of_its_own():
    assert "gymnasium_envs" not in registry.names("task")


def test_gymnasium_finds_it_by_its_module():
    code = (
        f"import gymnasium; e = gymnasium.make('enpire.tasks.gymnasium_envs:{PIN}'); "
        "print(e.reset(seed=1)[0]['observation.state'].shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.strip() == "(14,)"


def test_equal_seeds_repeat_bit_by_bit_whatever_happened_before(pin):
    def episode():
        seen = [pin.reset(seed=7)[0]]
        action = hold(pin)
        for step in range(20):
            seen.append(pin.step(action + 0.002 * step)[0])
        return seen

    first = episode()
    pin.reset()
    for _ in range(5):
        pin.step(pin.action_space.sample())
    for a, b in zip(first, episode(), strict=True):
        assert all(np.array_equal(a[key], b[key]) for key in a)


def test_other_seeds_and_later_episodes_start_elsewhere(pin):
    starts = [pin.reset(seed=seed)[0]["observation.state"] for seed in (1, 2, None)]
    assert not np.allclose(starts[0], starts[1], atol=1e-4)
    assert not np.allclose(starts[1], starts[2], atol=1e-4)


def test_rewards_add_up_to_the_progress(pin):
    pin.reset(seed=3)
    action = hold(pin)
    action[9] += 0.01
    rewards = []
    for _ in range(30):
        _, reward, terminated, _, info = pin.step(action)
        rewards.append(reward)
        assert not terminated
    assert sum(rewards) == pytest.approx(info["progress"])
    assert info["progress"] > 0
    assert info["is_success"] is False


def test_the_step_limit_truncates():
    env = gymnasium.make(PIN)
    env.reset(seed=0)
    action, most = hold(env), env.unwrapped._task.spec.max_steps
    for step in range(1, most + 1):
        _, _, terminated, truncated, _ = env.step(action)
        assert not terminated
        assert truncated == (step == most)
    env.close()


def test_pictures_come_only_when_asked_for(pin):
    observation, _ = pin.reset(seed=0)
    assert not [key for key in observation if "images" in key]
    seeing = gymnasium.make(PIN, pictures=True)
    observation, _ = seeing.reset(seed=0)
    assert seeing.observation_space.contains(observation)
    assert observation["observation.images.right_wrist"].std() > 1
    seeing.close()


def test_render_gives_a_picture_only_in_its_mode(pin):
    pin.reset(seed=0)
    assert pin.unwrapped.render() is None
    drawn = gymnasium.make(PIN, render_mode="rgb_array")
    drawn.reset(seed=0)
    picture = drawn.render()
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    drawn.close()


@pytest.mark.parametrize(("arguments", "says"), [({"reset": "slow"}, "'fast'"), ({"options": {"depth": 1.0}}, "depth")])
def test_bad_arguments_say_what_is_valid(arguments, says):
    with pytest.raises(BadInput, match=says):
        gymnasium.make(PIN, **arguments)


def test_reset_options_are_refused(pin):
    with pytest.raises(BadInput, match=r"gymnasium\.make"):
        pin.reset(options={"start": {}})


def test_an_unknown_task_lists_those_that_exist():
    with pytest.raises(UnknownName, match="pin_insertion"):
        envs.StationEnv("pin")


@pytest.mark.parametrize("action", [np.zeros(7), None])
def test_an_action_of_another_shape_is_named(pin, action):
    pin.reset(seed=1)
    with pytest.raises(BadInput, match=r"is not one of shape \(14,\)"):
        pin.unwrapped.step(action)


def test_pictures_and_a_tracker_do_not_go_together():
    with pytest.raises(BadInput, match="needs cameras"):
        gymnasium.make(PIN, pictures=True, options={"tracker": 1.0})
