"""Who moves the arms while somebody watches: nobody, or a policy in its sandbox."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import PolicyFault
from enpire.core.records import Observation, TaskSpec
from enpire.environment.contract import Equipped
from enpire.environment.station_task import StationTask
from enpire.rollout.trial import LOAD_TIMEOUT_S
from enpire.rollout.worker.pool import Worker, WorkerPool

ANSWER_TIMEOUT_S = 5.0
"""Longest wait for an action. A trial waits one control period; here the world waits for the answer."""


class Mover(Protocol):
    """Gives the actions of an episode."""

    def begin(self, observation: Observation) -> None:
        """An episode begins.

        Raises:
            PolicyFault: The policy does not load.
        """
        ...

    def act(self, observation: Observation) -> NDArray[np.float64]:
        """The next action.

        Raises:
            PolicyFault: There is none.
        """
        ...

    def end(self) -> str:
        """The episode is over; returns what the policy printed last."""
        ...


class Still:
    """Holds the arms where they are, with what they hold.

    Args:
        station: Whose arms.
    """

    def __init__(self, station: StationTask) -> None:
        self._station = station

    def begin(self, observation: Observation) -> None:
        """Remember the targets of the start; measured positions would let go of what is held."""
        setup = self._station.setup
        held = setup.drive.target if setup else observation["observation.state"]
        self._action: NDArray[np.float64] = self._station.spec.action.clip(held)

    def act(self, observation: Observation) -> NDArray[np.float64]:
        """The targets of the start."""
        del observation  # Unused: the arms hold.
        return self._action

    def end(self) -> str:
        """Nothing to say."""
        return ""


class Played:
    """A policy, each episode in a new worker.

    Args:
        pool: Entered.
        candidate: Folder with `policy.py`.
        spec: What the policy may know.
        equipped: Answers its questions.
    """

    def __init__(self, pool: WorkerPool, candidate: Path, spec: TaskSpec, equipped: Equipped) -> None:
        self._pool, self._candidate, self._spec, self._equipped = pool, candidate, spec, equipped
        self._worker: Worker | None = None
        self._step = 0

    def begin(self, observation: Observation) -> None:
        """Start the policy."""
        self._worker = self._pool.prepare(self._candidate, self._spec)
        self._step = 0
        self._worker.equip(self._equipped)
        self._worker.wait_loaded(LOAD_TIMEOUT_S)
        self._worker.reset(observation, LOAD_TIMEOUT_S)

    def act(self, observation: Observation) -> NDArray[np.float64]:
        """The policy's answer."""
        assert self._worker is not None, "begin first"
        self._worker.request(self._step, observation)
        self._step += 1
        answer = self._worker.receive(ANSWER_TIMEOUT_S)
        if answer is None:
            raise PolicyFault("deadline", f"no action within {ANSWER_TIMEOUT_S:g} s")
        return self._spec.action.clip(answer)

    def end(self) -> str:
        """End the policy's process."""
        if self._worker is None:
            return ""
        report = self._worker.finish()
        self._worker = None
        return report.log_tail
