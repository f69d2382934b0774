import os
import subprocess
import sys
import threading

import mink
import mujoco
import numpy as np
import pytest

from enpire.core.errors import EnvironmentFault
from enpire.simulation.rendering import Renderer, Viewpoint, use_fast_rendering
from tests.simulation.table_scene import DOWN, spec_with_camera

FOCAL = 300.0


def above(place=(0.3, 0.05, 0.8), height=240, width=320) -> Viewpoint:
    matrix = np.array([[FOCAL, 0, width / 2 - 20], [0, FOCAL, height / 2 + 9], [0, 0, 1]])
    T_world_camera = mink.SE3.from_rotation_and_translation(DOWN, np.array(place))
    return Viewpoint(T_world_camera=T_world_camera, matrix=matrix, height=height, width=width)


def scene_with_box() -> tuple[mujoco.MjModel, mujoco.MjData]:
    spec = spec_with_camera()
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX, pos=(0.36, 0.11, 0.05), size=(0.03, 0.04, 0.05), rgba=(0.9, 0.1, 0.1, 1)
    )
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def child(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, timeout=100)


@pytest.mark.usefixtures("needs_gl")
class TestPictures:
    def test_pixels_are_where_the_pinhole_matrix_says(self):
        model, data = scene_with_box()
        view = above()
        with Renderer(model) as renderer:
            _, depth = renderer.rgb_and_depth(data, view)
        rows, columns = np.nonzero(np.abs(depth - 0.7) < 0.002)  # the top of the box
        corners = np.array([[0.39, 0.15, 0.1], [0.33, 0.07, 0.1]])
        camera = np.array([view.T_world_camera.inverse().apply(corner) for corner in corners])
        (left, top), (right, bottom) = ((camera @ view.matrix.T) / camera[:, 2:])[:, :2]
        assert columns.min() == np.ceil(left) and columns.max() == np.floor(right)
        assert rows.min() == np.ceil(top) and rows.max() == np.floor(bottom)

    def test_depth_is_along_the_optical_axis_in_metres(self):
        model, data = scene_with_box()
        with Renderer(model) as renderer:
            rgb, depth = renderer.rgb_and_depth(data, above())
        assert rgb.dtype == np.uint8 and depth.dtype == np.float32
        assert np.percentile(depth, 95) == pytest.approx(0.8, abs=1e-4)  # the table, at the corners too
        assert np.nanmin(depth) == pytest.approx(0.7, abs=1e-4)

    def test_where_nothing_is_depth_is_nan(self):
        spec = mujoco.MjSpec()
        use_fast_rendering(spec)
        spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=(0.02, 0.02, 0.02), pos=(0.3, 0.05, 0))
        model = spec.compile()
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        with Renderer(model) as renderer:
            _, depth = renderer.rgb_and_depth(data, above())
        assert np.isnan(depth[0, 0])
        assert np.nanmin(depth) == pytest.approx(0.78, abs=1e-4)

    def test_picture_is_the_same_with_and_without_depth_and_again(self):
        model, data = scene_with_box()
        with Renderer(model) as renderer:
            first = renderer.rgb(data, above())
            with_depth, _ = renderer.rgb_and_depth(data, above())
            renderer.rgb(data, above(place=(0.2, 0.0, 0.5), height=96, width=96))
            again = renderer.rgb(data, above())
        assert first.std() > 5
        np.testing.assert_array_equal(first, with_depth)
        np.testing.assert_array_equal(first, again)

    def test_larger_pictures_than_planned(self):
        model, data = scene_with_box()
        with Renderer(model) as renderer:
            large = renderer.rgb(data, above(height=720, width=1280))
            small = renderer.rgb(data, above())
        assert large.shape == (720, 1280, 3) and large[360, 640].max() > 0 and large[200, 640].max() > 0
        assert small.std() > 5

    def test_two_models_side_by_side(self):
        (one, one_data), (two, two_data) = scene_with_box(), scene_with_box()
        two.geom_rgba[-1] = (0.1, 0.1, 0.9, 1)
        with Renderer(one) as red, Renderer(two) as blue:
            first = red.rgb(one_data, above())
            second = blue.rgb(two_data, above())
            np.testing.assert_array_equal(first, red.rgb(one_data, above()))
        changed = (first != second).any(axis=2)
        assert (first[changed][:, 0] > first[changed][:, 2]).all() and (
            second[changed][:, 2] > second[changed][:, 0]
        ).all()

    def test_closed_renderer_says_so(self):
        model, data = scene_with_box()
        renderer = Renderer(model)
        renderer.close()
        renderer.close()
        with pytest.raises(EnvironmentFault, match="closed"):
            renderer.rgb(data, above())

    def test_another_thread_is_refused(self):
        model, data = scene_with_box()
        caught: list[BaseException] = []

        def look(renderer: Renderer) -> None:
            try:
                renderer.rgb(data, above())
            except EnvironmentFault as error:
                caught.append(error)

        with Renderer(model) as renderer:
            renderer.rgb(data, above())
            thread = threading.Thread(target=look, args=(renderer,))
            thread.start()
            thread.join()
        assert "thread" in str(caught[0])

    def test_process_ends_without_complaints(self):
        code = (
            "import mujoco; from tests.simulation.test_rendering import *; model, data = scene_with_box();"
            "renderer = Renderer(model); print(renderer.rgb(data, above()).shape)"
        )
        ended = child(code)
        assert ended.stdout.strip() == "(240, 320, 3)"
        assert ended.stderr == "" and ended.returncode == 0


def test_turned_off_pictures_say_so():
    code = (
        "from tests.simulation.test_rendering import *; from enpire.core.errors import MissingProgram\n"
        "from enpire.simulation.rendering import gl_missing\n"
        "try: Renderer(scene_with_box()[0])\n"
        "except MissingProgram as error: assert str(error) == gl_missing(); print(error)"
    )
    ended = child(code, MUJOCO_GL="off", PYOPENGL_PLATFORM="")
    assert "turned off by MUJOCO_GL=off" in ended.stdout, ended.stderr


def test_without_a_library_the_packages_are_named():
    ended = child("from enpire.simulation import rendering as r; r._loads = lambda *_: False; print(r.gl_missing())")
    assert "libegl1 libgl1-mesa-dri" in ended.stdout and "libosmesa6" in ended.stdout, ended.stderr


@pytest.mark.usefixtures("needs_gl")
def test_no_shadows_are_drawn():
    spec = spec_with_camera()
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=(0.3, 0.05, 0.4), size=(0.02, 0.02, 0.02))
    spec.lights[0].pos = (0.3, 0.6, 1.0)
    spec.lights[0].dir = (0, -0.5, -1.0)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with Renderer(model) as renderer:
        rgb, depth = renderer.rgb_and_depth(data, above())
    table = rgb[depth > 0.79].astype(float)
    assert table.min() > 0.5 * np.median(table)


def test_settings_for_a_spec_and_for_a_model_are_the_same():
    compiled = spec_with_camera().compile()
    plain = mujoco.MjModel.from_xml_string("<mujoco><worldbody><light/><geom size='1'/></worldbody></mujoco>")
    use_fast_rendering(plain)
    for model in (compiled, plain):
        quality = model.vis.quality
        assert (quality.offsamples, quality.shadowsize, quality.numslices) == (0, 0, 10)
        assert model.stat.extent == 1.0 and model.vis.map.znear == pytest.approx(0.01)
