"""Policies and observations for the tests of the worker."""

import itertools
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np

from enpire.core.records import ActionSpec, ArraySpec, Observation, TaskSpec
from enpire.rollout.worker.pool import Worker

SIZE = 4
SPEC = TaskSpec(
    name="reach",
    instruction="touch the dot",
    observation={
        "observation.state": ArraySpec(shape=(6,), dtype="float64"),
        "observation.images.top": ArraySpec(shape=(48, 64, 3), dtype="uint8"),
    },
    action=ActionSpec(size=SIZE, low=(-1.0,) * SIZE, high=(1.0,) * SIZE),
    period_s=0.1,
    max_steps=10,
    manifest="secret-manifest",
)
Prepare = Callable[[str], Worker]


def observe(value: float = 0.0) -> Observation:
    return {
        "observation.state": np.full(6, value),
        "observation.images.top": np.full((48, 64, 3), int(value), np.uint8),
    }


def policy(
    select: str = "return [0.0] * 4", *, reset: str = "pass", init: str = "self.task = task", top: str = ""
) -> str:
    """Source of a policy.py with the given bodies."""
    parts = ["import os, sys, time, json, ctypes", "import numpy as np", textwrap.dedent(top), "class Policy:"]
    for header, body in (
        ("__init__(self, task)", init),
        ("reset(self, observation, instruction)", reset),
        ("select_action(self, observation)", select),
    ):
        parts += [f"    def {header}:", textwrap.indent(textwrap.dedent(body).strip(), " " * 8)]
    return "\n".join(parts) + "\n"


def begin(worker: Worker) -> Worker:
    worker.wait_loaded(20)
    worker.reset(observe(), 20)
    return worker


def act(worker: Worker, step: int = 0, value: float = 0.0, timeout_s: float = 20) -> list[float] | None:
    worker.request(step, observe(value))
    action = worker.receive(timeout_s)
    return None if action is None else action.tolist()


_numbers = itertools.count()


def write_candidate(folder: Path, source: str) -> Path:
    candidate = folder / f"candidate-{next(_numbers)}"
    candidate.mkdir()
    (candidate / "policy.py").write_text(source)
    return candidate
