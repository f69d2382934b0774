"""What a gate promises, each as a function that fails for a gate that does not keep it.

The gate's class is an argument, so that the same promises are put to Hypothesis (`test_gate`) and to gates from which a
clamp was taken away (`test_mutants`).
"""

from dataclasses import replace

import numpy as np

from enpire.environment.safety.gate import Gate
from tests.environment.safety.stand import (
    HIGH,
    HOME,
    LIMITS,
    LOW,
    OPEN_AIR,
    STOP_TICKS,
    TICK_S,
    check_free,
    check_inside,
    check_rates,
    clearance,
    drive,
    mixed,
    script,
    started,
    still,
    trail,
)


def commands_keep_joint_limits_and_rates(kind: type[Gate], seed: int) -> None:
    gate = started(kind, OPEN_AIR)
    path = trail(drive(gate, mixed(seed)))
    assert not gate.latched
    check_inside(path)
    check_rates(path)


def commands_keep_box_table_and_distance(kind: type[Gate], seed: int) -> None:
    gate = started(kind)
    path = trail(drive(gate, mixed(seed)))
    assert not gate.latched
    check_inside(path)
    check_rates(path)
    check_free(path)


def a_dropout_at_any_tick_stops_in_time_and_stays_legal(kind: type[Gate], seed: int) -> None:
    gate = started(kind)
    rng = np.random.default_rng(seed)
    moving = drive(gate, mixed(seed)[: int(rng.integers(1, 90))])
    stopping = drive(gate, [None] * (STOP_TICKS + 5))
    path = trail([*moving, *stopping])
    check_inside(path)
    check_rates(path)
    check_free(path)
    assert still(stopping[STOP_TICKS:])
    assert gate.latched


def missing_commands_latch_after_most_missing(kind: type[Gate], seed: int) -> None:
    for useless in (None, np.full(len(HOME), np.nan), np.zeros(3)):
        gate = started(kind)
        for _ in range(3):  # two are forgiven, again and again
            drive(gate, [HOME, useless, useless])
            assert not gate.latched
        drive(gate, [useless])
        assert gate.latched


def a_latched_gate_moves_for_nobody(kind: type[Gate], seed: int) -> None:
    gate = started(kind)
    drive(gate, mixed(seed))
    drive(gate, [None] * (STOP_TICKS + 3))
    reason = gate.latched
    after = drive(gate, [*mixed(seed + 1), *script("junk", seed, 20), HOME, HOME])
    assert still(after) and all("latched" in c.interventions for c in after)
    assert gate.latched == reason != ""


def clock_jumps_count_as_missing(kind: type[Gate], seed: int) -> None:
    jump = np.random.default_rng(seed).choice([-3600.0, -TICK_S, 0.0, 60.0, 3600.0, 5 * TICK_S])
    gate = started(kind)
    now = 100.0
    assert all(not gate.tick(HOME, HOME, now_s=now + k * TICK_S).interventions for k in range(3))
    now += 2 * TICK_S + jump
    assert gate.tick(HOME, HOME, now_s=now).interventions == ("clock",)
    assert not gate.tick(HOME, HOME, now_s=now + TICK_S).interventions
    for _ in range(LIMITS.most_missing):
        now -= 1.0
        gate.tick(HOME, HOME, now_s=now)
    assert gate.latched


def what_is_inside_passes_unchanged(kind: type[Gate], seed: int) -> None:
    """A smooth motion: no intervention, the same numbers."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0.0, 1.0, 120)[:, None]
    smooth = HOME + rng.uniform(-0.1, 0.1, len(HOME)).clip(np.where(HOME == 0.0, 0.0, -1.0)) * (
        x**4 * (35 - 84 * x + 70 * x**2 - 20 * x**3)
    )
    passed = drive(started(kind), list(smooth))
    assert np.abs(np.array([c.position for c in passed]) - smooth).max() < 1e-12
    assert not any(c.interventions for c in passed)


def goals_at_rest_are_not_overshot(kind: type[Gate], seed: int) -> None:
    """By a jump of any size; one length unit of the stops is the resolution."""
    rng = np.random.default_rng(seed)
    goal = HOME + np.exp(rng.uniform(np.log(0.002), np.log(0.5), len(HOME)))
    path = np.array([c.position for c in drive(started(kind, OPEN_AIR), [goal] * 250)])
    unit = np.array(LIMITS.jerk) * TICK_S**3
    assert (path.max(axis=0) <= goal + unit).all()
    assert np.abs(path[-1] - goal).max() < 1e-6


def targets_outside_are_said_to_be_clipped(kind: type[Gate], seed: int) -> None:
    value = int(np.random.default_rng(seed).integers(len(HOME)))
    far = HOME.copy()
    far[value] = HIGH[value] + 0.5
    gate = started(kind, OPEN_AIR)
    commands = drive(gate, [far] * 400)
    assert all("clipped" in c.interventions for c in commands)
    assert commands[-1].position[value] == HIGH[value]


def a_gripper_that_presses_hard_does_not_close(kind: type[Gate], seed: int) -> None:
    gate, goal = started(kind), HOME.copy()
    grippers = clearance().grippers
    goal[grippers] = 0.8
    drive(gate, [goal] * 200)
    shut, effort = goal.copy(), np.zeros(len(HOME))
    shut[grippers] = 0.0
    effort[grippers[0]] = LIMITS.gripper_force_n + 1.0
    for _ in range(40):
        command = gate.tick(shut, HOME, effort=effort)
    assert command.position[grippers[0]] > 0.75 and command.position[grippers[1]] < 0.6


def a_start_outside_only_leads_inside(kind: type[Gate], seed: int) -> None:
    """From a pose in the other arm, under the table or out of the box, margins never get worse."""
    rng = np.random.default_rng(seed)
    while True:
        pose = HOME + rng.normal(0.0, 0.6, len(HOME))
        pose = np.clip(pose, LOW, HIGH)
        before = clearance().margins(pose[None])[0]
        if -0.05 < before.min() < 0.0:
            break
    gate = started(kind, pose=pose)
    path = np.array([c.position for c in drive(gate, [*[HOME] * 150, *mixed(seed)])])
    found = clearance().margins(path)
    assert (found >= np.minimum(before, 0.0) - 1e-9).all()
    check_rates(np.vstack([np.tile(pose, (4, 1)), path]))


def the_table_alone_stops_the_links(kind: type[Gate], seed: int) -> None:
    """Without the box, which ends at the table too."""
    only = replace(OPEN_AIR, table_m=LIMITS.table_m)
    down = HOME.copy()
    down[[1, 8]] += np.random.default_rng(seed).uniform(1.0, 2.0, 2)  # the shoulders lean forward and down
    commands = drive(started(kind, only), [down] * 150)
    check_free(trail(commands), only)
    assert "table" in commands[-1].interventions


def the_arms_keep_their_distance(kind: type[Gate], seed: int) -> None:
    only = replace(OPEN_AIR, clearance_m=LIMITS.clearance_m)
    inwards = HOME.copy()
    inwards[[0, 7]] += np.random.default_rng(seed).uniform(0.8, 1.5, 2) * (-1.0, 1.0)
    commands = drive(started(kind, only), [inwards] * 150)
    check_free(trail(commands), only)
    assert "clearance" in commands[-1].interventions


def the_links_of_an_arm_keep_their_distance(kind: type[Gate], seed: int) -> None:
    only, folded = replace(OPEN_AIR, own_clearance_m=0.005), HOME.copy()
    folded[[3, 4, 10, 11]] = np.random.default_rng(seed).uniform(1.3, 1.6, 4) * (-1.0, 1.0, -1.0, -1.0)
    folded[[1, 2, 8, 9]] = 2.0, 0.1, 2.0, 0.1
    commands = drive(started(kind, only), [folded] * 250)
    check_free(trail(commands), only)
    assert "own" in commands[-1].interventions


def who_starts_below_the_table_comes_up_and_stays_up(kind: type[Gate], seed: int) -> None:
    only, pose = replace(OPEN_AIR, table_m=LIMITS.table_m), HOME.copy()
    measure = clearance(only)
    pose[[0, 7]] += np.random.default_rng(seed).uniform(-0.3, 0.3, 2)
    while measure.margins(pose[None])[0, 1] > -0.02:
        pose[1] += 0.01
    gate, down = started(kind, only, pose), pose.copy()
    down[1] += 0.5
    path = np.array([c.position for c in drive(gate, [*[HOME] * 120, *[down] * 60])])
    assert (path[119] == HOME).all()
    check_free(path[120:], only)


def tighter_ranges_and_rates_never_allow_more(kind: type[Gate], seed: int) -> None:
    """In open air. Near things it does not hold: with other rates a stop takes another way through space.

    What does hold there: with the same rates, less room has smaller margins (`test_clearance`).
    """
    rng = np.random.default_rng(seed)
    share = rng.uniform(0.3, 0.95)
    tight = replace(
        OPEN_AIR,
        velocity=tuple(share * v for v in LIMITS.velocity),
        acceleration=tuple(share * v for v in LIMITS.acceleration),
        jerk=tuple(share * v for v in LIMITS.jerk),
        margin=tuple(m + 0.05 for m in LIMITS.margin),
    )
    pose = np.clip(HOME, LOW + 0.06, HIGH - 0.06)
    asked = [a for a in mixed(seed) if a is not None]
    narrow = [c.position for c in drive(started(kind, tight, pose), asked)]
    check_rates(np.vstack([np.tile(pose, (4, 1)), narrow]), tight)
    wide = drive(started(kind, OPEN_AIR, pose), narrow)  # what the tight gate gives passes the wide one as it is
    assert not any(c.interventions for c in wide)
    assert np.abs(np.array([c.position for c in wide]) - narrow).max() < 1e-9


def targets_and_readings_are_all_that_matters(kind: type[Gate], seed: int) -> None:
    """Two gates agree to the bit, although the caller reuses the arrays and the other's past is different."""
    asked = [*mixed(seed), *script("junk", seed, 10)]
    first, second = started(kind), started(kind)
    drive(second, mixed(seed + 1))
    drive(second, [None] * 3)
    second.start(HOME)
    for action in asked:
        given = None if action is None else action.copy()
        a, b = first.tick(given, HOME), second.tick(action, HOME + 0.001)
        if given is not None:
            given[:] = np.nan
        assert (a.position == b.position).all() and a.interventions == b.interventions


PROMISES = (
    commands_keep_joint_limits_and_rates,
    commands_keep_box_table_and_distance,
    a_dropout_at_any_tick_stops_in_time_and_stays_legal,
    missing_commands_latch_after_most_missing,
    a_latched_gate_moves_for_nobody,
    clock_jumps_count_as_missing,
    what_is_inside_passes_unchanged,
    goals_at_rest_are_not_overshot,
    targets_outside_are_said_to_be_clipped,
    a_gripper_that_presses_hard_does_not_close,
    a_start_outside_only_leads_inside,
    the_table_alone_stops_the_links,
    the_arms_keep_their_distance,
    the_links_of_an_arm_keep_their_distance,
    who_starts_below_the_table_comes_up_and_stays_up,
    tighter_ranges_and_rates_never_allow_more,
    targets_and_readings_are_all_that_matters,
)
