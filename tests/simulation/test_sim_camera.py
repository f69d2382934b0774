import mujoco
import numpy as np
import pytest

from enpire.core.errors import BadInput, UnknownName
from enpire.simulation.profile import CameraProfile, Profile
from enpire.simulation.sim_camera import sim_cameras
from enpire.simulation.world import World
from tests.simulation.table_scene import calibration, only_camera, spec_with_camera, world_with_slider

PERIOD = 1 / 30
REAL = CameraProfile(gain=(1.1, 1.0, 0.9), blur_px=0.6, noise=2.5, delay_s=0.05, stale=0.2, depth_noise=0.003)


def run(world: World, ticks: int) -> None:
    for _ in range(ticks):
        world.advance(0.01)


def block_y(rgb: np.ndarray) -> float:
    """Where the green block's top is seen, m."""
    said = calibration()
    green = rgb[..., 1].astype(int) - rgb[..., 0] > 40
    column = np.nonzero(green)[1].mean()
    return -(column - said.matrix[0][2]) / said.matrix[0][0] * (0.9 - 0.04)


class TestWhichFrame:
    """No picture is taken in these."""

    def test_ideal_camera_exposes_thirty_times_a_second(self):
        world = world_with_slider()
        camera = only_camera(world)
        camera.begin_episode(0)
        ages = []
        for _ in range(30):
            ages.append(round(camera.age_s() * 100))
            world.advance(0.01)
        assert ages[:11] == [0, 1, 2, 0, 1, 2, 3, 0, 1, 2, 0]  # ticks 0, 3, 7, 10
        assert max(ages) == 3

    def test_delay_is_the_age_of_the_youngest_frame(self):
        world = world_with_slider()
        camera = only_camera(world, CameraProfile(delay_s=0.05))
        camera.begin_episode(0)
        ages = []
        for _ in range(300):
            ages.append(camera.age_s())
            world.advance(0.01)
        assert 0.05 - 1e-9 <= min(ages) < 0.061 and 0.07 < max(ages) < 0.095

    def test_lost_frames_make_older_ones_come_again(self):
        world = world_with_slider()
        camera = only_camera(world, CameraProfile(stale=0.3))
        camera.begin_episode(5)
        lost = 0
        for _ in range(900):
            run(world, 3)
            lost += camera.age_s() > PERIOD + 0.006
        assert 0.2 < lost / 900 < 0.4

    def test_what_is_lost_follows_from_the_seed(self):
        def ages(seed: int) -> list[float]:
            world = world_with_slider()
            camera = only_camera(world, REAL)
            camera.begin_episode(seed)
            seen = []
            for _ in range(200):
                run(world, 1)
                seen.append(round(camera.age_s(), 6))
            return seen

        assert ages(1) == ages(1)
        assert ages(1) != ages(2)

    def test_frozen_camera_ages_and_recovers(self):
        world = world_with_slider()
        camera = only_camera(world)
        camera.begin_episode(0)
        run(world, 10)
        camera.fail("frozen", 0.5)
        run(world, 40)
        assert camera.age_s() == pytest.approx(0.4)
        run(world, 11)
        assert camera.age_s() < 0.04

    def test_delayed_camera(self):
        world = world_with_slider()
        camera = only_camera(world)
        camera.begin_episode(0)
        run(world, 100)
        camera.fail("delayed", 1.0)
        assert 0.3 <= camera.age_s() < 0.34

    def test_unknown_camera_is_named(self):
        world = world_with_slider()
        with pytest.raises(UnknownName, match="'side'; known: top"):
            sim_cameras(world, {"side": calibration(name="side")}, Profile())

    def test_swapped_needs_another(self):
        camera = only_camera(world_with_slider())
        with pytest.raises(BadInput, match="another camera"):
            camera.fail("swapped", 1.0)


@pytest.mark.usefixtures("needs_gl")
class TestPictures:
    def test_picture_shows_the_moment_of_the_exposure_not_of_the_look(self):
        world = world_with_slider(speed_m_s=0.5)
        camera = only_camera(world, CameraProfile(delay_s=0.05))
        camera.begin_episode(0)
        run(world, 25)
        frame = camera.look()
        assert block_y(frame.rgb) == pytest.approx(0.5 * (world.time_s - frame.age_s), abs=0.002)
        assert frame.age_s >= 0.05

    def test_before_the_episode_the_scene_stood_still(self):
        world = world_with_slider(speed_m_s=0.5)
        camera = only_camera(world, CameraProfile(delay_s=0.05))
        run(world, 10)
        camera.begin_episode(0)
        frame = camera.look()
        assert frame.age_s >= 0.05
        assert block_y(frame.rgb) == pytest.approx(0.05, abs=0.002)

    def test_bytes_follow_from_seed_and_frame_never_from_who_looked(self):
        def picture(looks: set[int], seed: int = 3) -> bytes:
            world = world_with_slider(speed_m_s=0.2)
            camera = only_camera(world, REAL)
            camera.begin_episode(seed)
            for tick in range(60):
                if tick in looks:
                    camera.look(depth=tick % 2 == 0)
                world.advance(0.01)
            rgb = camera.look().rgb.tobytes()
            assert rgb == camera.look(depth=True).rgb.tobytes()
            camera.close()
            return rgb

        assert picture(set()) == picture({0, 7, 8, 9, 30, 59}) == picture(set(range(60)))
        assert picture(set()) != picture(set(), seed=4)

    def test_looking_twice_gives_the_same_bytes_and_only_age_changes(self):
        world = world_with_slider(speed_m_s=0.2)
        camera = only_camera(world, CameraProfile(noise=3.0))
        camera.begin_episode(0)
        first = camera.look()
        world.advance(0.01)
        second = camera.look()
        assert first.rgb.tobytes() == second.rgb.tobytes()
        assert second.age_s == pytest.approx(first.age_s + 0.01)
        run(world, 3)
        assert camera.look().rgb.tobytes() != first.rgb.tobytes()

    def test_frames_cannot_be_written_into(self):
        frame = only_camera(world_with_slider()).look(depth=True)
        with pytest.raises(ValueError, match="read-only"):
            frame.rgb[0, 0] = 0
        assert frame.depth_m is not None and not frame.depth_m.flags.writeable

    def test_noise_gain_and_blur_are_those_of_the_profile(self):
        exact = only_camera(world_with_slider()).look().rgb[:60].astype(float)
        noisy = only_camera(world_with_slider(), CameraProfile(noise=3.0)).look().rgb[:60]
        assert (noisy - exact).std() == pytest.approx(3.0, rel=0.05)
        tinted = only_camera(world_with_slider(), CameraProfile(gain=(1.2, 1.0, 0.8))).look().rgb[:60]
        assert (tinted.mean(axis=(0, 1)) / exact.mean(axis=(0, 1))) == pytest.approx([1.2, 1.0, 0.8], abs=0.01)

        sharp = only_camera(world_with_slider()).look().rgb
        blurred = only_camera(world_with_slider(), CameraProfile(blur_px=1.0)).look().rgb
        row = sharp.shape[0] // 2

        def steepest(rgb: np.ndarray) -> float:
            return float(np.abs(np.diff(rgb[row, :, 0].astype(float))).max())

        assert steepest(blurred) == pytest.approx(steepest(sharp) * 0.38, rel=0.15)  # 1 / sqrt(2 pi) of a unit step
        assert blurred.mean() == pytest.approx(sharp.mean(), abs=0.5)

    def test_depth_noise_is_a_share_of_depth_and_edges_are_holes(self):
        exact = only_camera(world_with_slider()).look(depth=True).depth_m
        measured = only_camera(world_with_slider(), CameraProfile(depth_noise=0.004)).look(depth=True).depth_m
        assert exact is not None and measured is not None and not np.isnan(exact).any()
        assert np.nanstd((measured - exact) / exact) == pytest.approx(0.004, rel=0.05)
        assert 20 < np.isnan(measured).sum() < 500

    def test_black_and_swapped(self):
        spec = spec_with_camera(("top",))
        spec.worldbody.add_camera(name="side", pos=(0.3, 0.6, 0.4), xyaxes=(-1, 0, 0, 0, 0, 1))
        spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=(0.02, 0.02, 0.4), pos=(0.3, 0, 0.0))
        world = World(spec)
        said = {"top": calibration(), "side": calibration(name="side")}
        cameras = sim_cameras(world, said, Profile())
        top, side = cameras["top"], cameras["side"]
        top.fail("swapped", 0.1, other=side)
        assert top.look().rgb.tobytes() == side.look().rgb.tobytes()
        run(world, 11)
        assert top.look().rgb.tobytes() != side.look().rgb.tobytes()
        top.fail("black", 0.1)
        frame = top.look(depth=True)
        assert frame.rgb.max() == 0 and frame.depth_m is not None and np.isnan(frame.depth_m).all()

    def test_pose_is_the_real_one_of_the_scene(self):
        world = world_with_slider()
        before = block_y(only_camera(world).look().rgb)
        world.model.cam_pos[0, 1] += 0.01
        after = block_y(only_camera(world).look().rgb)
        assert after - before == pytest.approx(-0.01, abs=0.0015)

    def test_restoring_an_earlier_state_starts_the_film_again(self):
        world = world_with_slider(speed_m_s=0.5)
        camera = only_camera(world)
        state = world.capture()
        run(world, 50)
        camera.look()
        world.restore(state)
        assert block_y(camera.look().rgb) == pytest.approx(0.0, abs=0.002)
        assert camera.age_s() == 0.0
