"""The nominal arms of a station and its postures, for tests of tools."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from enpire.simulation.arms.yam import HOME, nominal_model
from enpire.simulation.scene import ARM_BASES, calibrations
from enpire.tools.kinematics.arm import Arm
from enpire.tools.station import Station

HOME_RAD: NDArray[np.float64] = np.array(HOME[:6])


@cache
def arms() -> dict[str, Arm]:
    model = nominal_model(ARM_BASES)
    return {name: Arm(model, name) for name in ARM_BASES}


@cache
def left() -> Arm:
    return arms()["left"]


def station() -> Station:
    def look(camera: str, depth: bool):
        raise AssertionError(f"nobody should look through {camera} here")

    return Station(
        arms=arms(),
        joints=dict.fromkeys(arms(), HOME_RAD),
        calibrations=calibrations(224, 224),
        look=look,
        period_s=1 / 30,
    )
