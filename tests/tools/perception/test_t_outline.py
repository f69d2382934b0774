import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.core.camera import Frame
from enpire.tools import catalogue
from enpire.tools.errors import ToolError
from enpire.tools.perception import t_outline
from enpire.tools.perception.errors import NotSeen
from tests.tools.perception.looking import TABLE, drawn_t, put, station, take, top, view_of, yaw_error


def view_of_drawing(rgb: np.ndarray, height: int = 480, width: int = 640):
    return view_of(Frame(rgb=rgb, age_s=0.0), top(height, width))


@settings(max_examples=25, deadline=None)
@given(x=st.floats(0.2, 0.45), y=st.floats(-0.25, 0.25), yaw=st.floats(-np.pi, np.pi))
def test_drawn_block_is_found_wherever_it_lies(x, y, yaw):
    found = t_outline.find(view_of_drawing(drawn_t(np.array([x, y, yaw]), top())))
    assert np.hypot(found.x_m - x, found.y_m - y) < 0.0017
    assert yaw_error(found.yaw_rad, yaw) < np.deg2rad(0.8)
    assert -np.pi < found.yaw_rad <= np.pi
    assert found.quality > 0.7


@pytest.mark.parametrize("factor", [0.35, 1.3])
@pytest.mark.parametrize("white", [0, 60])
def test_neither_brightness_nor_a_whitish_gleam_matters(factor, white):
    pose = np.array([0.3, 0.05, 0.7])
    rgb = drawn_t(pose, top()).astype(float) * factor + white
    found = t_outline.find(view_of_drawing(np.clip(rgb, 0, 255).astype(np.uint8)))
    assert np.hypot(found.x_m - pose[0], found.y_m - pose[1]) < 0.0017
    assert yaw_error(found.yaw_rad, pose[2]) < np.deg2rad(0.8)


def test_half_of_the_block_in_front_of_which_something_is():
    pose = np.array([0.3, 0.05, 0.7])
    rgb = drawn_t(pose, top())
    whole = t_outline.find(view_of_drawing(rgb.copy()))
    rows, _ = np.nonzero(rgb[..., 1] < 150)
    rgb[int(rows.mean()) :, :] = (45, 45, 50)  # an arm as dark as ours
    found = t_outline.find(view_of_drawing(rgb))
    assert found.hidden > 0.2 > 0.05 > whole.hidden
    assert found.quality < whole.quality - 0.2
    if found.quality > 0.4:
        assert np.hypot(found.x_m - pose[0], found.y_m - pose[1]) < 0.003


def test_empty_table():
    rgb = np.empty((480, 640, 3), np.uint8)
    rgb[:] = TABLE
    noise = np.random.default_rng(0).normal(0, 3, rgb.shape)
    with pytest.raises(NotSeen):
        t_outline.find(view_of_drawing(np.clip(rgb + noise, 0, 255).astype(np.uint8)))


def test_something_else_of_the_colour_is_no_block():
    rgb = np.empty((480, 640, 3), np.uint8)
    rgb[:] = TABLE
    rgb[200:215, 300:315] = np.rint(255 * np.array(t_outline.T_COLOUR))
    with pytest.raises(NotSeen, match="too little"):
        t_outline.find(view_of_drawing(rgb))
    rgb[100:180, 200:280] = np.rint(255 * np.array(t_outline.T_COLOUR))  # large enough, but a square
    with pytest.raises(NotSeen, match="nothing of its outline"):
        t_outline.find(view_of_drawing(rgb))


@pytest.mark.parametrize(
    "polygon",
    [[[0, 0], [0, 1], [1, 1], [1, 0]], [[0, 0], [1, 0], [0.5, 0.1], [1, 1]], [[0, 0], [1, 0]], [[0, 0]] * 4],
    ids=["clockwise", "not convex", "two corners", "a point"],
)
def test_polygons_that_are_none(polygon):
    view = view_of_drawing(drawn_t(np.array([0.3, 0.0, 0.0]), top()))
    with pytest.raises(ToolError, match="convex polygons"):
        t_outline.find(view, (np.array(polygon, float) * 0.1,))


def test_grey_has_no_hue():
    view = view_of_drawing(drawn_t(np.array([0.3, 0.0, 0.0]), top()))
    with pytest.raises(ToolError, match="grey"):
        t_outline.find(view, colour=(0.5, 0.5, 0.52))


def test_it_is_a_tool_for_policies():
    tool = catalogue.describe("t_outline.find")
    assert [parameter.name for parameter in tool.parameters if parameter.required] == ["view"]


@pytest.mark.usefixtures("needs_gl")
class TestSimulatedCamera:
    @pytest.mark.parametrize(("height", "width", "most_m"), [(480, 640, 0.0017), (224, 224, 0.0035)])
    def test_found_to_a_fraction_of_a_pixel(self, height, width, most_m):
        world, camera = station(height, width)
        random = np.random.default_rng(1)
        errors, turns = [], []
        for number in range(20):
            x, y, yaw = random.uniform(0.22, 0.44), random.uniform(-0.2, 0.2), random.uniform(-np.pi, np.pi)
            put(world, "block", x, y, 0.0, yaw)
            found = t_outline.find(take(camera, number))
            errors.append(np.hypot(found.x_m - x, found.y_m - y))
            turns.append(yaw_error(found.yaw_rad, yaw))
        camera.close()
        assert np.median(errors) < most_m / 3 and max(errors) < most_m
        assert np.median(turns) < np.deg2rad(0.2) and max(turns) < np.deg2rad(0.8)

    def test_quality_tells_good_from_bad(self):
        """A board hides random parts; wherever the quality is 0.5 or more, the pose is right."""
        world, camera = station()
        random = np.random.default_rng(2)
        good, hidden = 0, []
        for number in range(40):
            x, y, yaw = random.uniform(0.25, 0.42), random.uniform(-0.15, 0.15), random.uniform(-np.pi, np.pi)
            put(world, "block", x, y, 0.0, yaw)
            put(world, "board", x + random.normal(0, 0.05), y + random.normal(0, 0.05), 0.1, random.uniform(0, 3))
            found = t_outline.find(take(camera, number))
            hidden.append(found.hidden)
            if found.quality >= 0.5:
                good += 1
                assert np.hypot(found.x_m - x, found.y_m - y) < 0.0025
                assert yaw_error(found.yaw_rad, yaw) < np.deg2rad(1.5)
        camera.close()
        assert good >= 25 and max(hidden) > 0.2
