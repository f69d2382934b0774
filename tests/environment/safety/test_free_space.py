"""What is not looked at must be free all the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.environment.safety.free_space import FreeSpace
from tests.environment.safety.stand import HOME, LOW, clearance, drive, started


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1 << 30), st.floats(0.005, 0.1))
def test_it_says_what_a_look_at_every_pose_would_say(seed: int, size: float) -> None:
    """Along a walk, with the memory of the poses before."""
    rng, every = np.random.default_rng(seed), clearance()
    space, here = FreeSpace(clearance()), HOME.copy()
    space.begin(here)
    for _ in range(30):
        way = rng.normal(0.0, size, len(HOME))
        path = here + np.linspace(0.0, 1.0, 12)[:, None] * way
        broken = space.broken(path.min(axis=0), path.max(axis=0), lambda path=path: path)
        worst = every.margins(path).min(axis=0)
        assert (worst[broken] < 0.0).all()
        assert broken.any() or (worst >= -1e-9).all()
        if not broken.any():
            space.accept()
            here = path[-1]


def test_a_slow_motion_above_the_table_needs_few_looks() -> None:
    low = HOME.copy()
    low[[1, 8]] = 1.7
    gate = started(pose=low)
    looked = gate._clearance.evaluations
    goals = [low + 0.1 * np.sin(0.02 * k) * (LOW < -1.0) for k in range(200)]
    assert not any({"table", "workspace"} & set(c.interventions) for c in drive(gate, goals))
    assert gate._clearance.evaluations - looked < 100


def test_a_motion_that_is_refused_makes_nothing_better() -> None:
    """Back from below the table, a way that is free of one thing and worse in another does not count as come out."""
    known, pose = clearance(), HOME.copy()
    while known.margins(pose[None])[0, 1] > -0.02:
        pose[1] += 0.01
    space = FreeSpace(known)
    space.begin(pose)
    up, aside = HOME.copy(), HOME.copy()
    aside[[0, 7]] = -1.4, 1.4  # into each other
    refused = np.linspace(pose, aside, 30)[10:]  # the table is nearly left behind
    assert space.broken(refused.min(axis=0), refused.max(axis=0), lambda: refused).any()
    space.accept()
    back = np.linspace(pose, up, 30)
    assert not space.broken(back.min(axis=0), back.max(axis=0), lambda: back).any()
    assert known.margins(pose[None])[0, 1] == pytest.approx(-0.02, abs=0.02)
