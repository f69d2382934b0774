"""From the policy's actions to the robot's commands: 30 actions a second become 100 gated commands a second."""

import time
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import StationFault
from enpire.core.records import Observation
from enpire.environment.feed_forward import FeedForward
from enpire.environment.safety.gate import Gate
from enpire.robots.robot import Robot
from enpire.simulation.world import World

TICK_S = 0.01
"""Period of the joint loop."""
RATE_HZ = 30.0
"""Actions of a policy per second."""
STUCK_RAD = 0.35
STUCK_S = 1.0
"""An arm whose joint stays this far behind its command for this long does not obey."""


class Drive:
    """The only one that commands the robot of a station. Time passes here and nowhere else.

    Args:
        world: The scene in which the robot stands.
        robot: Connected.
        gate: The safety supervisor between actions and commands.
        pace: 0: as fast as possible; 1: real time; 2: twice real time.
        feed_forward: Makes the motors' targets from the supervisor's commands; None: they are the commands.

    Attributes:
        reading: Newest readings of the robot.
        interventions: What the supervisor did since `begin`, by kind.
        stopped: Why the robot stands and obeys no more: "" (it obeys), `safety` or `robot`. `begin` clears it.
        detail: The same in words.
    """

    def __init__(
        self, world: World, robot: Robot, gate: Gate, pace: float = 0.0, feed_forward: FeedForward | None = None
    ) -> None:
        self._world, self._robot, self._gate, self._pace = world, robot, gate, pace
        self._feed_forward = feed_forward
        self._steps = self._behind_ticks = 0
        self._late_s = 0.0
        self.interventions: Counter[str] = Counter()
        self.stopped = self.detail = ""
        self.reading: Observation = robot.get_observation()
        self._target, self._commanded = self.joints.copy(), self.joints.copy()
        names = robot.describe().action.names
        self._grippers = [i for i, name in enumerate(names) if name.endswith("gripper_opening")]

    @property
    def joints(self) -> NDArray[np.float64]:
        """Measured positions, shape (A,), in the order of the action."""
        state: NDArray[np.float64] = self.reading["observation.state"]
        return state

    @property
    def target(self) -> NDArray[np.float64]:
        """The action that it moves towards, or has come to."""
        return self._target

    def begin(self) -> None:
        """Take the robot where it stands, at rest, and obey again.

        Raises:
            StationFault: The robot does not answer.
        """
        self.reading = self._robot.get_observation()
        start = self.joints.copy()
        start[self._grippers] = self._commanded[self._grippers]  # what is held stays held
        self._gate.start(start)
        self._target = start
        self._steps = self._behind_ticks = 0
        self.interventions.clear()
        self.stopped = self.detail = ""
        self._late_s = time.monotonic() - self._world.time_s / self._pace if self._pace else 0.0

    def placed(self) -> None:
        """A person put the scene into place: grippers are closed, whatever they were commanded before."""
        self._commanded[self._grippers] = 0.0

    def step(self, action: NDArray[np.float64]) -> None:
        """One control period: move towards an action, shape (A,), in equal parts per tick.

        Raises:
            Unstable: The simulation broke.
        """
        ticks = round((self._steps + 1) / (RATE_HZ * TICK_S)) - round(self._steps / (RATE_HZ * TICK_S))
        start = self._target
        for tick in range(1, ticks + 1):
            self._tick(start + (action - start) * (tick / ticks))
        self._target = np.array(action, dtype=np.float64)
        self._steps += 1

    def _tick(self, target: NDArray[np.float64]) -> None:
        silent = ""
        try:
            self.reading = self._robot.get_observation()
        except StationFault as fault:
            silent = str(fault)
        effort = self.reading["observation.effort"]
        asked = None if silent else target
        command = self._gate.tick(asked, self.joints, effort=effort, now_s=self._world.time_s)
        self.interventions.update(command.interventions)
        self._commanded = command.position
        if not silent and self.stopped != "robot":
            try:
                target = self._feed_forward.target(command) if self._feed_forward else command.position
                self._robot.send_action(target)
            except StationFault as fault:
                silent = str(fault)
        self._watch(command.position, silent)
        self._world.advance(TICK_S)
        if self._pace:
            time.sleep(max(self._late_s + self._world.time_s / self._pace - time.monotonic(), 0.0))

    def _watch(self, commanded: NDArray[np.float64], silent: str) -> None:
        """Notice a latched supervisor, a silent robot, and one that does not move."""
        behind = not silent and bool(np.abs(commanded - self.joints).max() > STUCK_RAD)
        self._behind_ticks = self._behind_ticks + 1 if behind else 0
        if self.stopped:
            return
        if self._behind_ticks * TICK_S > STUCK_S:
            joint = int(np.abs(commanded - self.joints).argmax())
            name = self._robot.describe().action.names[joint]
            self._stop("robot", f"{name} stays {abs(commanded - self.joints)[joint]:.2f} behind its command")
        elif self._gate.latched:
            self._stop("robot" if silent else "safety", silent or self._gate.latched)

    def _stop(self, why: str, detail: str) -> None:
        self.stopped, self.detail = why, detail
        if why == "robot":  # the supervisor brakes by itself, and better: it knows what it commanded
            self._robot.stop()
