"""What a marker tracker gives, simulated or real: poses of the bodies that carry its markers."""

from collections.abc import Mapping
from dataclasses import dataclass

Pose = tuple[float, ...]
"""x, y, z in metres and quaternion w, x, y, z."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One measurement of all tagged bodies.

    Attributes:
        poses: T_world_body by name of the body; a body that is not seen is missing.
        age_s: Time since the measurement.
    """

    poses: Mapping[str, Pose]
    age_s: float
