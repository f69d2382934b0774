"""Pictures of a MuJoCo scene without a screen: one OpenGL context per process, settings that a CPU can afford.

Software OpenGL (Mesa's llvmpipe) spends most of its time on shadows and on smoothing edges; `use_fast_rendering` turns
both off. A context belongs to the thread that created it, so all pictures of a process are taken in one thread.
"""

import atexit
import ctypes
import os
import sys
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

import mink
import mujoco
import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import EnvironmentFault, MissingProgram

NEAR_M = 0.01
FAR_M = 10.0
_LARGEST = (480, 640)
_EGL_DEVICE_PLATFORM = 0x313F
_OFF = ("disable", "disabled", "off", "false", "0")
_INSTALL = (
    "no OpenGL library that works without a screen; on Debian or Ubuntu: apt install libegl1 libgl1-mesa-dri "
    "(or libosmesa6)"
)


@dataclass(frozen=True, kw_only=True)
class Viewpoint:
    """Where to look from.

    Attributes:
        T_world_camera: Optical frame: x right, y down, z forward.
        matrix: Pinhole matrix K, shape (3, 3), px. Pixel centers are at whole numbers, (0, 0) is the upper left one.
        height, width: px.
    """

    T_world_camera: mink.SE3
    matrix: NDArray[np.float64]
    height: int
    width: int


def use_fast_rendering(scene: mujoco.MjSpec | mujoco.MjModel) -> None:
    """Set what makes a frame cheap: no shadows, no multisampling, coarse curves; clipping planes at 10 mm and 10 m.

    A renderer does so with its model; other viewers of a scene may want it too. The effect is measured in
    benchmarks/perception/RESULTS.md.
    """
    visual = scene.visual if isinstance(scene, mujoco.MjSpec) else scene.vis
    visual.quality.shadowsize = 0
    visual.quality.offsamples = 0
    visual.quality.numslices = 10
    visual.quality.numstacks = 6
    visual.quality.numquads = 2
    visual.global_.offheight, visual.global_.offwidth = _LARGEST
    scene.stat.extent = 1.0
    visual.map.znear = NEAR_M
    visual.map.zfar = FAR_M


@cache
def gl_missing() -> str:
    """Why there can be no pictures on this machine, and what to install; empty if there can.

    `MUJOCO_GL` picks `egl` or `osmesa`; `off` turns pictures off.
    """
    if _wanted() in _OFF:
        return f"pictures are turned off by MUJOCO_GL={_wanted()}"
    if not sys.platform.startswith("linux"):
        return ""
    return "" if _platform() else _INSTALL


class Renderer:
    """Takes pictures of one model. Use as a context manager, or call `close`.

    Raises:
        MissingProgram: This machine has no OpenGL that works without a screen.
    """

    def __init__(self, model: mujoco.MjModel, *, most_geoms: int = 2000) -> None:
        self._model = model
        use_fast_rendering(model)
        _context().make_current()
        self._scene = mujoco.MjvScene(model, most_geoms)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = False
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        self._option = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()
        self._pictures: mujoco.MjrContext | None = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50.value)
        self._pictures.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        _open_renderers.append(self)

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def rgb(self, data: mujoco.MjData, view: Viewpoint) -> NDArray[np.uint8]:
        """Picture (H, W, 3), RGB. `data` needs its kinematics and lights up to date."""
        rectangle = self._draw(data, view)
        rgb = np.empty((view.height, view.width, 3), np.uint8)
        mujoco.mjr_readPixels(rgb, None, rectangle, self._pictures)
        return rgb[::-1]

    def rgb_and_depth(self, data: mujoco.MjData, view: Viewpoint) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Picture (H, W, 3) and depth along the optical axis (H, W), metres, NaN where nothing is, from one pass."""
        rectangle = self._draw(data, view)
        rgb = np.empty((view.height, view.width, 3), np.uint8)
        depth = np.empty((view.height, view.width), np.float32)
        mujoco.mjr_readPixels(rgb, depth, rectangle, self._pictures)
        return rgb[::-1], _metres(depth[::-1])

    def close(self) -> None:
        """Give back what it holds; idempotent."""
        if self._pictures is not None:
            _context().make_current()
            self._pictures.free()
            self._pictures = None
            _open_renderers.remove(self)

    def _draw(self, data: mujoco.MjData, view: Viewpoint) -> mujoco.MjrRect:
        if self._pictures is None:
            raise EnvironmentFault("the renderer was closed")
        _context().make_current()
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._pictures)
        if view.height > self._pictures.offHeight or view.width > self._pictures.offWidth:
            size = max(view.width, self._pictures.offWidth), max(view.height, self._pictures.offHeight)
            mujoco.mjr_resizeOffscreen(*size, self._pictures)
        everything = mujoco.mjtCatBit.mjCAT_ALL.value
        mujoco.mjv_updateScene(self._model, data, self._option, None, self._camera, everything, self._scene)
        for camera in self._scene.camera:  # left and right eye; without stereo the mean of both is drawn
            _aim(camera, view)
        rectangle = mujoco.MjrRect(0, 0, view.width, view.height)
        mujoco.mjr_render(rectangle, self._scene, self._pictures)
        return rectangle


def _aim(camera: Any, view: Viewpoint) -> None:
    """Frustum at the near plane from K. OpenGL's pixel centers lie at halves, hence the 0.5."""
    rotation = view.T_world_camera.rotation().as_matrix()
    (fx, _, cx), (_, fy, cy), _ = view.matrix
    camera.pos = view.T_world_camera.translation()
    camera.forward = rotation[:, 2]
    camera.up = -rotation[:, 1]
    camera.frustum_near, camera.frustum_far = NEAR_M, FAR_M
    camera.frustum_top = NEAR_M * (cy + 0.5) / fy
    camera.frustum_bottom = -NEAR_M * (view.height - cy - 0.5) / fy
    camera.frustum_width = NEAR_M * view.width / (2 * fx)
    camera.frustum_center = NEAR_M * (view.width / 2 - cx - 0.5) / fx


def _metres(buffer: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance along the optical axis from a depth buffer with 1 at the near plane and 0 at the far plane."""
    depth = NEAR_M * FAR_M / (NEAR_M + buffer * (FAR_M - NEAR_M))
    depth[buffer <= 0] = np.nan
    return np.asarray(depth, np.float32)


@cache
def _context() -> "_Context":
    return _Context()


_open_renderers: list[Renderer] = []


class _Context:
    """The OpenGL context of this process."""

    def __init__(self) -> None:
        problem = gl_missing()
        if problem:
            raise MissingProgram(problem)
        os.environ.setdefault("LP_NUM_THREADS", "1")  # llvmpipe's threads double the time on a busy machine
        if not sys.platform.startswith("linux"):
            from mujoco.gl_context import GLContext
        elif _platform() == "egl":
            from mujoco.egl import GLContext
        else:
            from mujoco.osmesa import GLContext
        self._thread = threading.get_ident()
        height, width = _LARGEST
        self._gl = GLContext(width, height)
        self._gl.make_current()
        atexit.register(self._free)  # before PyOpenGL takes its display away, which would print errors

    def make_current(self) -> None:
        if threading.get_ident() != self._thread:
            raise EnvironmentFault("pictures are taken in one thread of a process: the one that took the first")
        self._gl.make_current()

    def _free(self) -> None:
        for renderer in list(_open_renderers):
            renderer.close()
        self._gl.free()


@cache
def _platform() -> str:
    """`egl`, `osmesa` or nothing. PyOpenGL settles on one when it is imported, so this looks without it."""
    if _wanted() != "osmesa" and _egl_works():
        return "egl"
    return "osmesa" if _wanted() != "egl" and _loads("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so") else ""


def _wanted() -> str:
    return (os.environ.get("PYOPENGL_PLATFORM") or os.environ.get("MUJOCO_GL") or "").lower()


def _egl_works() -> bool:
    """Whether some EGL device opens: the library alone is not enough, it needs a driver."""
    if not _loads("libEGL.so.1", "libEGL.so"):
        return False
    egl = ctypes.CDLL("libEGL.so.1")
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    query = egl.eglGetProcAddress(b"eglQueryDevicesEXT")
    get_display = egl.eglGetProcAddress(b"eglGetPlatformDisplayEXT")
    if not query or not get_display:
        return False
    pointer, integer = ctypes.c_void_p, ctypes.c_int
    devices, found = (pointer * 10)(), integer()
    ctypes.CFUNCTYPE(ctypes.c_uint, integer, pointer, pointer)(query)(10, devices, ctypes.byref(found))
    display_of = ctypes.CFUNCTYPE(pointer, ctypes.c_uint, pointer, pointer)(get_display)
    egl.eglInitialize.argtypes = (pointer, pointer, pointer)
    for device in devices[: found.value]:
        display = display_of(_EGL_DEVICE_PLATFORM, device, None)
        if display and egl.eglInitialize(display, None, None):
            return True
    return False


def _loads(*names: str) -> bool:
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False
