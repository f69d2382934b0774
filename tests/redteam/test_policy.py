"""Policies that cheat, at each isolation level: the score is that of the honest policy, or an honest failure."""

import os
import time

import numpy as np
import pytest

from enpire.core import seeds
from enpire.rollout.worker.pool import WorkerPool
from tests.redteam.arena import (
    MEMORY_BYTES,
    SECRET,
    Arena,
    CappedTask,
    ImpossibleTask,
    descriptors,
    make_root,
    peak_memory_bytes,
    policy,
    processes,
)
from tests.redteam.policies import ATTACKS
from tests.rollout.toy import GOOD_POLICY, IDLE_POLICY, PointTask

HONEST = policy()
KEY = b"red team"
SEEDS = [seeds.seed(KEY, "search", index) for index in range(2)]


@pytest.fixture(scope="module")
def honest(arena):
    return {seed: arena.play(HONEST, seed) for seed in SEEDS}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_has_no_effect_or_is_an_honest_failure(arena, honest, name):
    attack = ATTACKS[name]
    below, opened, memory = processes(), descriptors(), peak_memory_bytes()
    hanging = "deadline" in attack.reasons
    for seed in SEEDS[:1] if hanging else SEEDS:
        played = arena.play(attack.workspace, seed, PointTask() if hanging else None)
        assert "LEAK" not in played.log and SECRET not in played.log
        assert "\x1b" not in played.log and "\u202e" not in played.log
        if attack.reasons:
            assert played.outcome.result == "failure", played.log
            assert played.outcome.reason in attack.reasons, played.log
        else:
            assert played.score == honest[seed].score, played.log
    deadline_s = time.monotonic() + 1.0
    while processes() - below and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert not processes() - below
    assert descriptors() == opened
    assert peak_memory_bytes() - memory < 50 << 20
    assert not (arena.pool.candidates / "owned").exists()


def test_the_next_episode_finds_an_empty_world(arena):
    """P11: what one episode tried to leave, in memory or on disk, is not there in the next one."""
    count = "import builtins\nbuiltins.left = getattr(builtins, 'left', 0) + 1\nprint('count', builtins.left)"
    source = policy(count, init=count, reset=count)
    logs = [arena.play(source, SEEDS[0]).log for _ in range(2)]
    assert logs[0] == logs[1]


def test_a_table_of_known_seeds_is_of_no_use(arena):
    """P12: start states of claims are none of those the search has met."""
    met = {seeds.seed(KEY, "search", index) for index in range(2000)}
    asked = {seeds.seed(KEY, "claim", index) for index in range(2000)}
    assert not met & asked
    starts = {seed: PointTask().reset(seed=seed)[0]["observation.state"].tolist() for seed in SEEDS}
    table = policy(gain=f"(-10.0 if observation['observation.state'].tolist() in {list(starts.values())!r} else 0.0)")
    other = [seeds.seed(KEY, "claim", index) for index in range(20)]
    idle = [arena.play(IDLE_POLICY, seed).outcome.result for seed in other]
    assert [arena.play(table, seed).outcome.result for seed in other] == idle


# ------------------------------------------------------------------ controls


def rate(arena, source, count, task=None):
    played = [arena.play(source, seeds.seed(KEY, "confirm", i), task and task()) for i in range(count)]
    assert all(x.outcome.result != "invalid" for x in played)
    return sum(x.outcome.result == "success" for x in played) / count


class FarPoint(PointTask):
    """Starts never lie in the goal, so that doing nothing never succeeds."""

    def reset(self, *, seed, options=None):
        super().reset(seed=seed)
        self.position = np.where(self.position < 0, self.position - 0.2, self.position + 0.2)
        return self._observation(), {}


RANDOM_POLICY = """
import numpy as np
class Policy:
    def __init__(self, task): self.random = np.random.default_rng(1)
    def reset(self, observation, instruction): pass
    def select_action(self, observation): return self.random.uniform(-0.1, 0.1, 2)
"""


def test_null_random_and_oracle(arena):
    assert rate(arena, IDLE_POLICY, 20, FarPoint) == 0.0
    assert rate(arena, RANDOM_POLICY, 40, FarPoint) < 0.05
    assert rate(arena, GOOD_POLICY, 20, FarPoint) > 0.95


def test_capped_task(arena):
    """Not even an oracle can do better than the share of episodes that can be solved."""
    reached = rate(arena, GOOD_POLICY, 60, CappedTask)
    assert reached <= 1 - CappedTask.share + 3 * (CappedTask.share * (1 - CappedTask.share) / 60) ** 0.5
    assert reached > 0.3


@pytest.fixture(scope="module")
def unconfined(tmp_path_factory):
    root = make_root(tmp_path_factory.mktemp("open"))
    with WorkerPool(root / "candidates", level="none", memory_bytes=MEMORY_BYTES) as pool:
        yield Arena(root, pool)


def test_the_walls_do_not_change_an_honest_score(arena, unconfined):
    for source in (HONEST, GOOD_POLICY):
        for seed in SEEDS:
            assert unconfined.play(source, seed).score == arena.play(source, seed).score


@pytest.mark.parametrize("name", ["P01 read the campaign's key", "P01 read another candidate", "P14 open a socket"])
def test_the_attacks_are_real(unconfined, name):
    """Without walls the same code does get out, so a blocked attack means something."""
    assert "LEAK" in unconfined.play(ATTACKS[name].workspace, SEEDS[0]).log


QUICK = [name for name, attack in ATTACKS.items() if "deadline" not in attack.reasons]


def assault(arena, episodes):
    for index in range(episodes):
        attack = ATTACKS[QUICK[index % len(QUICK)]]
        task = ImpossibleTask({"period_s": 0.5})
        played = arena.play(attack.workspace, seeds.seed(KEY, "claim", index), task)
        assert played.outcome.result == "failure", QUICK[index % len(QUICK)]


def test_nobody_succeeds_on_the_impossible_task(arena):
    assault(arena, 50)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nobody_succeeds_on_the_impossible_task_in_a_thousand_attacks(arena):
    assault(arena, 500)  # at each of two levels


def test_the_environment_holds_a_secret_to_steal(arena):
    assert os.environ["ENPIRE_REDTEAM_TOKEN"] == SECRET
