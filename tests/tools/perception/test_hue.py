import numpy as np
import pytest

from enpire.tools.perception.hue import split, tint
from enpire.tools.perception.t_outline import T_COLOUR


def share_of(rgb: tuple[float, float, float]) -> float:
    picture = np.full((4, 4, 3), np.rint(255 * np.array(rgb)), np.uint8)
    return float(tint(picture, T_COLOUR).share.mean())


@pytest.mark.parametrize("factor", [0.3, 0.6, 1.0, 1.5])
def test_lit_and_shaded_faces_have_about_the_same_share(factor):
    r, g, b = (factor * channel for channel in T_COLOUR)
    assert share_of((r, g, b)) == pytest.approx(share_of(T_COLOUR), rel=0.3)


@pytest.mark.parametrize(
    "other",
    [(0.72, 0.70, 0.66), (0.82, 0.83, 0.85), (0.18, 0.18, 0.2), (0.7, 0.62, 0.86), (0.05, 0.05, 0.05)],
    ids=["table", "shell of the arm", "dark of the arm", "printed goal", "mark"],
)
def test_what_else_is_on_the_table_has_none(other):
    assert share_of(other) < 0.1 * share_of(T_COLOUR)


@pytest.mark.parametrize(
    "other", [(0.8, 0.7, 0.1), (0.1, 0.5, 0.8), (0.85, 0.55, 0.1)], ids=["yellow", "blue", "orange"]
)
def test_other_hues_have_none_however_strong(other):
    assert share_of(other) <= 0.0


def test_split_lies_between_and_never_in_the_noise():
    random = np.random.default_rng(0)
    table, block = random.normal(0.02, 0.02, 5000), random.normal(0.8, 0.05, 100)
    both = np.concatenate([table, block]).astype(np.float32)
    assert table.max() < split(both, 0.05) < block.min()
    assert split(table.astype(np.float32), 0.12) == pytest.approx(0.12)
