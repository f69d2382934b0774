"""Workers for the episodes of one station, at the strongest confinement this machine can prove."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from enpire.core.errors import BadInput, MissingProgram, StationFault
from enpire.core.records import TaskSpec
from enpire.rollout.worker import selftest
from enpire.rollout.worker.client import Worker, WorkerReport
from enpire.rollout.worker.zygote import Zygote

__all__ = ["LEVELS", "Worker", "WorkerPool", "WorkerReport"]

LEVELS = ("namespaces", "lsm", "none")
"""Confinement levels, strongest first."""
NOT_ENTERED = "enter the pool first: with WorkerPool(...) as pool"
PRELOAD = ("numpy", "numpy.random")


class WorkerPool:
    """Owns the zygote of a station and prepares workers. A context manager, used from one thread;
    a worker may be finished by another.

    Enter it in the station's main thread and keep that thread alive: all workers die with it.

    Args:
        candidates: Existing folder that holds every candidate folder, also those that are exported later.
        level: `auto` takes the first level that passes its self-test; a named level must pass it.
        memory_bytes: Address space of each worker.
        preload: Modules imported once for all workers, so that episodes start faster.

    Attributes:
        candidates: The folder, resolved.
        level: `namespaces`, `lsm` or `none`, as proven by the self-test when the pool was entered.
    """

    def __init__(
        self, candidates: Path, *, level: str = "auto", memory_bytes: int = 2 << 30, preload: Sequence[str] = PRELOAD
    ) -> None:
        if level not in ("auto", *LEVELS):
            raise BadInput(f"unknown confinement level {level!r}; known: auto, {', '.join(LEVELS)}")
        self.level = level
        self.candidates = candidates.resolve()
        self._memory_bytes = memory_bytes
        self._preload = tuple(preload)
        self._zygote: Zygote | None = None
        self._workers: list[Worker] = []

    def __enter__(self) -> Self:
        if not self.candidates.is_dir():
            raise BadInput(f"candidates folder {self.candidates} does not exist; create it first")
        for level in LEVELS if self.level == "auto" else (self.level,):
            try:
                self._zygote = self._start(level)
            except MissingProgram:
                if self.level != "auto":
                    raise
            else:
                self.level = level
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.finish()
        self._workers.clear()
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    @property
    def zygote_pid(self) -> int:
        """Process number of the zygote, or of the bubblewrap around it; for diagnosis."""
        if self._zygote is None:
            raise RuntimeError(NOT_ENTERED)
        return self._zygote.pid

    def prepare(self, candidate: Path, spec: TaskSpec) -> Worker:
        """Fork a worker that starts to load `policy.py` of a candidate; returns at once.

        Args:
            candidate: A folder below the pool's `candidates`.
            spec: What the policy may know; its `manifest` is left out.

        Raises:
            BadInput: The folder is not below `candidates`.
            StationFault: The zygote died and could not be started again.
        """
        if self._zygote is None:
            raise RuntimeError(NOT_ENTERED)
        folder = candidate.resolve()
        if not folder.is_relative_to(self.candidates) or folder == self.candidates:
            raise BadInput(f"candidate {folder} is not below {self.candidates}")
        try:
            worker = Worker(self._zygote, spec, folder, self._memory_bytes)
        except ConnectionError:
            worker = self._prepare_anew(folder, spec)
        self._workers = [*(w for w in self._workers if not w.finished), worker]
        return worker

    def _prepare_anew(self, folder: Path, spec: TaskSpec) -> Worker:
        """Start the zygote once more, at the same level, and prepare there."""
        if self._zygote is not None:
            self._zygote.close()
        try:
            self._zygote = self._start(self.level)
            return Worker(self._zygote, spec, folder, self._memory_bytes)
        except (OSError, MissingProgram) as error:
            raise StationFault(f"the zygote died and did not start again: {error}") from None

    def _start(self, level: str) -> Zygote:
        zygote = Zygote(level, self.candidates, self._preload)
        if level == "none":
            return zygote
        try:
            selftest.require(zygote, level, self.candidates, self._memory_bytes)
        except BaseException:
            zygote.close()
            raise
        return zygote
