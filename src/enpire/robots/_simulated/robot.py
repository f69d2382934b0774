"""A simulated robot between its driver and its motors: latency, play, readings, watchdog, stop and park."""

import weakref
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enpire.core.errors import BadInput, StationFault
from enpire.core.records import Observation
from enpire.robots._simulated.bus import Bus
from enpire.robots._simulated.chance import Chance
from enpire.robots._simulated.faults import FAULTS, Fault, Faults, value_to_stick
from enpire.robots._simulated.gripper import StallLimiter
from enpire.robots._simulated.heat import HOT_C, Heat
from enpire.robots._simulated.layout import Layout, Value, numbers
from enpire.robots._simulated.motion import Brake, Motion, Travel
from enpire.robots._simulated.transmission import Transmission
from enpire.robots.robot import Description, Health, State
from enpire.simulation.profile import Profile
from enpire.simulation.world import World

TICK_S = 0.01
"""One turn of the joint loop: `World.advance(TICK_S)`."""
SILENCE_S = 0.4
"""Without a command for so long, the motors only damp."""
PARK_SPEED = 0.5
"""Largest speed of `park`, rad/s or opening/s."""
_RESTING = 0.02
_HEAT_TICKS = 10
"""Between looks at what the motors give."""
_ELSEWHERE = 0.2
"""A joint so far from its motor's target was put there by hand."""

Vector = NDArray[np.float64]

_drivers: "weakref.WeakKeyDictionary[World, SimulatedRobot]" = weakref.WeakKeyDictionary()


class SimulatedRobot:
    """The robot protocol on a `World`; each robot is a subclass that says what it is made of.

    Of its state, `World.capture` holds the joints, the motors' targets and the time. `begin_episode` resets the rest:
    commands in flight, the play, stall detection, own motion, noise.

    Args:
        world: Scene that holds the arms.
        profile: How the station really is.
        description: What the robot says of itself.
        values: Where the values of an action are in the scene.
        grippers: Stall detection by index of the value, and the gap in m at value 1.
        rest: Where `park` goes; values of grippers are left as they are.
        continuous: Effort that each motor can give for ever; empty if nothing is known of its warmth.
    """

    def __init__(
        self,
        world: World,
        profile: Profile,
        *,
        description: Description,
        values: tuple[Value, ...],
        grippers: dict[int, tuple[StallLimiter, float]],
        rest: ArrayLike,
        continuous: tuple[float, ...] = (),
    ) -> None:
        self._world, self._data, self._description = world, world.data, description
        self._layout = Layout(world.model, values)
        self._faults = Faults(world.model, self._layout)
        self._grippers = grippers
        self._joint_per, self._force_per = self._layout.joint_per.tolist(), self._layout.force_per.tolist()
        action = description.action
        self._low, self._high = np.array(action.low), np.array(action.high)
        self._most_change = np.array(action.most_change)
        self._brake_lag_s = 0.5 * self._layout.lag_s
        self._brake_lag_s[list(grippers)] = np.nan
        self._rest = np.array(rest, float)
        self._heat = Heat(continuous) if continuous else None
        self._connected = False
        self._state: State = "stopped"
        self._motion: Motion | None = None
        self._read_s = world.time_s
        self.renew(profile)
        world.before_tick(self._tick)

    def describe(self) -> Description:
        """What it is; works without a connection."""
        return self._description

    def renew(self, profile: Profile) -> None:
        """The station has drifted: from now on it is as `profile` says. Begins episode 0."""
        size = len(self._description.action.names)
        self._late, self._lost = profile.late, profile.dropped
        self._transmission = Transmission(profile, self._description, list(self._grippers))
        self._bus = Bus(size, round(profile.latency_s / TICK_S))
        self._chance = Chance(profile, size)
        self.begin_episode(0)

    def begin_episode(self, seed: int) -> None:
        """Forget commands in flight, play, stalls, own motion; draw this episode's noise from `seed`.

        With the state of the world this makes what follows repeatable. The motors keep their targets, unless somebody
        has put the joints elsewhere. A real robot has and needs no such thing. Faults of `fail` go on.
        """
        self._chance.begin(seed)
        self._bus.clear()
        for limiter, _ in self._grippers.values():
            limiter.reset()
        lay = self._layout
        links = self._links()
        self._transmission.reset(links)
        told = (self._data.ctrl[lay.actuator] - lay.control_zero) / lay.control_per
        self._target = np.where(np.abs(told - links) > _ELSEWHERE, links, told) + self._transmission.offset
        self._sent = self._target.copy()
        self._motion = None
        self._commanded_s = np.inf
        if self._connected:
            self._state = "ready"

    @property
    def grasps(self) -> int:
        """How often a gripper has closed on something, or on itself, so far: what wears the pads."""
        return sum(limiter.stalls for limiter, _ in self._grippers.values())

    def connect(self) -> None:
        """Take the robot; it holds its position.

        Raises:
            StationFault: It does not answer, or another driver has it.
        """
        self._answering()
        if _drivers.get(self._world, self) is not self:
            raise StationFault(f"{self._description.name} is in use by another driver; disconnect that one first")
        _drivers[self._world] = self
        self._connected = True
        self._hold(self._positions(), "ready")

    def disconnect(self) -> None:
        """Let it go where it stands, holding; idempotent."""
        if self._connected:
            self._hold(self._positions(), "stopped")
            del _drivers[self._world]
        self._connected = False

    def get_observation(self) -> Observation:
        """Latest joint readings.

        Raises:
            StationFault: The robot is silent or not connected.
        """
        self._answering(connected=True)
        self._read_s = self._world.time_s
        lay, data = self._layout, self._data
        effort = data.actuator_force[lay.actuator] / lay.force_per
        effort += self._transmission.effort_noise * self._chance.normal(self._tick_number())
        return {
            "observation.state": self._positions(),
            "observation.velocity": data.qvel[lay.velocity] / lay.joint_per,
            "observation.effort": effort,
        }

    def send_action(self, action: NDArray[np.float64]) -> NDArray[np.float64]:
        """Command joint targets, shape (A,), for the next tick; returns what was really sent.

        Values outside the limits, and steps larger than the robot accepts, are cut. A command ends a stop or a park.

        Raises:
            BadInput: Wrong shape, or a value is not finite; nothing was sent.
            StationFault: The robot is silent or not connected.
        """
        command = numbers(action, self._description.action.names)
        self._answering(connected=True)
        np.maximum(command, self._sent - self._most_change, out=command)
        np.minimum(command, self._sent + self._most_change, out=command)
        np.maximum(command, self._low, out=command)
        np.minimum(command, self._high, out=command)
        self._sent = command
        tick = self._tick_number()
        lost, late = self._chance.uniform(tick)
        if lost >= self._lost:
            self._bus.send(command, tick, late < self._late)
        return command.copy()

    def health(self) -> Health:
        """How it is; never raises. A motor above 90 °C is a fault; it is obeyed still, as a person may want it home."""
        age = self._world.time_s - self._read_s
        if self._faults.silent(self._world.time_s):
            return Health(state="fault", detail="no answer from the motors", age_s=age)
        if not self._connected:
            return Health(state="stopped", detail="not connected", age_s=age)
        found = self._condition()
        warmth = self._warmth()
        hot = [f"{name} {value:.0f} °C" for name, value in warmth.items() if value > HOT_C]
        if hot:
            found = replace(found, state="fault", detail=f"too hot: {', '.join(hot)}; let it rest")
        return replace(found, age_s=age, temperature_c=warmth)

    def _warmth(self) -> dict[str, float]:
        if self._heat is None:
            return {}
        return dict(zip(self._description.action.names, self._heat.temperature_c.tolist(), strict=True))

    def _condition(self) -> Health:
        """How it is apart from warmth, when it is connected and answers."""
        if self._damping():
            return Health(state="stopped", detail=f"no command for {SILENCE_S:g} s: the motors damp")
        moving = np.abs(self._data.qvel[self._layout.velocity]).max() > _RESTING
        state: State = "moving" if moving and self._state != "fault" else self._state
        stalled = [self._description.action.names[i] for i, (g, _) in self._grippers.items() if g.clogged]
        return Health(state=state, detail=f"stalled: {', '.join(stalled)}" if stalled else "")

    def stop(self) -> None:
        """Brake and hold where it comes to rest. Works in every state; a later command is obeyed again."""
        self._hold(self._target, "stopped")
        self._motion = Brake(self._target, self._moving, self._brake_lag_s)

    def park(self) -> None:
        """Go slowly to the rest pose and hold there; the grippers stay as they are.

        Raises:
            StationFault: The robot is silent or not connected.
        """
        self._answering(connected=True)
        goal = self._rest.copy()
        goal[list(self._grippers)] = self._target[list(self._grippers)]
        self._hold(self._target, "parked")
        self._motion = Travel(self._target, goal, PARK_SPEED)

    def place(self, positions: ArrayLike) -> None:
        """Put the joints at true positions, shape (A,), at rest. For tests and for a counted human assist only.

        Raises:
            BadInput: Wrong shape, or a value is not finite.
        """
        values = np.clip(numbers(positions, self._description.action.names), self._low, self._high)
        lay, model = self._layout, self._world.model
        for moving, joint in zip(lay.moving, lay.joint_zero + values * lay.joint_per, strict=True):
            self._data.qpos[model.jnt_qposadr[moving]] = joint
            self._data.qvel[model.jnt_dofadr[moving]] = 0.0
        self._data.ctrl[lay.actuator] = lay.control_zero + values * lay.control_per
        self._world.refresh()
        self._transmission.reset(values)
        self._hold(values + self._transmission.offset, self._state)

    def fail(self, kind: Fault, duration_s: float, name: str = "") -> None:
        """Break something for `duration_s` of the world's time, to see who survives it.

        Args:
            kind: `silent`: no reading and no command gets through. `stuck_joint`: a joint does not move.
                `blocked_gripper`: the fingers do not move.
            duration_s: From now.
            name: Value that it is about, e.g. `left_joint3_rad`; the first that fits if empty.

        Raises:
            BadInput: No such kind or value.
        """
        if kind not in FAULTS:
            raise BadInput(f"unknown kind of failure {kind!r}; known: {', '.join(FAULTS)}")
        until = self._world.time_s + duration_s
        if kind == "silent":
            self._faults.silence(until)
        else:
            self._faults.stick(value_to_stick(kind, name, self._description.action.names), self._data, until)

    def _tick(self) -> None:
        """What happens once per turn of the joint loop, before physics."""
        if _drivers.get(self._world, self) is not self:
            return
        now = self._world.time_s
        if self._faults:
            self._faults.expire(now)
        tick = self._tick_number()
        if self._heat is not None and tick % _HEAT_TICKS == 0:
            lay, data = self._layout, self._data
            torque = data.actuator_force[lay.actuator] / lay.force_per + data.qfrc_gravcomp[lay.velocity]
            self._heat.work(torque, _HEAT_TICKS * TICK_S)
        self._transmission.follow(self._links())
        if self._faults.silent(now):
            self._bus.clear()
        arrived = self._bus.receive(tick)
        if arrived is not None:
            self._target, self._motion, self._state, self._commanded_s = arrived.copy(), None, "ready", now
        elif self._motion is not None:
            self._target = self._motion.step(TICK_S)
            if self._motion.finished:
                self._motion = None
            self._sent = self._target
        elif self._damping():
            self._target = self._sent = self._transmission.motor + self._transmission.offset
        self._drive(self._transmission.link_targets(self._target))

    def _drive(self, wanted: Vector) -> None:
        """Tell the motors to bring the links to `wanted`."""
        lay, data, motor = self._layout, self._data, self._transmission.motor
        control = wanted * lay.control_per
        control += lay.control_zero
        if self._grippers:
            speeds, forces = data.qvel.take(lay.velocity), data.actuator_force.take(lay.actuator)
        for i, (limiter, gap_m) in self._grippers.items():
            speed = float(speeds[i]) / self._joint_per[i] * gap_m
            force = float(forces[i]) / self._force_per[i]
            target_m = limiter.limit(float(wanted[i]) * gap_m, float(motor[i]) * gap_m, speed, force)
            control[i] = lay.control_zero[i] + target_m / gap_m * lay.control_per[i]
        data.ctrl[lay.actuator] = control

    def _positions(self) -> Vector:
        return self._transmission.reading(self._links())

    def _moving(self) -> tuple[Vector, Vector]:
        """Where the motors are, as they know it, and how fast: shape (A,) each."""
        place: Vector = self._transmission.motor + self._transmission.offset
        return place, self._data.qvel[self._layout.velocity] / self._layout.joint_per

    def _links(self) -> Vector:
        lay = self._layout
        links: Vector = (self._data.qpos.take(lay.position) - lay.joint_zero) / lay.joint_per
        return links

    def _hold(self, target: Vector, state: State) -> None:
        self._bus.clear()
        self._target, self._sent = target.copy(), target.copy()
        self._motion, self._state, self._commanded_s = None, state, np.inf

    def _damping(self) -> bool:
        return self._world.time_s - self._commanded_s >= SILENCE_S - 1e-9

    def _tick_number(self) -> int:
        return round(self._world.time_s / TICK_S)

    def _answering(self, *, connected: bool = False) -> None:
        if self._faults.silent(self._world.time_s):
            raise StationFault(f"{self._description.name} does not answer")
        if connected and not self._connected:
            raise StationFault(f"{self._description.name} is not connected; call connect() first")
