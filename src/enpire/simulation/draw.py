"""The hidden profile of a station, drawn from its seed."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from enpire.core.errors import BadInput
from enpire.simulation.profile import ArmProfile, CameraProfile, Level, Profile, TrackerProfile

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How much stations of one level differ from each other: ranges (low, high) and standard deviations (`_sd`).

    Attributes:
        friction, pad_friction, mass, joint_friction, stiffness, gravity: Ranges; the last four are factors.
        center_of_mass_m: Largest shift along each axis.
        fixture_m: Largest shift of fixtures along each axis: they are put down by eye.
        zero_offset_sd_rad: Of each joint.
        latency_s, late, dropped: Way of a command to the motors.
        camera_sd_m, camera_sd_rad: Root mean square of the whole shift and of the whole turn of a camera.
        gain, blur_px, delay_s, stale, depth_noise: Ranges, per camera.
        light, light_colour, light_shift_m: Lamp.
        tracker_sd_m, tracker_sd_rad: Root mean square of the whole shift and of the whole turn of the marker tracker.
        tracker_noise_m, tracker_noise_rad, tracker_delay_s, tracker_lost: Ranges.
    """

    friction: Range
    pad_friction: Range
    mass: Range
    center_of_mass_m: float
    fixture_m: float
    joint_friction: Range
    stiffness: Range
    gravity: Range
    zero_offset_sd_rad: float
    latency_s: Range
    late: float
    dropped: float
    camera_sd_m: float
    camera_sd_rad: float
    gain: Range
    blur_px: Range
    delay_s: Range
    stale: Range
    depth_noise: Range
    light: Range
    light_colour: Range
    light_shift_m: float
    tracker_sd_m: float
    tracker_sd_rad: float
    tracker_noise_m: Range
    tracker_noise_rad: Range
    tracker_delay_s: Range
    tracker_lost: Range


REAL_LIKE = Spread(
    friction=(0.25, 0.6), pad_friction=(0.7, 1.1), mass=(0.85, 1.15), center_of_mass_m=0.004, fixture_m=0.015,
    joint_friction=(0.8, 1.2), stiffness=(0.95, 1.05), gravity=(0.97, 1.03), zero_offset_sd_rad=0.002,
    latency_s=(0.01, 0.04), late=0.01, dropped=0.001,
    camera_sd_m=0.002, camera_sd_rad=float(np.deg2rad(0.3)), gain=(0.9, 1.1), blur_px=(0.3, 0.8),
    delay_s=(0.033, 0.066), stale=(0.005, 0.01), depth_noise=(0.002, 0.005),
    light=(0.6, 1.4), light_colour=(0.93, 1.07), light_shift_m=0.2,
    tracker_sd_m=0.0004, tracker_sd_rad=float(np.deg2rad(0.05)), tracker_noise_m=(0.0001, 0.0003),
    tracker_noise_rad=(0.001, 0.003), tracker_delay_s=(0.01, 0.03), tracker_lost=(0.005, 0.02),
)  # fmt: skip
"""Level 2."""
NASTY = Spread(
    friction=(0.15, 0.7), pad_friction=(0.5, 1.2), mass=(0.7, 1.3), center_of_mass_m=0.008, fixture_m=0.02,
    joint_friction=(0.6, 1.4), stiffness=(0.9, 1.1), gravity=(0.94, 1.06), zero_offset_sd_rad=0.004,
    latency_s=(0.02, 0.07), late=0.03, dropped=0.005,
    camera_sd_m=0.004, camera_sd_rad=float(np.deg2rad(0.6)), gain=(0.8, 1.2), blur_px=(0.5, 1.5),
    delay_s=(0.05, 0.1), stale=(0.01, 0.03), depth_noise=(0.004, 0.01),
    light=(0.4, 1.6), light_colour=(0.85, 1.15), light_shift_m=0.4,
    tracker_sd_m=0.0008, tracker_sd_rad=float(np.deg2rad(0.1)), tracker_noise_m=(0.0002, 0.0006),
    tracker_noise_rad=(0.002, 0.006), tracker_delay_s=(0.02, 0.06), tracker_lost=(0.01, 0.05),
)  # fmt: skip
"""Level 3."""
YAM_PLAY_DEG: Range = (0.1, 0.4)
SO101_PLAY_DEG: Range = (0.8, 1.0)
"""Width of the play of the joints of an SO-101: half a degree to each side."""
EFFORT_NOISE_NM = 0.05
PIXEL_NOISE = 2.0
"""Grey levels of 255."""


def draw(
    seed: int,
    level: Level,
    *,
    arms: Sequence[str] = ("left", "right"),
    joints: int = 6,
    play_deg: Range = YAM_PLAY_DEG,
) -> Profile:
    """Profile of the station `seed` on its first day.

    Every quantity has a random stream of its own, so a station keeps its character across levels.

    Args:
        seed: Station.
        level: 0: exact. 1: noise of readings only. 2: as real stations are. 3: nasty.
        arms: Names; each has a wrist camera.
        joints: Per arm, without the gripper.
        play_deg: Range of the width of the play of the joints; twice as much at level 3.

    Raises:
        BadInput: No such level.
    """
    if level not in (0, 1, 2, 3):
        raise BadInput(f"level={level!r} is not one of 0, 1, 2, 3")
    cameras = ("top", *(f"{arm}_wrist" for arm in arms))
    if level == 0:
        return Profile()
    if level == 1:
        noisy = CameraProfile(noise=PIXEL_NOISE, depth_noise=REAL_LIKE.depth_noise[0])
        return Profile(
            level=1,
            arms={arm: ArmProfile(effort_noise_nm=EFFORT_NOISE_NM) for arm in arms},
            cameras=dict.fromkeys(cameras, noisy),
            tracker=TrackerProfile(noise_m=REAL_LIKE.tracker_noise_m[0], noise_rad=REAL_LIKE.tracker_noise_rad[0]),
        )
    spread, chance = (REAL_LIKE if level == 2 else NASTY), _Chance(seed)
    play = (play_deg[0] * (level - 1), play_deg[1] * (level - 1))
    return Profile(
        level=level,
        friction=chance.between("friction", spread.friction),
        pad_friction=chance.between("pad_friction", spread.pad_friction),
        mass=chance.between("mass", spread.mass),
        center_of_mass_m=(
            chance.around("center_x", spread.center_of_mass_m),
            chance.around("center_y", spread.center_of_mass_m),
        ),
        fixture_shift_m=(
            chance.around("fixture_x", spread.fixture_m),
            chance.around("fixture_y", spread.fixture_m),
        ),
        latency_s=chance.between("latency", spread.latency_s),
        late=spread.late,
        dropped=spread.dropped,
        light=chance.between("light", spread.light),
        light_colour=chance.three("light_colour", spread.light_colour),
        light_shift_m=(chance.around("light_x", spread.light_shift_m), chance.around("light_y", spread.light_shift_m)),
        arms={arm: _arm(chance, spread, arm, joints, play) for arm in arms},
        cameras={camera: _camera(chance, spread, camera) for camera in cameras},
        tracker=_tracker(chance, spread),
    )


def _arm(chance: "_Chance", spread: Spread, arm: str, joints: int, play_deg: Range) -> ArmProfile:
    each = [f"{arm}_joint{i + 1}" for i in range(joints)]
    return ArmProfile(
        zero_offset_rad=tuple(chance.normal(f"{j} zero", spread.zero_offset_sd_rad) for j in each),
        backlash_rad=tuple(float(np.deg2rad(chance.between(f"{j} play", play_deg))) for j in each),
        stiffness=tuple(chance.between(f"{j} stiffness", spread.stiffness) for j in each),
        friction=tuple(chance.between(f"{j} friction", spread.joint_friction) for j in each),
        gravity=chance.between(f"{arm} gravity", spread.gravity),
        effort_noise_nm=EFFORT_NOISE_NM,
    )


def _camera(chance: "_Chance", spread: Spread, camera: str) -> CameraProfile:
    shift, turn = spread.camera_sd_m / np.sqrt(3), spread.camera_sd_rad / np.sqrt(3)
    along = [chance.normal(f"{camera} shift {axis}", shift) for axis in "xyz"]
    about = [chance.normal(f"{camera} turn {axis}", turn) for axis in "xyz"]
    return CameraProfile(
        shift_m=(along[0], along[1], along[2]),
        turn_rad=(about[0], about[1], about[2]),
        gain=chance.three(f"{camera} gain", spread.gain),
        blur_px=chance.between(f"{camera} blur", spread.blur_px),
        noise=PIXEL_NOISE,
        delay_s=chance.between(f"{camera} delay", spread.delay_s),
        stale=chance.between(f"{camera} stale", spread.stale),
        depth_noise=chance.between(f"{camera} depth", spread.depth_noise),
    )


def _tracker(chance: "_Chance", spread: Spread) -> TrackerProfile:
    shift, turn = spread.tracker_sd_m / np.sqrt(3), spread.tracker_sd_rad / np.sqrt(3)
    along = [chance.normal(f"tracker shift {axis}", shift) for axis in "xyz"]
    about = [chance.normal(f"tracker turn {axis}", turn) for axis in "xyz"]
    return TrackerProfile(
        shift_m=(along[0], along[1], along[2]),
        turn_rad=(about[0], about[1], about[2]),
        noise_m=chance.between("tracker noise_m", spread.tracker_noise_m),
        noise_rad=chance.between("tracker noise_rad", spread.tracker_noise_rad),
        delay_s=chance.between("tracker delay", spread.tracker_delay_s),
        lost=chance.between("tracker lost", spread.tracker_lost),
    )


class _Chance:
    """One random number per name, in (0, 1)."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def _share(self, name: str) -> float:
        return float(np.random.default_rng([self._seed, zlib.crc32(name.encode())]).uniform(1e-4, 1 - 1e-4))

    def between(self, name: str, bounds: Range) -> float:
        return bounds[0] + (bounds[1] - bounds[0]) * self._share(name)

    def around(self, name: str, most: float) -> float:
        return self.between(name, (-most, most))

    def normal(self, name: str, sd: float) -> float:
        return float(sd * ndtri(self._share(name)))

    def three(self, name: str, bounds: Range) -> tuple[float, float, float]:
        return (
            self.between(f"{name} r", bounds), self.between(f"{name} g", bounds), self.between(f"{name} b", bounds)
        )  # fmt: skip
