"""A simulated camera: said to stand where its calibration says, standing where the scene has its camera.

Frames are exposed 30 times a second, arrive late, and some never arrive. What a frame shows, whether it arrives and its
noise follow from the episode's seed, the camera and the number of the frame only, never from who looked when. A frame
is drawn when somebody looks at it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

import mink
import mujoco
import numpy as np
from numpy.typing import NDArray

from enpire.core.camera import Calibration, Frame
from enpire.core.errors import BadInput, UnknownName
from enpire.simulation.exposures import MOST_LOST, Exposure, Exposures
from enpire.simulation.lens import expose, expose_depth
from enpire.simulation.profile import CameraProfile, Profile
from enpire.simulation.rendering import Viewpoint
from enpire.simulation.world import World

Fault = Literal["frozen", "black", "delayed", "swapped"]
"""What can be made to go wrong: no new frames; black pictures; frames much later; another camera's pictures."""

DELAYED_S = 0.3


@dataclass(frozen=True, kw_only=True)
class _Failing:
    fault: Fault
    until_s: float
    newest: int  # frame that had arrived when it began
    other: "SimCamera | None"


def sim_cameras(world: World, calibrations: Mapping[str, Calibration], profile: Profile) -> dict[str, "SimCamera"]:
    """All cameras of a world by name, on one film. A camera without a profile is ideal."""
    film = Exposures(world)
    ideal = CameraProfile()
    return {name: SimCamera(film, said, profile.cameras.get(name, ideal)) for name, said in calibrations.items()}


class SimCamera:
    """One camera.

    Args:
        film: Of the world it looks at; shared by all cameras of the world. Where the camera really is, the model of
            the world says: its camera of the same name, which the scene shifts and turns as the profile wants.
        calibration: What is said about it. Name, matrix and size are true, the pose is not.
        profile: What its pictures are like: gain, blur, noise, delay, lost frames.

    Attributes:
        profile: May be replaced as the station drifts.

    Raises:
        UnknownName: The world has no such camera.
    """

    def __init__(self, film: Exposures, calibration: Calibration, profile: CameraProfile) -> None:
        self.calibration = calibration
        self.profile = profile
        self._film = film
        model = film.world.model
        known = [model.camera(index).name for index in range(model.ncam)]
        if calibration.name not in known:
            raise UnknownName("camera", calibration.name, known)
        self._camera = known.index(calibration.name)
        self._key = crc32(calibration.name.encode())
        self._failing: _Failing | None = None
        self._drawn: tuple[Exposure, CameraProfile, Frame] | None = None
        self._luck: tuple[int, int, float] = (0, -1, 1.0)  # seed and number of a frame, and what was drawn for it

    def begin_episode(self, seed: int) -> None:
        """Start counting frames. Cameras of one world begin together; faults end."""
        self._failing = None
        self._film.begin_episode(seed)

    def tick(self) -> None:
        """Let time be noticed; called by the world itself at every tick."""
        self._film.record()

    def age_s(self) -> float:
        """Age of the frame that `look` would give, without drawing it."""
        return self._film.world.time_s - self._arrived().time_s

    def look(self, *, depth: bool = False) -> Frame:
        """The newest frame that has arrived. Looking twice at one frame gives the same bytes.

        Raises:
            MissingProgram: This machine has no OpenGL that works without a screen.
        """
        fault = self._fault()
        if fault is not None and fault.fault == "swapped" and fault.other is not None:
            return fault.other.look(depth=depth)
        exposure = self._arrived()
        frame = self._draw(exposure, depth)
        if fault is not None and fault.fault == "black":
            black = np.zeros_like(frame.rgb)
            frame = Frame(rgb=black, age_s=0.0, depth_m=None if frame.depth_m is None else frame.depth_m * np.nan)
        age_s = self._film.world.time_s - exposure.time_s
        return Frame(rgb=frame.rgb, age_s=age_s, depth_m=frame.depth_m if depth else None)

    def fail(self, fault: Fault, duration_s: float, other: "SimCamera | None" = None) -> None:
        """Make it break for a while, from now on.

        Args:
            fault: What breaks. A frozen camera gives its last frame again, with its true age.
            duration_s: For how long, in world time.
            other: The camera whose pictures it gives when `swapped`.

        Raises:
            BadInput: `swapped` without another camera.
        """
        if fault == "swapped" and (other is None or other is self):
            raise BadInput(f"camera {self.calibration.name}: swapped needs another camera to swap with")
        newest = self._arrived().number
        self._failing = _Failing(fault=fault, until_s=self._film.world.time_s + duration_s, newest=newest, other=other)

    def close(self) -> None:
        """Give back what draws the pictures of this world; idempotent."""
        self._film.close()

    def _fault(self) -> _Failing | None:
        if self._failing is not None and self._film.world.time_s >= self._failing.until_s:
            self._failing = None
        return self._failing

    def _arrived(self) -> Exposure:
        fault = self._fault()
        self._film.record()
        if fault is not None and fault.fault == "frozen":
            return self._film.exposure(fault.newest)
        delay_s = self.profile.delay_s + (DELAYED_S if fault is not None and fault.fault == "delayed" else 0.0)
        return self._film.arrived(self._film.world.time_s - delay_s, self._lost)

    def _lost(self, number: int) -> bool:
        if self.profile.stale <= 0:
            return False
        if self._luck[:2] != (self._film.seed, number):
            self._luck = (self._film.seed, number, float(self._random(number, 0).random()))
        return self._luck[2] < self.profile.stale

    def _draw(self, exposure: Exposure, depth: bool) -> Frame:
        if self._drawn is not None:
            drawn, profile, frame = self._drawn
            same = drawn.number == exposure.number and drawn.positions is exposure.positions
            if same and profile is self.profile and (frame.depth_m is not None or not depth):
                return frame
        data, renderer = self._film.state(exposure), self._film.renderer()
        viewpoint = Viewpoint(
            T_world_camera=self._true_pose(data),
            matrix=np.asarray(self.calibration.matrix),
            height=self.calibration.height,
            width=self.calibration.width,
        )
        depth_m: NDArray[np.float32] | None = None
        if depth:
            rgb, exact_m = renderer.rgb_and_depth(data, viewpoint)
            depth_m = expose_depth(exact_m, self.profile, self._random(exposure.number, 2))
            depth_m.flags.writeable = False
        else:
            rgb = renderer.rgb(data, viewpoint)
        rgb = expose(rgb, self.profile, self._random(exposure.number, 1))
        rgb.flags.writeable = False
        frame = Frame(rgb=rgb, age_s=0.0, depth_m=depth_m)
        self._drawn = (exposure, self.profile, frame)
        return frame

    def _true_pose(self, data: mujoco.MjData) -> mink.SE3:
        axes = data.cam_xmat[self._camera].reshape(3, 3) * (1.0, -1.0, -1.0)  # MuJoCo's cameras look along -z, y up
        return mink.SE3.from_rotation_and_translation(mink.SO3.from_matrix(axes), data.cam_xpos[self._camera])

    def _random(self, number: int, use: int) -> np.random.Generator:
        seed = [self._film.seed & (2**64 - 1), self._key, (number + MOST_LOST * 4) & (2**32 - 1), use]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
