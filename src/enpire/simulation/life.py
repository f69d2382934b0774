"""What time does to a station: its profile drifts with hours, episodes and grasps, and is kept between campaigns."""

import secrets
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import mink
import mujoco
import numpy as np

from enpire.core.errors import BadInput
from enpire.core.files import write_durably
from enpire.core.records import decode, encode
from enpire.simulation import scene
from enpire.simulation.arms import yam
from enpire.simulation.draw import draw
from enpire.simulation.profile import ArmProfile, CameraProfile, Level, Profile
from enpire.simulation.world import World

MOST_HOURS = 1e6
STEP_H = 0.1
"""Drift is drawn on this grid and linear between."""
FRICTION_SD, FRICTION_TAU_H = 0.05, 1.0
"""Ornstein-Uhlenbeck process of the friction between table and objects."""
ZERO_RAD_PER_SQRT_H = 3e-4
"""Random walk of the joints' zeros."""
WEAR_PER_GRASP = 0.02 / 100
"""Pad friction that a grasp costs."""
LEAST_PAD_FRICTION = 0.4
WARM_UP = 0.1
"""Share of the joints' dry friction that goes as they get warm, with this time constant:"""
WARM_UP_H = 1 / 3
DAYLIGHT = 0.1
"""Amplitude of the brightness over a day of 24 hours."""
BUMP_RATE, BUMP_M = 1 / 200, (0.001, 0.003)
"""Share of episodes in which something bumps into a camera, and how far it moves then."""


@dataclass(kw_only=True)
class StationLife:
    """A station from its first day on. Levels 0 and 1 do not drift; level 3 drifts twice as fast as level 2.

    Attributes:
        seed: Station; hidden from everybody else.
        level: How far from ideal it is.
        hours: Time in use.
        episodes: Played so far.
        grasps: Since the pads were cleaned.
        warm_h: Time in use since it was switched on; not kept.
    """

    seed: int
    level: Level
    hours: float = 0.0
    episodes: int = 0
    grasps: int = 0
    warm_h: float = field(default=0.0, compare=False)

    @classmethod
    def fresh(cls, *, seed: int, level: int) -> "StationLife":
        """A station on its first day.

        Raises:
            BadInput: No such level.
        """
        draw(seed, _level(level))
        return cls(seed=seed, level=_level(level))

    @classmethod
    def open(cls, path: Path, *, level: int) -> "StationLife":
        """The station whose life `path` keeps; a new one with a random seed if there is no such file.

        Raises:
            BadInput: No such level, or the file cannot be read, holds something else, or what cannot be.
        """
        if not path.exists():
            return cls.fresh(seed=secrets.randbits(62), level=level)
        try:
            kept = decode(path.read_bytes(), StationLife)
            if not (0 <= kept.hours < MOST_HOURS and kept.episodes >= 0 and kept.grasps >= 0 and kept.seed >= 0):
                raise BadInput("a number in it is negative, or there are more hours than a century has")
        except (BadInput, OSError) as error:
            raise BadInput(
                f"{path} does not keep the life of a station ({error}); move it away for a new one"
            ) from None
        return replace(kept, level=_level(level), warm_h=0.0)

    def save(self, path: Path) -> None:
        """Keep it; readable by the owner only."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, encode(self), 0o600)

    def live(self, robot_s: float, *, grasps: int = 0, episodes: int = 1) -> None:
        """Time passes: `robot_s` seconds of use, with so many grasps and episodes."""
        self.hours += robot_s / 3600
        self.warm_h += robot_s / 3600
        self.grasps += grasps
        self.episodes += episodes

    def clean(self) -> None:
        """Somebody wipes the pads."""
        self.grasps = 0

    def now(self) -> Profile:
        """The station as it is today."""
        born = draw(self.seed, self.level)
        if self.level < 2:
            return born
        speed = float(self.level - 1)
        daylight = DAYLIGHT * np.sin(2 * np.pi * self.hours / 24 + self._stream("day").uniform(0, 2 * np.pi))
        return replace(
            born,
            friction=max(0.05, born.friction + speed * FRICTION_SD * self._returning("friction", FRICTION_TAU_H)),
            pad_friction=max(LEAST_PAD_FRICTION, born.pad_friction - speed * WEAR_PER_GRASP * self.grasps),
            light=born.light * (1 + float(daylight)),
            arms={name: self._arm(name, arm, speed) for name, arm in born.arms.items()},
            cameras={name: self._camera(name, camera, speed) for name, camera in born.cameras.items()},
        )

    def apply(self, world: World, profile: Profile) -> None:
        """Write what drifts into a compiled station: friction, light, poses of cameras. The robot has its `renew`."""
        write_profile(world.model, profile)

    def _arm(self, name: str, born: ArmProfile, speed: float) -> ArmProfile:
        walk = [speed * ZERO_RAD_PER_SQRT_H * self._walking(f"{name} {i}") for i in range(len(born.zero_offset_rad))]
        warm = 1 - WARM_UP * float(1 - np.exp(-self.warm_h / WARM_UP_H))
        return replace(
            born,
            zero_offset_rad=tuple(z + w for z, w in zip(born.zero_offset_rad, walk, strict=True)),
            friction=tuple(f * warm for f in born.friction),
        )

    def _camera(self, name: str, born: CameraProfile, speed: float) -> CameraProfile:
        chance = self._stream(f"{name} bumps")
        shift = np.array(born.shift_m)
        happens = chance.random(self.episodes) < speed * BUMP_RATE
        for _ in range(int(happens.sum())):
            way = chance.standard_normal(3)
            shift += way / np.linalg.norm(way) * chance.uniform(*BUMP_M)
        return replace(born, shift_m=(float(shift[0]), float(shift[1]), float(shift[2])))

    def _walking(self, name: str) -> float:
        """Random walk with variance 1 per hour, today."""
        return self._today(np.sqrt(STEP_H) * np.cumsum(self._noise(name)))

    def _returning(self, name: str, tau_h: float) -> float:
        """Ornstein-Uhlenbeck process with standard deviation 1, today; it starts at 0."""
        kept = np.exp(-STEP_H / tau_h)
        values, value = [], 0.0
        for noise in self._noise(name):
            value = kept * value + np.sqrt(1 - kept**2) * float(noise)
            values.append(value)
        return self._today(np.array(values))

    def _noise(self, name: str) -> np.ndarray:
        return self._stream(name).standard_normal(int(self.hours / STEP_H) + 1)

    def _today(self, values: np.ndarray) -> float:
        steps = self.hours / STEP_H
        return float(np.interp(steps, np.arange(len(values) + 1), [0.0, *values]))

    def _stream(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(name.encode()), 1])


def write_profile(model: mujoco.MjModel, profile: Profile) -> None:
    """Make a compiled station what `scene.station_spec(profile)` would be, save for masses and motor gains."""
    model.geom("table").friction[0] = profile.friction
    place, direct, ambient = scene.lamp(profile)
    lamp = model.light("lamp")
    lamp.pos[:], lamp.diffuse[:] = place, direct
    model.vis.headlight.ambient[:] = ambient
    _pose(model, "top", scene.top_in_world(), profile)
    for arm in scene.ARM_BASES:
        if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, f"{arm}_base") < 0:
            continue
        for pad in yam.pad_geoms(arm):
            model.geom(pad).friction[0] = profile.pad_friction
        factors = profile.arms.get(arm, ArmProfile()).friction
        for i, friction in enumerate(yam.COULOMB):
            model.joint(f"{arm}_joint{i + 1}").frictionloss[:] = friction * (factors[i] if factors else 1.0)
        _pose(model, f"{arm}_wrist", yam.wrist_in_link6(), profile)


def _pose(model: mujoco.MjModel, camera: str, said: mink.SE3, profile: Profile) -> None:
    at = model.camera(camera)
    at.pos[:], at.quat[:] = scene.mujoco_camera(scene.real_pose(said, profile.cameras.get(camera)))


def _level(level: int) -> Level:
    if level not in (0, 1, 2, 3):
        raise BadInput(f"level={level!r} is not one of 0, 1, 2, 3")
    known: dict[int, Level] = {0: 0, 1: 1, 2: 2, 3: 3}
    return known[level]
