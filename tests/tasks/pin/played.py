"""Plays the start policy of pin insertion with other blocks in it, in this process."""

import importlib
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import enpire
from enpire.core.records import Verdict, to_builtins
from enpire.environment.station_task import StationTask
from enpire.evolution.workspace import recipe, start_policy

LIBRARY = Path(enpire.__file__).parent / "policy_improvement" / "blocks"
FILES = start_policy("pin_insertion")
BEST = {
    "move": "compensated_move",
    "aim": "seen_aim",
    "descent": "guarded_descent",
    "search": "spiral_search",
    "retry": "lift_and_retry",
}
_OURS = ("policy", "parameters", "hand", "blocks")


class Tools:
    """The station's tools, as JSON."""

    def __init__(self, task: StationTask) -> None:
        self.task = task

    def call(self, name: str, **arguments: Any) -> Any:
        plain = json.loads(json.dumps(arguments, default=lambda value: value.tolist()))
        return json.loads(json.dumps(self.task.call(name, plain)))


def assemble(folder: Path, **swaps: str) -> ModuleType:
    """Writes the start policy with other blocks into a folder and imports its `policy`."""
    text = FILES["policy.py"].decode()
    for slot, block in swaps.items():
        text, found = re.subn(rf"blocks\.\w+( import \w+  # slot: {slot}\n)", rf"blocks.{block}\1", text)
        assert found == 1
    written = FILES | {"policy.py": text.encode()}
    for block in recipe(written).values():
        written |= {f"blocks/{block}{end}": (LIBRARY / f"{block}{end}").read_bytes() for end in (".py", ".toml")}
    for path, content in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    forget()
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    return importlib.import_module("policy")


def forget() -> None:
    """Forget every module of an assembled policy."""
    for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
        del sys.modules[name]


def play(task: StationTask, module: ModuleType, observation: dict[str, np.ndarray], steps: int) -> Verdict:
    """The verdict when the episode ends, on success or after so many steps."""
    policy = module.Policy(to_builtins(task.spec), Tools(task))
    policy.reset(observation, task.spec.instruction)
    for _ in range(steps):
        observation, _, terminated, _, _ = task.step(policy.select_action(observation))
        if task.verify().success or terminated:
            break
    return task.verify()
