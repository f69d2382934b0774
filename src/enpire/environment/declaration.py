"""Three lines of TOML make any Gymnasium environment a task: what to install, what success is, what progress is."""

import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import msgspec

from enpire.core.errors import BadInput
from enpire.core.files import sha256
from enpire.environment.rules import parse_progress, parse_success

EXAMPLE = """\
requirements = ["gymnasium==1.4.0"]   # what pip installs for it, exact versions
success = "info.is_success"           # or: terminated | return >= 475 | reward > -0.1 for 20 steps
progress = "info.progress"            # or: return / 500 | info.gap_m from 0.2 to 0"""
"""What a user must write at least."""


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """All that a declaration file may say. Unknown keys are errors.

    Attributes:
        requirements: pip requirements, exact versions. `./` and `../` are relative to the file.
        success: Sentence of `enpire.environment.rules`.
        progress: Sentence of `enpire.environment.rules`.
        id: Gymnasium id; empty means the task's own name.
        instruction: The task in one sentence.
        names: Entry names with units, per observation key and for `action`.
        period_s: Control period; default 1 / `render_fps` of the environment, else 0.05.
        max_steps: Step limit; default the environment's registration, else 1000.
        kwargs: Passed to `gymnasium.make`.
        module: Imported before `gymnasium.make`; default the part of the id before `/`, if any.
        baseline: Weak start policy that fits.
        action_range: [low, high] for action entries that the environment leaves unbounded.
        timeout_s: Wall time after which a call counts as hung.
        scene: Facts that the environment's manual states.
    """

    requirements: tuple[str, ...]
    success: str
    progress: str
    id: str = ""
    instruction: str = ""
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    period_s: float | None = None
    max_steps: int | None = None
    kwargs: dict[str, Any] = field(default_factory=dict)
    module: str | None = None
    baseline: str = "vector"
    action_range: tuple[float, float] | None = None
    timeout_s: float = 30.0
    scene: dict[str, Any] = field(default_factory=dict)

    def id_for(self, name: str) -> str:
        """Gymnasium id of the task that is called `gym:<name>`."""
        return self.id or name

    def module_for(self, name: str) -> str:
        """Module to import before `gymnasium.make`; empty if none."""
        if self.module is not None:
            return self.module
        namespace, slash, _ = self.id_for(name).partition("/")
        return namespace if slash else ""

    def digest(self) -> str:
        """SHA-256 over every field."""
        return sha256(msgspec.json.encode(self, order="sorted"))


def load(path: Path) -> Declaration:
    """Declaration from a TOML file.

    Raises:
        BadInput: It cannot be read, a key is unknown or missing, or a value cannot be used.
    """
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{path}: {error}. At least these lines are needed:\n{EXAMPLE}") from None
    try:
        return parse(table, path.parent)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def parse(table: dict[str, Any], folder: Path) -> Declaration:
    """Declaration from a TOML table; relative requirements start at `folder`.

    Raises:
        BadInput: A key is unknown or missing, or a value cannot be used.
    """
    known = {f.name for f in fields(Declaration)}
    if unknown := sorted(set(table) - known):
        raise BadInput(f"unknown key {unknown[0]!r}; valid keys: {', '.join(sorted(known))}")
    table = dict(table, names=dict(_flatten(table.get("names", {}))))
    try:
        declaration = msgspec.convert(table, Declaration)
    except msgspec.ValidationError as error:
        raise BadInput(f"{error}. At least these lines are needed:\n{EXAMPLE}") from None
    _check(declaration)
    resolved = tuple(
        str((folder / r).resolve()) if r.startswith(("./", "../")) else r for r in declaration.requirements
    )
    return replace(declaration, requirements=resolved)


def _flatten(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """`observation.state = [...]` in TOML is a nested table; keys here are dotted."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _check(declaration: Declaration) -> None:
    """What the types do not say."""
    parse_success(declaration.success)
    parse_progress(declaration.progress)
    for key, value in (("period_s", declaration.period_s), ("timeout_s", declaration.timeout_s)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise BadInput(f"{key} = {value} must be a positive number of seconds")
    if declaration.max_steps is not None and declaration.max_steps < 1:
        raise BadInput(f"max_steps = {declaration.max_steps} must be at least 1")
    if declaration.action_range is not None:
        low, high = declaration.action_range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise BadInput(f"action_range = [{low}, {high}] must be two finite numbers, the lower one first")
    for key, names in declaration.names.items():
        if len(set(names)) != len(names):
            raise BadInput(f"names.{key} holds a name twice: {', '.join(names)}")
    if any(not requirement.strip() for requirement in declaration.requirements):
        raise BadInput("requirements holds an empty line")
