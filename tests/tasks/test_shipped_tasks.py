"""Every shipped declaration keeps the contract, and is played by controls: idle and random fail, an oracle passes."""

import math

import numpy as np
import pytest

from enpire.environment.checker import check_task, random_action
from enpire.tasks import SHIPPED, open_task

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("environments")]
NAMES = [f"gym:{path.relative_to(SHIPPED).with_suffix('').as_posix()}" for path in sorted(SHIPPED.rglob("*.toml"))]


def cart_pole(o):
    return [float(0.2 * o[0] + 0.4 * o[1] + 2.0 * o[2] + 0.6 * o[3] > 0)]


def mountain_car(o):
    return [1.0 if o[1] >= 0 else -1.0]


def pendulum(o):
    angle, velocity = math.atan2(o[1], o[0]), o[2]
    if abs(angle) < 0.6:
        return [-(12.0 * angle + 3.0 * velocity)]
    energy = velocity**2 / 6.0 + 5.0 * (math.cos(angle) - 1.0)
    return [2.0 * math.copysign(1.0, velocity * -energy)]


def acrobot(o):
    return [1.0 + math.copysign(1.0, o[5])]  # torque times relative velocity is the power put in


ORACLES = {
    "gym:CartPole-v1": cart_pole,
    "gym:MountainCarContinuous-v0": mountain_car,
    "gym:Pendulum-v1": pendulum,
    "gym:Acrobot-v1": acrobot,
}


def play(task, policy, seed=3):
    observation, _ = task.reset(seed=seed)
    for step in range(task.spec.max_steps):
        action = task.spec.action.clip(np.asarray(policy(observation["observation.state"]), float))
        observation, _, terminated, truncated, _ = task.step(action)
        if terminated or truncated:
            return task.verify(), step + 1
    return task.verify(), task.spec.max_steps


@pytest.fixture
def task(request):
    opened = open_task(request.param)
    yield opened
    opened.close()


@pytest.mark.parametrize("task", NAMES, indirect=True)
def test_contract(task):
    assert check_task(task) == []


@pytest.mark.parametrize("task", NAMES, indirect=True)
def test_names_instruction_and_limits_are_declared(task):
    spec = task.spec
    assert len(spec.observation["observation.state"].names) == spec.observation["observation.state"].shape[0]
    assert len(spec.action.names) == spec.action.size
    assert spec.instruction.endswith(".")
    assert 100 <= spec.max_steps <= 1000


@pytest.mark.parametrize("task", NAMES, indirect=True)
def test_doing_nothing_and_random_actions_fail(task):
    middle = task.spec.action.clip((np.asarray(task.spec.action.low) + task.spec.action.high) / 2)
    verdict, _ = play(task, lambda _: middle)
    assert verdict.success is False
    generator = np.random.default_rng(0)
    verdict, _ = play(task, lambda _: random_action(task.spec.action, generator))
    assert verdict.success is False


@pytest.mark.parametrize("task", ORACLES, indirect=True)
def test_an_oracle_passes(task):
    verdict, steps = play(task, ORACLES[task.spec.name])
    assert verdict.success is True, verdict
    assert steps < task.spec.max_steps


def test_push_t_facts_agree_with_the_scene(environments):
    """The declared block, drawn at the observed pose, covers what the camera shows in the block's color."""
    task = open_task("gym:gym_pusht/PushT-v0")
    scene = task.spec.scene
    observation, _ = task.reset(seed=11)
    image = task.render().astype(int)
    scale = image.shape[0] / scene["arena_px"][3]
    x, y, yaw = observation["observation.state"][2:]
    pixels = np.stack(np.meshgrid(np.arange(680), np.arange(680)), axis=-1) / scale
    local = (pixels - [x, y]) @ np.asarray([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
    inside = np.zeros((680, 680), bool)
    for polygon in scene["block_polygons_px"]:
        low, high = np.min(polygon, axis=0) + 3, np.max(polygon, axis=0) - 3
        inside |= ((local > low) & (local < high)).all(axis=-1)
    slate = np.abs(image - [143, 163, 184]).sum(axis=-1) < 60
    hidden = np.linalg.norm(pixels - observation["observation.state"][:2], axis=-1) < scene["pusher_radius_px"] + 3
    assert inside.sum() > 5000
    assert slate[inside & ~hidden].mean() > 0.98
    task.close()


@pytest.mark.parametrize("name", ["gym:gym_pusht/PushT-v0", "gym:CartPole-v1"])
def test_a_recorded_episode_replays_bit_equal_in_a_new_process_and_while_filming(name, environments):
    traces = []
    for film in (False, True):
        task = open_task(name, options={"observation_noise": 0.01, "observation_delay_steps": 1})
        generator = np.random.default_rng(5)
        observation, _ = task.reset(seed=123)
        trace = [observation["observation.state"]]
        for _ in range(15):
            observation, reward, terminated, truncated, _ = task.step(random_action(task.spec.action, generator))
            trace += [observation["observation.state"], np.asarray([reward, terminated, truncated])]
            if film:
                assert task.render().ndim == 3
        traces.append(np.concatenate(trace))
        task.close()
    assert traces[0].tobytes() == traces[1].tobytes()


def test_options_spoil_the_view_but_not_the_verdict(environments):
    plain = open_task("gym:gym_pusht/PushT-v0")
    noisy = open_task("gym:gym_pusht/PushT-v0", options={"observation_noise_px": 3.0})
    assert plain.spec.manifest != noisy.spec.manifest
    assert noisy.spec.options == {"observation_noise_px": 3.0}
    for task in (plain, noisy):
        task.reset(seed=42)
    for _ in range(10):
        seen = [task.step(np.asarray([256.0, 256.0]))[0]["observation.state"] for task in (plain, noisy)]
        assert np.all(seen[0][:4] != seen[1][:4])
        assert seen[0][4] == seen[1][4]
        assert plain.verify() == noisy.verify()
    plain.close()
    noisy.close()
