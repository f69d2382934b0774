"""Margins against the geometry itself."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.core.errors import BadInput
from enpire.environment.safety.clearance import Clearance
from enpire.simulation.arms import yam
from tests.environment.safety.stand import ARMS, HOME, LIMITS, clearance, model

LOW, HIGH = np.array((*yam.JOINT_LOW, 0.0) * 2), np.array((*yam.JOINT_HIGH, 1.0) * 2)


def posed(pose: np.ndarray) -> mujoco.MjData:
    """Both arms at a pose, by joint names."""
    arms, data = model(), mujoco.MjData(model())
    for k, arm in enumerate(ARMS):
        for i in range(6):
            data.joint(f"{arm}_joint{i + 1}").qpos = pose[7 * k + i]
        for finger in (1, 2):
            data.joint(f"{arm}_slide{finger}").qpos = pose[7 * k + 6] * yam.GAP_M / 2
    mujoco.mj_kinematics(arms, data)
    return data


def distance(pose: np.ndarray) -> float:
    """Between the moving geoms of the arms, all pairs."""
    arms, data = model(), posed(pose)
    groups = [
        [g for g in range(arms.ngeom) if (name := arms.geom(g).name).startswith(arm) and "base" not in name]
        for arm in ARMS
    ]
    return min(mujoco.mj_geomDistance(arms, data, a, b, 9.0, None) for a in groups[0] for b in groups[1])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1 << 30))
def test_the_distance_of_the_arms_is_never_overstated(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pose = rng.uniform(LOW, HIGH)
    pose[0], pose[7] = rng.uniform(-1.6, 0.0), rng.uniform(0.0, 1.6)  # towards each other
    true, found = distance(pose) - LIMITS.clearance_m, clearance().margins(pose[None])[0, 4]
    assert found <= true + 1e-6
    if true < 0.1:
        assert found == pytest.approx(true, abs=1e-6)


def test_the_table_margin_is_the_lowest_point_of_the_fingers() -> None:
    pose = HOME.copy()
    pose[1] = 1.8  # the hand comes down
    data = posed(pose)
    tips = [data.geom(name) for name in yam.pad_geoms("left")[1:4]]
    sizes = [model().geom(name).size for name in yam.pad_geoms("left")[1:4]]
    lowest = min(t.xpos[2] - abs(t.xmat[8]) * s[1] - s[0] for t, s in zip(tips, sizes, strict=True))
    margins = clearance(replace(LIMITS, table_m=0.01)).margins(pose[None])[0]
    assert -0.05 < lowest < 0.07  # lower than the shoulder
    assert margins[1] == pytest.approx(lowest - 0.01, abs=0.01) and margins[1] <= lowest - 0.01 + 1e-12


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1 << 30), st.floats(1e-4, 0.5))
def test_no_margin_falls_faster_than_promised(seed: int, size: float) -> None:
    rng, checked = np.random.default_rng(seed), clearance()
    pose = rng.uniform(LOW, HIGH)
    other = np.clip(pose + rng.uniform(-size, size, len(pose)), LOW, HIGH)
    before, after = checked.margins(np.array([pose, other]))
    own = checked.loss(np.abs(other - pose))
    assert (after[:4] >= before[:4] - own[:4] - 1e-9).all()
    # the distance is a lower bound where it is large, so it is compared with the true one
    assert distance(other) >= before[4] + LIMITS.clearance_m - own[4] - 1e-6


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1 << 30), st.floats(0.0, 0.1))
def test_less_room_never_leaves_more(seed: int, less: float) -> None:
    tight = replace(
        LIMITS,
        box_low_m=tuple(x + less for x in LIMITS.box_low_m),
        box_high_m=tuple(x - less for x in LIMITS.box_high_m),
        table_m=LIMITS.table_m + less,
        clearance_m=LIMITS.clearance_m + less,
    )
    poses = np.random.default_rng(seed).uniform(LOW, HIGH, (8, len(LOW)))
    assert (clearance(tight).margins(poses) <= clearance().margins(poses) + 1e-12).all()


def test_turning_the_base_moves_nothing_up_or_down() -> None:
    table = clearance().kinds.index("table")
    assert clearance().weights[table, 0] == 0.0 and clearance().weights[table, 1] > 0.5


def test_every_margin_concerns_its_own_arm() -> None:
    checked = clearance()
    assert checked.kinds == ("workspace", "table", "workspace", "table", "clearance", "own", "own")
    assert [row.nonzero()[0].tolist() for row in checked.concerns[[0, 2, 4]]] == [
        list(range(7)),
        list(range(7, 14)),
        list(range(14)),
    ]
    assert checked.grippers == [6, 13] and checked.size == 14


def test_an_arm_that_is_not_in_the_model_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match=r"no arm 'third'.*: left, right$"):
        Clearance(model(), ("left", "third"), LIMITS)


def test_a_margin_is_room_that_commands_do_not_use() -> None:
    kept = replace(LIMITS, box_margin_m=0.01, table_margin_m=0.02, clearance_margin_m=0.03)
    poses = np.random.default_rng(0).uniform(LOW, HIGH, (20, len(LOW)))
    poses[:, 0], poses[:, 7] = -abs(poses[:, 0]), abs(poses[:, 7])  # towards each other
    less = clearance(LIMITS).margins(poses) - clearance(kept).margins(poses)
    near = clearance(LIMITS).margins(poses)[:, 4] < 0.1
    assert near.any() and np.allclose(less[:, :4], [0.01, 0.02, 0.01, 0.02]) and np.allclose(less[near, 4], 0.03)
