"""Learning where the pusher really is from what its pushes did."""

import numpy as np
import pytest

from enpire.tasks._push_t import block
from enpire.tasks._push_t.offset import Offset
from enpire.tasks._push_t.planner import plan, roll

GOAL = np.array(block.GOAL)


@pytest.mark.parametrize("real", [(0.003, -0.002), (-0.002, 0.003)])
def test_an_offset_is_found_from_a_few_pushes(real: tuple[float, float]) -> None:
    learned = Offset()
    random = np.random.default_rng(3)
    for _ in range(12):
        pose = block.at_center(block.center(GOAL) + random.uniform(-0.02, 0.02, 2), random.uniform(-0.15, 0.15))
        push = plan(pose, GOAL, lambda points: np.ones(len(points), bool))
        assert push is not None
        way = push.end - push.start
        length = float(np.linalg.norm(way))
        start = push.start + np.array(real)
        after = roll(pose[None], start[None], (way / length)[None], np.array([length]))[0, 0]
        learned.record(np.array([push.start, push.end]), pose, after)
    assert np.linalg.norm(learned.value - real) < 0.6 * np.linalg.norm(real)
    assert learned.command(push).start == pytest.approx(push.start - learned.value)


def test_a_push_of_no_length_teaches_nothing() -> None:
    learned = Offset()
    learned.record(np.zeros((2, 2)), GOAL, GOAL + 0.01)
    assert learned.value == pytest.approx([0.0, 0.0])
