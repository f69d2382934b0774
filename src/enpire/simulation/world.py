"""A MuJoCo model and its state: what the simulated robots, cameras and objects of one station share."""

from collections.abc import Callable

import mujoco
import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import EnvironmentFault

TIMESTEP_S = 0.002
_STATE = mujoco.mjtState.mjSTATE_INTEGRATION
_FATAL = (
    mujoco.mjtWarning.mjWARN_BADQPOS,
    mujoco.mjtWarning.mjWARN_BADQVEL,
    mujoco.mjtWarning.mjWARN_BADQACC,
    mujoco.mjtWarning.mjWARN_BADCTRL,
    mujoco.mjtWarning.mjWARN_INERTIA,
    mujoco.mjtWarning.mjWARN_CONTACTFULL,
    mujoco.mjtWarning.mjWARN_CNSTRFULL,
)
_FAR_M = 10.0
_FAST = 300.0  # m/s or rad/s
_DEEP_M = 0.02


class Unstable(EnvironmentFault):
    """The numbers of the simulation went wrong. The episode is invalid, never a failure of the policy."""


def new_spec() -> mujoco.MjSpec:
    """An empty scene with the settings of every station, angles in rad. Other settings do not compare."""
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.option.timestep = TIMESTEP_S
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0
    return spec


class World:
    """The compiled scene. Time passes only in `advance`, so whoever waits on the station's clock moves the world.

    Args:
        spec: The whole scene; compiled here.

    Attributes:
        model, data: MuJoCo's own; `data` is the truth and stays in the station process.
    """

    def __init__(self, spec: mujoco.MjSpec) -> None:
        mujoco.set_mju_user_warning(_quiet)
        self.model: mujoco.MjModel = spec.compile()
        self.data = mujoco.MjData(self.model)
        self._before_tick: list[Callable[[], None]] = []
        mujoco.mj_forward(self.model, self.data)

    @property
    def time_s(self) -> float:
        """Simulated time."""
        return float(self.data.time)

    def before_tick(self, act: Callable[[], None]) -> None:
        """Have `act` called once at the start of every `advance`; drivers put their motor commands there."""
        self._before_tick.append(act)

    def advance(self, duration_s: float) -> None:
        """Let `duration_s` pass, a multiple of the time step.

        Raises:
            Unstable: A warning of MuJoCo, a value that is not finite, something flew off, or two things (the table is
                one) are inside each other.
        """
        for act in self._before_tick:
            act()
        mujoco.mj_step(self.model, self.data, nstep=round(duration_s / self.model.opt.timestep))
        self._check()

    def refresh(self) -> None:
        """Bring everything that follows from positions up to date, after somebody wrote into `data`."""
        mujoco.mj_forward(self.model, self.data)

    def capture(self) -> NDArray[np.float64]:
        """The whole physical state, shape (N,); `restore` of it and equal commands give bit-equal states."""
        state = np.empty(mujoco.mj_stateSize(self.model, _STATE))
        mujoco.mj_getState(self.model, self.data, state, _STATE)
        return state

    def restore(self, state: NDArray[np.float64]) -> None:
        """Bring back a captured state.

        Raises:
            EnvironmentFault: It belongs to another scene.
        """
        if state.shape != (mujoco.mj_stateSize(self.model, _STATE),):
            raise EnvironmentFault(f"a state of shape {state.shape} does not belong to this scene")
        mujoco.mj_setState(self.model, self.data, state, _STATE)
        for warning in self.data.warning:
            warning.number = 0
        mujoco.mj_forward(self.model, self.data)
        mujoco.mj_setState(self.model, self.data, state, _STATE)  # mj_forward moved the solver's starting point

    def _check(self) -> None:
        if self.data.warning.number.any():
            for kind in _FATAL:
                if self.data.warning[kind].number:
                    self.data.warning[kind].number = 0
                    raise Unstable(f"the simulation became unstable at {self.time_s:.3f} s ({kind.name})")
        if not np.abs(self.data.qpos).max(initial=0.0) < _FAR_M:
            raise Unstable(f"something left the scene at {self.time_s:.3f} s")
        if not np.abs(self.data.qvel).max(initial=0.0) < _FAST:
            raise Unstable(f"something flew off at {self.time_s:.3f} s")
        if self.data.ncon:
            contacts = self.data.contact
            deepest = int(contacts.dist.argmin())
            if contacts.dist[deepest] < -_DEEP_M:
                a, b = (self.model.geom(int(geom)).name for geom in contacts.geom[deepest])
                depth_mm = -1000 * float(contacts.dist[deepest])
                raise Unstable(f"{a} and {b} are {depth_mm:.0f} mm inside each other at {self.time_s:.3f} s")


def _quiet(message: str) -> None:
    """MuJoCo would write a log file where it stands; its warnings are counted in the data, and looked at there."""
    del message
