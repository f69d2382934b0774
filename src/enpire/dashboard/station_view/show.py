"""The loop behind the page: episodes of a station task at the pace, and with the pauses, that a person wants.

Everything happens in the thread that calls `run`, in which pictures are taken too. Pausing, pacing and publishing hang
on the ticks of the world, so a reset by the robot can be watched, paused and broken off like an episode.
"""

import queue
import time
from typing import Any

import msgspec

from enpire.core.errors import EnvironmentFault, MissingProgram, PolicyFault, ResetFailed, StationFault
from enpire.core.records import Verdict
from enpire.dashboard.station_view.board import Board, Order
from enpire.dashboard.station_view.picture import png
from enpire.dashboard.station_view.players import Mover
from enpire.dashboard.station_view.scene import poses, shapes
from enpire.environment.drive import TICK_S
from enpire.environment.setup import Setup
from enpire.environment.station_task import StationTask

FRAME_S = 1.0 / 15.0
"""Wall time between two frames for the page."""
PICTURE_S = 0.2
"""Wall time between two pictures; the cameras take turns."""
SPEEDS = (0.0, 16.0)
_IDLE_S = 0.05
_LATE_S = 0.25


class Again(Exception):
    """A person wants another start state, now."""


class Ended(Exception):
    """The view ends."""


class Show:
    """Plays a station task for the page.

    Args:
        task: Its `setup` is watched. Made with `pace` 0: the pace is set here.
        mover: Who acts.
        board: News out, orders in.
        seed: First start state.
    """

    def __init__(self, task: StationTask, mover: Mover, board: Board, seed: int = 0) -> None:
        self._task, self._mover, self._board, self._seed = task, mover, board, seed
        self._setup: Setup | None = None
        self._paused, self._speed, self._pictures = False, 1.0, True
        self._until_s = -1.0  # world time up to which it goes although it is paused
        self._due_s = self._frame_due_s = self._picture_due_s = 0.0
        self._turn = self._scene = 0
        self._phase, self._note, self._log = "starting", "", ""
        self._missing: dict[str, str] = {}
        self._drawn: dict[str, tuple[int, Any]] = {}
        self._verdict: Verdict | None = None
        self._steps = 0
        self._began_s = 0.0

    def run(self) -> None:
        """Play until `board.closed`."""
        while not self._board.closed.is_set():
            try:
                self._episode()
            except Again:
                continue
            except Ended:
                break
            finally:
                self._log = self._mover.end() or self._log

    # ------------------------------------------------------------------ episodes

    def _episode(self) -> None:
        """Reset, play, and wait at the end for the order to go on."""
        self._phase, self._note, self._log, self._verdict, self._steps = "resetting", "", "", None, 0
        try:
            observation, _ = self._task.reset(seed=self._seed)
            self._watch()
            if self._task.assisted:
                self._note = f"a person had to help: {self._task.assisted}"
            self._phase = "running"
            self._began_s = self._now_s
            self._mover.begin(observation)
            self._play(observation)
        except (EnvironmentFault, ResetFailed, StationFault) as broken:
            self._over("invalid", str(broken))
        except PolicyFault as own:
            self._over("failure", f"the policy: {own}")
        self._log = self._mover.end()
        while True:
            self._idle()

    def _play(self, observation: dict[str, Any]) -> None:
        spec = self._task.spec
        while self._steps < spec.max_steps:
            self._steps += 1
            try:
                observation, _, terminated, truncated, info = self._task.step(self._mover.act(observation))
                self._verdict = self._task.verify()
            except MissingProgram as lacking:  # the world went on, but the judge could not look at it
                self._note, self._verdict = f"no verdict: {lacking}", None
                observation = observation | (self._setup.drive.reading if self._setup else {})
                continue
            if self._verdict.success:
                return self._over("success", "")
            if terminated or truncated:
                drive = self._setup.drive if self._setup else None
                return self._over("failure", f"{info.get('failure', '')} {drive.detail if drive else ''}".strip())
        return self._over("failure", "timeout")

    def _over(self, phase: str, note: str) -> None:
        self._phase, self._note = phase, note
        self._frame_due_s = 0.0

    # ------------------------------------------------------------------ ticks

    @property
    def _now_s(self) -> float:
        return self._setup.world.time_s if self._setup else 0.0

    def _watch(self) -> None:
        """Hang on to the world if it is a new one."""
        setup = self._task.setup
        if setup is None or setup is self._setup:
            return
        self._setup = setup
        self._drawn.clear()
        self._scene += 1
        setup.world.before_tick(self._tick)
        said = {name: camera.calibration for name, camera in setup.cameras.items()}
        self._board.post_shapes(shapes(setup, self._task.spec, said) | {"number": self._scene})

    def _tick(self) -> None:
        """Before every tick of the world: wait while it is paused, keep the pace, show."""
        self._obey()
        while not self._going:
            self._idle()
        self._show()
        now_s = time.monotonic()
        if self._speed:
            self._due_s = max(self._due_s, now_s - _LATE_S) + TICK_S / self._speed
            time.sleep(max(self._due_s - now_s, 0.0))

    @property
    def _going(self) -> bool:
        return self._board.watched and (not self._paused or self._now_s < self._until_s - 1e-6)

    def _idle(self) -> None:
        """Let a moment of wall time pass in which the world stands still."""
        self._obey()
        self._show()
        time.sleep(_IDLE_S)

    def _obey(self) -> None:
        if self._board.closed.is_set():
            raise Ended
        try:
            while True:
                self._take(self._board.orders.get_nowait())
        except queue.Empty:
            return

    def _take(self, order: Order) -> None:
        self._frame_due_s = 0.0
        match order.kind:
            case "pause":
                self._paused = True
            case "play":
                self._paused, self._until_s = False, -1.0
            case "step":
                self._paused, self._until_s = True, self._now_s + self._task.spec.period_s
            case "speed":
                self._speed = min(max(order.value, SPEEDS[0]), SPEEDS[1])
            case "pictures":
                self._pictures = bool(order.value)
            case "reset":
                self._seed = int(order.value)
                raise Again

    # ------------------------------------------------------------------ news

    def _show(self) -> None:
        now_s = time.monotonic()
        if self._setup is None or now_s < self._frame_due_s or not self._board.watched:
            return
        self._frame_due_s = now_s + FRAME_S
        if self._pictures and now_s >= self._picture_due_s:
            self._draw(self._setup)
            self._picture_due_s = time.monotonic() + PICTURE_S
        self._board.post(msgspec.json.encode(poses(self._setup) | self._state(self._setup)))

    def _draw(self, setup: Setup) -> None:
        """Look through the next camera, unless it shows what it showed before."""
        names = list(setup.cameras)
        self._turn += 1
        name = names[self._turn % len(names)]
        try:
            frame = setup.cameras[name].look()
        except MissingProgram as lacking:
            self._missing[name] = str(lacking)
            return
        number, before = self._drawn.get(name, (0, None))
        if before is not frame.rgb:
            self._drawn[name] = number + 1, frame.rgb
            self._board.post_picture(name, png(frame.rgb[::2, ::2]))

    def _state(self, setup: Setup) -> dict[str, Any]:
        """What the page writes beside the picture."""
        drive, verdict, spec = setup.drive, self._verdict, self._task.spec
        return {
            "scene": self._scene,
            "phase": self._phase,
            "paused": self._paused,
            "speed": self._speed,
            "note": self._note,
            "log": self._log,
            "seed": self._seed,
            "step": self._steps,
            "max_steps": spec.max_steps,
            "time_s": round(self._now_s - self._began_s, 3) if self._phase != "resetting" else None,
            "progress": round(verdict.progress, 4) if verdict else None,
            "evidence": _rounded(verdict.evidence) if verdict else {},
            "truth": _rounded(self._task.sealed()),
            "interventions": dict(drive.interventions),
            "stopped": f"{drive.stopped}: {drive.detail}" if drive.stopped else "",
            "names": spec.action.names,
            "state": drive.joints.round(4).tolist(),
            "target": drive.target.round(4).tolist(),
            "effort": drive.reading["observation.effort"].round(3).tolist(),
            "pictures": {name: number for name, (number, _) in self._drawn.items()},
            "missing": self._missing,
            "ages_s": {name: round(camera.age_s(), 3) for name, camera in setup.cameras.items()},
        }


def _rounded(values: dict[str, float]) -> dict[str, float | None]:
    """Numbers fit to read; JSON knows neither NaN nor infinity."""
    return {name: round(value, 5) if abs(value) < 1e12 else None for name, value in values.items()}
