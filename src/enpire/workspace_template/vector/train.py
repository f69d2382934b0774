"""Fit the blocks to the task and to logged episodes: `python train.py DATA_FOLDER`.

Three things are identified, none of them by search:

- which declared weights the task needs; the others are set to 0 and marked `source = "identified"`;
- the spread of readings without declared bounds, from `*.npz` files with one array per observation key. A spread that
  was set once stays: the weights depend on it.

The task's description is read from `task.json`, in the data folder or beside this file.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import parameters
import policy
from interface import FEATURES, Actions, Readings

UNSET = 1.0
"""Spread that a block ships with."""


def main(folder: Path) -> int:
    """Fit and write, and say what was done. Returns the exit status."""
    described = [path for path in (folder / "task.json", Path(__file__).parent / "task.json") if path.exists()]
    if not described:
        print("no task.json in the data folder or beside train.py: the task is unknown")
        return 2
    task = json.loads(described[0].read_text())
    set_spreads(task, folder)
    features = policy.Features(task, parameters.values(policy.Features))
    mark_weights(min(features.size, FEATURES), Actions(task).size)
    return 0


def set_spreads(task: dict[str, Any], folder: Path) -> None:
    """Write how far readings without bounds stray from zero, 95 % of the time."""
    name = policy.Features.__module__.rpartition(".")[2]
    readings = Readings(task)
    rows = []
    for path in sorted(folder.glob("**/*.npz")):
        with np.load(path) as data:
            arrays = {key: data[key] for key in data.files if key in task["observation"]}
        steps = min((len(array) for array in arrays.values()), default=0)
        rows += [readings.row({key: array[step] for key, array in arrays.items()}) for step in range(steps)]
    if not rows:
        return
    strays = np.quantile(np.abs(np.array(rows)), 0.95, axis=0)
    held = parameters.values(policy.Features)
    for entry in range(min(readings.size, FEATURES)):
        key = f"spread_{entry}"
        if not readings.known[entry] and held.get(key) == UNSET and strays[entry] > 0:
            edit(name, key, value=min(max(float(f"{strays[entry]:.3g}"), 1e-3), 1e3))
            print(f"{name}.{key} = {strays[entry]:.3g}")


def mark_weights(features: int, actions: int) -> None:
    """Open the controller's weights that are in use to search, and close the others."""
    name = policy.Controller.__module__.rpartition(".")[2]
    used = policy.Controller.used(features, actions)
    for key in parameters.header(name).get("parameters", {}):
        if key in used:
            edit(name, key, source="search")
        else:
            edit(name, key, value=0.0, source="identified")
    print(f"{name}: {len(used)} parameters for {features} features and {actions} action values")


def edit(block: str, key: str, *, value: float | None = None, source: str | None = None) -> None:
    """Change the value or the source of one declared parameter."""
    path = parameters.FOLDER / f"{block}.toml"
    head, table, tail = path.read_text().partition(f"[parameters.{key}]\n")
    body, following, rest = tail.partition("\n[")
    if value is not None:
        body = re.sub(r"(?m)^value = \S+", f"value = {float(value)}", body, count=1)
    if source is not None:
        body = re.sub(r'(?m)^source = "\w+"', f'source = "{source}"', body, count=1)
    path.write_text(head + table + body + following + rest)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python train.py DATA_FOLDER")
    sys.exit(main(Path(sys.argv[1])))
