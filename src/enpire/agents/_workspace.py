"""Slots, blocks and declared parameters of a workspace, read and edited as plain files.

A slot is one line of `policy.py`, of exactly this form:

```python
from blocks.ring_detour import Navigator  # slot: navigator
```

Swapping a block copies `<name>.py` and `<name>.toml` from the library into `blocks/` and rewrites the module name in
that line. A block's TOML file declares its parameters, one table each.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from enpire.core.errors import BadInput

_SLOT = re.compile(
    r"^from blocks\.(?P<block>\w+) import (?P<names>\w+(?:, *\w+)*)[ ]+# slot: (?P<slot>\w+)[ ]*$", re.MULTILINE
)
_TABLE = re.compile(r"^\s*\[(?P<name>[^\[\]]+)\]\s*(#.*)?$")
_VALUE = re.compile(r"^(?P<head>\s*value\s*=\s*)[^#\s]+(?P<tail>\s*(?:#.*)?)$")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One declared number of a block.

    Attributes:
        name: Full name, `block.parameter`.
        value: What the file holds now.
        low, high: Bounds for search.
        log: Whether search works on the logarithm.
        searchable: False for values that `train.py` identifies from data.
    """

    name: str
    value: float
    low: float
    high: float
    log: bool
    searchable: bool

    def to_unit(self, value: float) -> float:
        """Position of a value between the bounds, in [0, 1]."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, at = float(np.log(low)), float(np.log(high)), float(np.log(at))
        return (at - low) / (high - low)

    def from_unit(self, position: float) -> float:
        """Value at a position in [0, 1], rounded to six digits."""
        at = min(max(float(position), 0.0), 1.0)
        if self.log:
            value = float(np.exp(np.log(self.low) + at * np.log(self.high / self.low)))
        else:
            value = self.low + at * (self.high - self.low)
        return min(max(float(f"{value:.6g}"), self.low), self.high)


@dataclass(frozen=True, kw_only=True)
class Block:
    """Declaration of a block.

    Attributes:
        name: File name without its ending.
        slot: Where it fits.
        summary: What it does, in a few words.
        scene: Kind of scene it needs, or `any`.
        parameters: By full name.
    """

    name: str
    slot: str
    summary: str
    scene: str
    parameters: dict[str, Parameter] = field(default_factory=dict)

    @property
    def searchable(self) -> list[Parameter]:
        """Parameters that search may change."""
        return [p for p in self.parameters.values() if p.searchable]


def read_block(path: Path) -> Block:
    """Declaration from `<name>.toml`.

    Raises:
        BadInput: The file is not a valid declaration.
    """
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
        head = table["block"]
        entries: dict[str, dict[str, Any]] = table.get("parameters", {})
        parameters = [_parameter(f"{path.stem}.{name}", entry) for name, entry in entries.items()]
        return Block(
            name=path.stem,
            slot=str(head["slot"]),
            summary=str(head.get("summary", "")).strip().rstrip("."),
            scene=str(head.get("scene", "any")),
            parameters={p.name: p for p in parameters},
        )
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path.name} is not a block declaration: {error!r}") from None


def read_library(folder: Path, scene: str) -> dict[str, list[Block]]:
    """Blocks of a library that fit a kind of scene (`a+b` takes both), by slot, in order of name."""
    by_slot: dict[str, list[Block]] = {}
    for path in sorted(folder.glob("*.toml")):
        block = read_block(path)
        if block.scene in {*scene.split("+"), "any"} and path.with_suffix(".py").is_file():
            by_slot.setdefault(block.slot, []).append(block)
    return by_slot


def read_recipe(workspace: Path) -> dict[str, str]:
    """Slot to block name, from the slot lines of `policy.py`."""
    text = (workspace / "policy.py").read_text()
    return {match["slot"]: match["block"] for match in _SLOT.finditer(text)}


def read_parameters(workspace: Path, blocks: Iterable[str]) -> dict[str, Parameter]:
    """Declared parameters of the named blocks as the workspace holds them, by full name."""
    found: dict[str, Parameter] = {}
    for block in sorted(set(blocks)):
        path = workspace / "blocks" / f"{block}.toml"
        if path.is_file():
            found |= read_block(path).parameters
    return found


def swap(workspace: Path, library: Path, slot: str, block: str) -> None:
    """Put a library block into a slot, with the library's values.

    Raises:
        BadInput: `policy.py` has no such slot.
    """
    policy = workspace / "policy.py"
    if slot not in (recipe := read_recipe(workspace)):
        raise BadInput(f"policy.py has no slot {slot!r}; it has {', '.join(recipe)}")

    def renamed(line: re.Match[str]) -> str:
        return line[0].replace(f"blocks.{line['block']} ", f"blocks.{block} ", 1) if line["slot"] == slot else line[0]

    text = _SLOT.sub(renamed, policy.read_text())
    for ending in (".py", ".toml"):
        target = workspace / "blocks" / f"{block}{ending}"
        shutil.copyfile(library / f"{block}{ending}", target)
    policy.write_text(text)


def set_values(workspace: Path, point: Mapping[str, float]) -> None:
    """Write declared values into the TOML files of the workspace; comments and layout stay.

    Raises:
        BadInput: A parameter is not declared there.
    """
    by_block: dict[str, dict[str, float]] = {}
    for name, value in point.items():
        block, _, parameter = name.partition(".")
        by_block.setdefault(block, {})[parameter] = value
    for block, values in by_block.items():
        path = workspace / "blocks" / f"{block}.toml"
        path.write_text(_with_values(path.read_text(), values, path.name))


def replace_files(workspace: Path, source: Path) -> None:
    """Make the workspace hold exactly the files of another candidate, writable."""
    for path in workspace.iterdir():
        if path.name == ".git":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.copytree(source, workspace, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    for path in (workspace, *workspace.rglob("*")):
        path.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IWUSR | (stat.S_IXUSR if path.is_dir() else 0))


def train(workspace: Path, data: Path, limit_s: float = 30.0) -> Literal["done", "failed"]:
    """Run the workspace's `train.py` on a folder of logged episodes; it rewrites identified values."""
    if not (workspace / "train.py").is_file():
        return "failed"
    try:
        done = subprocess.run(
            [sys.executable, "train.py", str(data)],
            cwd=workspace,
            env=dict(os.environ) | {"PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "failed"
    return "done" if done.returncode == 0 else "failed"


def _parameter(name: str, entry: Mapping[str, Any]) -> Parameter:
    low, high, log = float(entry["low"]), float(entry["high"]), entry.get("scale", "linear") == "log"
    if not low < high or (log and low <= 0):
        raise ValueError(f"{name} needs low < high, and low > 0 on a log scale")
    searchable = entry.get("source", "search") == "search"
    return Parameter(name=name, value=float(entry["value"]), low=low, high=high, log=log, searchable=searchable)


def _with_values(text: str, values: Mapping[str, float], where: str) -> str:
    """TOML text with the `value` lines of some `[parameters.<name>]` tables replaced."""
    left, table, lines = dict(values), "", []
    for line in text.splitlines(keepends=True):
        body = line.rstrip("\r\n")
        if match := _TABLE.match(body):
            table = match["name"].strip().removeprefix("parameters.")
        elif table in left and (match := _VALUE.match(body)):
            line = f"{match['head']}{left.pop(table)!r}{match['tail']}" + line[len(body) :]
        lines.append(line)
    if left:
        raise BadInput(f"{where} does not declare {', '.join(sorted(left))}")
    return "".join(lines)
