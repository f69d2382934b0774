"""What a simulated station hides: how it differs from its model. Drawn once per station, then drifting.

A policy, an agent or a tool never sees a profile. It follows from the station's seed, its level and its hours of use.
"""

from dataclasses import dataclass, field
from typing import Literal

Level = Literal[0, 1, 2, 3]
"""0 ideal, 1 noise only, 2 real-like (the default), 3 nasty."""


@dataclass(frozen=True, kw_only=True)
class CameraProfile:
    """One camera as it really is.

    Attributes:
        shift_m: Where it really stands, minus where it is said to stand, in its own frame (x, y, z).
        turn_rad: Rotation vector from the said to the real orientation, in its own frame.
        gain: Factor per colour channel (r, g, b).
        blur_px: Standard deviation of the blur.
        noise: Standard deviation of the pixel noise, in grey levels of 255.
        delay_s: Age of a frame when it arrives.
        stale: Share of frames that do not arrive: the frame before is given again, with its age.
        depth_noise: Standard deviation of depth, as a share of it.
    """

    shift_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    turn_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur_px: float = 0.0
    noise: float = 0.0
    delay_s: float = 0.0
    stale: float = 0.0
    depth_noise: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TrackerProfile:
    """The marker tracker as it really is. Without a draw: one on its best day, which still is not exact.

    Attributes:
        shift_m: Where it takes the world's origin to be, minus where that is (x, y, z), world frame.
        turn_rad: Rotation vector from the world's axes to those that it takes for them.
        noise_m: Standard deviation of a place, per axis.
        noise_rad: Standard deviation of an orientation, per axis.
        delay_s: Age of a reading when it arrives.
        lost: Share of readings that do not arrive: the one before is given again, with its age.
    """

    shift_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    turn_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)
    noise_m: float = 0.0001
    noise_rad: float = 0.0005
    delay_s: float = 0.0
    lost: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ArmProfile:
    """One arm as it really is; values per joint.

    Attributes:
        zero_offset_rad: Reading minus truth.
        backlash_rad: Width of the play between motor and link.
        stiffness: Factor on the position gain.
        friction: Factor on the Coulomb friction.
        gravity: Share of its weight that the gravity compensation carries.
        effort_noise_nm: Standard deviation of effort readings.
    """

    zero_offset_rad: tuple[float, ...] = ()
    backlash_rad: tuple[float, ...] = ()
    stiffness: tuple[float, ...] = ()
    friction: tuple[float, ...] = ()
    gravity: float = 1.0
    effort_noise_nm: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One station at one moment of its life.

    Attributes:
        friction: Coefficient between table and objects.
        pad_friction: The same between fingertips and objects; falls with every grasp.
        mass: Factor on the mass of objects.
        center_of_mass_m: Shift of the center of mass of objects (x, y), object frame.
        fixture_shift_m: Where fixtures really stand, minus where the manual says (x, y), world frame.
        latency_s: From a command until the motors obey.
        late: Share of commands that come one tick late.
        dropped: Share of commands that are lost.
        light: Factor on the brightness; `light_colour` per channel; `light_shift_m` moves the lamp (x, y).
        arms, cameras: By name.
        tracker: What stands in for the cameras on a machine without OpenGL.
    """

    level: Level = 0
    friction: float = 0.4
    pad_friction: float = 1.0
    mass: float = 1.0
    center_of_mass_m: tuple[float, float] = (0.0, 0.0)
    fixture_shift_m: tuple[float, float] = (0.0, 0.0)
    latency_s: float = 0.0
    late: float = 0.0
    dropped: float = 0.0
    light: float = 1.0
    light_colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    light_shift_m: tuple[float, float] = (0.0, 0.0)
    arms: dict[str, ArmProfile] = field(default_factory=dict)
    cameras: dict[str, CameraProfile] = field(default_factory=dict)
    tracker: TrackerProfile = field(default_factory=TrackerProfile)
