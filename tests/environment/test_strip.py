"""The strip under a station's film: what is drawn where."""

import numpy as np
import pytest

from enpire.environment import strip as module
from enpire.environment.strip import GRIP_FULL_N, HEIGHT_PX, TOOL_FULL_N, Strip

WIDTH = 640


def drawn(strip):
    picture = np.full((20, WIDTH, 3), 7, np.uint8)
    out = strip.under(picture)
    assert out.shape == (20 + HEIGHT_PX, WIDTH, 3)
    assert (out[:20] == 7).all()
    return out[20 + module._TEXT_PX : -module._BASE_PX]


def rows_of(plot, ink, column):
    return np.flatnonzero((plot[:, column] == ink).all(axis=1))


def test_nothing_to_show_draws_nothing_but_axes():
    assert len(rows_of(drawn(Strip()), module._TOOL, 300)) <= 2


def test_the_curves_stand_where_their_values_are():
    strip = Strip()
    for _ in range(50):
        strip.add(TOOL_FULL_N / 2, 1.0, 0.0)
    plot = drawn(strip)
    height = len(plot)
    assert rows_of(plot, module._TOOL, 300).mean() == pytest.approx(height / 2, abs=2)
    assert rows_of(plot, module._PROGRESS, 300).max() < 3
    assert rows_of(plot, module._GRIP, 300).min() > height - 4


def test_time_runs_from_left_to_right():
    strip = Strip()
    for step in range(100):
        strip.add(0.0, step / 99, 0.0)
    plot = drawn(strip)
    heights = [rows_of(plot, module._PROGRESS, column).mean() for column in (50, 300, 600)]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] - heights[2] > 0.7 * len(plot)


def test_a_step_from_one_value_to_another_is_one_line():
    strip = Strip()
    for step in range(100):
        strip.add(0.0, float(step >= 50), 0.0)
    plot = drawn(strip)
    jump = max(range(WIDTH), key=lambda column: len(rows_of(plot, module._PROGRESS, column)))
    steep = rows_of(plot, module._PROGRESS, jump)
    assert len(steep) > 5
    assert (np.diff(steep) == 1).all()


def test_too_large_a_force_stays_in_the_strip():
    strip = Strip()
    strip.add(100 * TOOL_FULL_N, 2.0, 100 * GRIP_FULL_N)
    drawn(strip)


def test_the_text_says_the_newest_values():
    def text(tool_n):
        strip = Strip()
        strip.add(tool_n, 0.5, 0.0)
        return strip.under(np.zeros((2, WIDTH, 3), np.uint8))[2 : 2 + module._TEXT_PX]

    changed = (text(1.0) != text(9.0)).any(axis=(0, 2))
    assert changed.any()
    assert not changed[WIDTH // 4 :].any(), "only the words about the tool may change"


def test_every_sign_that_is_written_has_a_glyph():
    strip = Strip()
    for value in range(10):
        strip.add(1.111 * value, value / 9, 1.111 * value)
        strip.under(np.zeros((2, WIDTH, 3), np.uint8))


class Arm:
    """An arm without gravity whose Jacobian is the identity: torques are forces."""

    def __init__(self):
        from types import SimpleNamespace

        self.name, self.low, self.joints = "right", np.zeros(6), range(6)
        self.dofs = np.arange(6)
        self.model = SimpleNamespace(dof_frictionloss=np.full(6, 0.1))

    def gravity(self, q):
        return np.zeros(6)

    def jacobian(self, q):
        return np.eye(6)


def test_the_force_is_what_changed_since_the_start_not_what_friction_was():
    from types import SimpleNamespace

    cell = SimpleNamespace(arms={"right": Arm()}, entries=lambda name: slice(0, 7), state=np.zeros(7))
    strip = Strip()
    cell.effort = np.array([0.5, -0.4, 0.3, 0.0, 0.0, 0.0, -8.0])
    strip.see(cell, 0.1)
    cell.effort = cell.effort + np.array([0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0])
    strip.see(cell, 0.2)
    drawn(strip)
    (first_n, grip_n, _), (second_n, _, progress) = strip._rows
    assert first_n == pytest.approx(0.0, abs=1e-9)
    assert second_n == pytest.approx(5.0, rel=0.01)
    assert grip_n == 8.0
    assert progress == 0.2
