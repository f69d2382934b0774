"""A scenario on a simulated station: robot, cameras, supervisor, reset and repeat, as all physical tasks share them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput, MissingProgram, ResetFailed, ToolError
from enpire.core.records import ActionSpec, ArraySpec, Observation, TaskSpec, Verdict, decode, encode
from enpire.environment.cell import TRACKER
from enpire.environment.drive import RATE_HZ
from enpire.environment.feed_forward import FeedForward
from enpire.environment.freshness import Freshness
from enpire.environment.safety.clearance import Clearance
from enpire.environment.scenario import OptionRange, Scenario, ScenarioFacts, check_options
from enpire.environment.setup import Setup, Sight
from enpire.environment.strip import Strip
from enpire.robots import yam_sim
from enpire.robots.preflight import misfits
from enpire.robots.robot import ActionSemantics
from enpire.simulation import scene
from enpire.simulation.arms import yam
from enpire.simulation.life import StationLife
from enpire.simulation.profile import Profile
from enpire.simulation.rendering import gl_missing
from enpire.tools import catalogue
from enpire.tools.kinematics.arm import Arm

ASSIST_S = 60.0
"""Robot time that a person's help costs."""
PICTURE = "observation.images."
FRAME_PX = (480, 640)
"""Height and width of what the station's cameras take; policies may get less."""
OPTIONS = {
    "level": OptionRange(default=2, low=0, high=3, doc="0 ideal, 1 noise, 2 real-like, 3 nasty"),
    "station_seed": OptionRange(default=0, low=0, high=2**31, doc="hidden profile of a station without a folder"),
    "fast_reset": OptionRange(default=0, low=0, high=1, doc="1: place the scene by hand; for tests, not for claims"),
    "tracker": OptionRange(default=0, low=0, high=1, doc="1: a marker tracker in place of cameras; no OpenGL needed"),
    "pace": OptionRange(default=0, low=0, high=100, doc="0: as fast as possible; 1: real time; 2: twice that"),
}
TRACKER_OPTION = "`-o tracker=1` (a simulated marker tracker in place of the cameras)"
TRACKED_NOTE = "a simulated marker tracker stands in for the cameras; videos only where there is OpenGL"


class StationTask:
    """A task played by a simulated bimanual YAM.

    Args:
        scenario: Objects, start states and judge.
        options: Of the user, by name.

    Attributes:
        spec: What a policy may know.
        judged_by: Folders and files of this package that judge, beside the environment itself.
        setup: The station as it is built now; None before the first reset. Holds the truth: for tests and viewers.
        assisted: Why a person had to help last; empty if nobody had to.

    Raises:
        BadInput: An option that does not exist or is out of range, or limits that do not fit the robot.
        MissingProgram: There is no OpenGL library for the cameras, and `tracker=1` was not chosen.
    """

    def __init__(self, scenario: Scenario, options: dict[str, float]) -> None:
        facts = scenario.facts
        self._options = check_options(options, OPTIONS | facts.options)
        self._sight: Sight = "tracker" if self._options["tracker"] else "cameras"
        if self._sight == "cameras" and (missing := gl_missing()):
            way_out = f". {facts.name} also plays without pictures: add {TRACKER_OPTION}" if facts.tagged else ""
            raise MissingProgram(missing + way_out)
        if self._sight == "tracker" and not facts.tagged:
            raise BadInput(f"{facts.name} has nothing that a marker tracker could follow; leave out {TRACKER_OPTION}")
        if reasons := misfits(_semantics(facts), yam_sim.describe()):
            raise BadInput(f"{facts.name} does not fit the robot: {'; '.join(reasons)}")
        self._scenario = scenario
        self._life = StationLife.fresh(seed=int(self._options["station_seed"]), level=int(self._options["level"]))
        self._life_file: Path | None = None
        self._calibrations = scene.calibrations(*FRAME_PX)
        model = yam.nominal_model(scene.ARM_BASES)
        self._clearance = Clearance(model, tuple(scene.ARM_BASES), facts.limits)
        self._feed_forward = FeedForward(
            yam.nominal_model(scene.ARM_BASES), tuple(scene.ARM_BASES), yam.KP, yam.KD, facts.limits.lead
        )
        self._arms = {name: Arm(model, name) for name in scene.ARM_BASES}
        self.spec = self._specify(facts)
        self.judged_by = ("simulation", "robots", "tools", *facts.judged_by)
        self.setup: Setup | None = None
        self.assisted = ""
        self._verdict: Verdict | None = None
        self._reset_s = self._started_s = self._lived_s = 0.0
        self._freshness = Freshness({}, 0.0)
        self._strip = Strip()

    # ------------------------------------------------------------------ Task

    def reset(self, *, seed: int, options: dict[str, Any] | None = None) -> tuple[Observation, dict[str, Any]]:
        """Bring the scene to the start state of `seed` with the robot, or to a recorded one.

        Args:
            seed: Start state.
            options: `{"start": ...}` repeats a recorded start.

        Raises:
            Unstable: The simulation broke.
        """
        start = (options or {}).get("start")
        self.assisted = ""
        begun_s = self.setup.world.time_s if self.setup else 0.0
        if start is None:
            self._age()
            profile = self._life.now()
            setup = self._bring(seed, profile)
            start = {"physics": setup.world.capture(), "profile": np.frombuffer(encode(profile), np.uint8)}
        else:
            setup = self._build(decode(start["profile"].tobytes(), Profile))
        now_s = setup.world.time_s
        setup.world.restore(start["physics"])
        setup.begin(seed)
        self._scenario.begin(setup.cell)
        self._verdict, self._strip = None, Strip()
        self._freshness = Freshness(setup.sensors, setup.world.time_s)
        assists = 1 if self.assisted else 0
        self._reset_s = now_s - begun_s + ASSIST_S * assists
        self._started_s = setup.world.time_s
        info = {"start": start, "robot_s": self._reset_s, "reset_s": self._reset_s, "assists": assists}
        return self._observe(), info

    def step(self, action: NDArray[np.float64]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Move towards an action for one control period, under the supervisor. The reward is the progress.

        Raises:
            BadInput: The action has another shape than `spec.action` says; nothing moved.
            Unstable: The simulation broke.
        """
        wanted = self.spec.action
        if np.shape(action) != (wanted.size,):
            names = f"{wanted.names[0]} .. {wanted.names[-1]}"
            raise BadInput(f"an action of shape {np.shape(action)} is not one of shape ({wanted.size},): {names}")
        setup = self._built
        stale = self._freshness.stale(setup.world.time_s)
        setup.drive.step(setup.drive.target if stale else wanted.clip(action))
        self._verdict = None
        failure = setup.drive.stopped or ("stale" if stale else "")
        info: dict[str, Any] = {"robot_s": self._reset_s + setup.world.time_s - self._started_s}
        if failure:
            info["failure"] = failure
        return self._observe(), self.verify().progress, bool(failure), False, info

    def verify(self) -> Verdict:
        """What the scenario's judge sees, with what the supervisor did. A robot that was stopped has not succeeded."""
        if self._verdict is None:
            drive, cell = self._built.drive, self._built.cell
            seen = self._scenario.judge(cell)
            did = {f"safety_{kind}": float(count) for kind, count in drive.interventions.items()}
            success = seen.success and not drive.stopped if seen.success is not None else None
            self._verdict = replace(seen, success=success, evidence=seen.evidence | did)
            self._strip.see(cell, self._verdict.progress)
        return self._verdict

    def render(self) -> NDArray[np.uint8] | None:
        """The station's top and right wrist camera side by side, over force and progress; None without OpenGL."""
        if gl_missing():
            return None
        cameras = self._built.cameras
        pictures = [cameras[name].look().rgb[::2, ::2] for name in ("top", "right_wrist")]
        return self._strip.under(np.concatenate(pictures, axis=1))

    def close(self) -> None:
        """Release everything; idempotent."""
        if self.setup is not None:
            self.setup.close()
            self.setup = None

    # ------------------------------------------------------------------ Equipped

    def settle_in(self, name: str, folder: Path) -> None:
        """Be the station `name` from now on: with the hidden profile and the life that `folder` keeps of it."""
        self._life_file = folder / f"{name}.json"
        self._life = StationLife.open(self._life_file, level=int(self._options["level"]))
        self._life.save(self._life_file)

    def look(self, key: str) -> NDArray[np.uint8]:
        """Newest picture of a camera by its observation key, (H, W, 3) RGB.

        Raises:
            BadInput: There is no such camera.
        """
        name = key.removeprefix(PICTURE)
        wanted = self.spec.observation.get(PICTURE + name)
        if wanted is None:
            known = ", ".join(name for name in self.spec.observation if name.startswith(PICTURE))
            raise BadInput(
                f"there is no picture {key!r}; pictures: {known or 'none, a tracker is in place of cameras'}"
            )
        step = FRAME_PX[0] // wanted.shape[0]
        return np.ascontiguousarray(self._built.cell.look(name).rgb[::step, ::step])

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Answer of a tool.

        Raises:
            ToolError: It is not one of this task's tools, or cannot answer.
        """
        if name not in self.spec.tools:
            raise ToolError(f"{name[:60]!r} is not a tool of this task; tools: {', '.join(self.spec.tools)}")
        return catalogue.call(name, arguments, self._built.cell.station())

    def sealed(self) -> dict[str, float]:
        """The truth about the scene as it is now."""
        return self._scenario.truth(self._built.world)

    # ------------------------------------------------------------------ inside

    @property
    def _built(self) -> Setup:
        assert self.setup is not None, "reset the task first"
        return self.setup

    def _age(self) -> None:
        """The station has lived through the episode before."""
        if self.setup is None:
            return
        self._life.live(self.setup.world.time_s - self._lived_s, grasps=self._scenario.facts.grasps)
        self._lived_s = self.setup.world.time_s
        if self._life_file is not None:
            self._life.save(self._life_file)

    def _bring(self, seed: int, profile: Profile) -> Setup:
        """Bring the scene to the start state: by the robot; where it cannot, by a person."""
        fresh = self.setup is None
        setup = self.setup or self._build(profile)
        setup.become(profile)
        if not fresh and not self._options["fast_reset"]:
            setup.begin(seed)
            try:
                self._scenario.reset(setup.cell, seed)
                return setup
            except ResetFailed as failed:
                self.assisted = str(failed)
        self._scenario.place(setup.world, setup.robot, self._arms, seed)
        setup.drive.placed()
        return setup

    def _build(self, profile: Profile) -> Setup:
        """The station of a profile, anew."""
        self.close()
        pace = self._options["pace"]
        shared = (self._arms, self._clearance, self._feed_forward, self._calibrations)
        self.setup = Setup(self._scenario, profile, *shared, pace, self._sight)
        self._lived_s = self.setup.world.time_s
        return self.setup

    def _observe(self) -> Observation:
        setup = self._built
        ages = np.array([sensor.age_s() for sensor in setup.sensors.values()])
        return {key: np.array(value) for key, value in setup.drive.reading.items()} | {"observation.ages_s": ages}

    def _specify(self, facts: ScenarioFacts) -> TaskSpec:
        limits, names = facts.limits, yam_sim.describe().action.names
        tracked = self._sight == "tracker"
        sensors = (TRACKER,) if tracked else tuple(self._calibrations)
        vectors = {
            "observation.state": names,
            "observation.velocity": tuple(f"{name}_s" for name in names),
            "observation.effort": tuple(name.replace("_rad", "_nm").replace("_opening", "_n") for name in names),
            "observation.ages_s": tuple(f"{name}_age_s" for name in sensors),
        }
        observation = {k: ArraySpec(shape=(len(n),), dtype="float64", names=n) for k, n in vectors.items()}
        for name, (height, width) in ({} if tracked else facts.cameras).items():
            observation[PICTURE + name] = ArraySpec(shape=(height, width, 3), dtype="uint8", on_demand=True)
        return TaskSpec(
            name=facts.name,
            instruction=facts.instruction,
            observation=observation,
            action=ActionSpec(size=len(names), low=limits.low, high=limits.high, names=names),
            period_s=1.0 / RATE_HZ,
            max_steps=round(facts.episode_s * RATE_HZ),
            baseline=facts.baseline,
            scene=facts.scene | ({TRACKER: {"follows": list(facts.tagged)}} if tracked else {}),
            options=self._options,
            tools=facts.tools,
            not_for_claims="the scene is placed by hand (fast_reset)" if self._options["fast_reset"] else "",
            note=TRACKED_NOTE if tracked else "",
        )


def _semantics(facts: ScenarioFacts) -> ActionSemantics:
    """What a policy's actions mean under the limits of a task."""
    limits = facts.limits
    return ActionSemantics(
        names=yam_sim.describe().action.names,
        low=limits.low,
        high=limits.high,
        most_change=tuple(velocity / RATE_HZ for velocity in limits.velocity),
        rate_hz=RATE_HZ,
    )
