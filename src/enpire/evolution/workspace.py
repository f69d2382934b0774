"""A workspace as a value, path to bytes: its slots, its declared parameters and its identity."""

import hashlib
import importlib.resources
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any, Literal, get_args

from enpire.core.errors import BadInput, UnknownName
from enpire.core.records import TaskSpec, to_builtins
from enpire.evolution.reading import Files, check_files, read_folder

__all__ = [
    "Files",
    "Parameter",
    "check_files",
    "parameters",
    "read_folder",
    "recipe",
    "template",
    "tree_id",
    "with_values",
]

SLOT_LINE = re.compile(
    rb"^from blocks\.([a-z_][a-z0-9_]*) import ([A-Za-z_]\w*)[ \t]+# slot: ([a-z_][a-z0-9_]*)[ \t]*\r?$", re.MULTILINE
)

IMPORT_LINE = re.compile(rb"^(?:from|import) ([a-z_]+)\b", re.MULTILINE)

Scale = Literal["linear", "log"]
Source = Literal["search", "identified"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A declared number of a workspace.

    Attributes:
        value: Value in the files.
        low, high: Closed range a variant may take.
        unit: Unit as text, e.g. `px`; empty if it has none.
        scale: `log` if ratios matter, not differences; then `low` > 0.
        source: `search` (tuned by races) or `identified` (measured from data).
    """

    value: float
    low: float
    high: float
    unit: str = ""
    scale: Scale = "linear"
    source: Source = "search"


def template(task: TaskSpec) -> Files:
    """Files a campaign starts from: the weak start policy that fits the task, and `task.json`.

    Raises:
        UnknownName: `task.baseline` is not a folder of `workspace_template/`.
    """
    files = start_policy(task.baseline)
    plain = to_builtins(task)
    plain.pop("manifest")
    files["task.json"] = (json.dumps(plain, indent=2, sort_keys=True) + "\n").encode()
    check_files(files)
    return files


def start_policy(baseline: str) -> Files:
    """A folder of `workspace_template/`, the library blocks that its `policy.py` names, and what they share.

    Modules of `workspace_template/_shared/` come along where a file imports them.

    Raises:
        UnknownName: There is no such folder.
    """
    package = importlib.resources.files("enpire")
    root = package.joinpath("workspace_template")
    known = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(("_", ".")))
    if baseline not in known:
        raise UnknownName("baseline", baseline, known, "It names a folder of workspace_template/")
    files: Files = {}
    _collect(root.joinpath(baseline), "", files)
    library = package.joinpath("policy_improvement", "blocks")
    for block in recipe(files).values():
        for name in (f"{block}.py", f"{block}.toml"):
            files[f"blocks/{name}"] = library.joinpath(name).read_bytes()
    shared: Files = {}
    _collect(root.joinpath("_shared"), "", shared)
    while missing := _imported(files) & shared.keys() - files.keys():
        files |= {name: shared[name] for name in missing}
    return files


def _imported(files: Files) -> set[str]:
    """Names of the modules, as files, that the Python files of a workspace import."""
    texts = [text for name, text in files.items() if name.endswith(".py")]
    return {f"{found.decode()}.py" for text in texts for found in IMPORT_LINE.findall(text)}


def _collect(folder: Traversable, prefix: str, files: Files) -> None:
    for entry in sorted(folder.iterdir(), key=lambda found: found.name):
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", files)
        else:
            files[prefix + entry.name] = entry.read_bytes()


# ---------------------------------------------------------------------------- slots and parameters


def recipe(files: Mapping[str, bytes]) -> dict[str, str]:
    """Slot to block name, from the slot lines of `policy.py`, in their order; empty without slots.

    Raises:
        BadInput: A slot is filled twice.
    """
    slots: dict[str, str] = {}
    for match in SLOT_LINE.finditer(files.get("policy.py", b"")):
        block, slot = match[1].decode(), match[3].decode()
        if slot in slots:
            raise BadInput(
                f"policy.py fills the slot {slot!r} twice, with {slots[slot]!r} and {block!r}; keep one line"
            )
        slots[slot] = block
    return slots


def parameters(files: Mapping[str, bytes]) -> dict[str, Parameter]:
    """Declared parameters by full name: those of the blocks in slots, then those of `parameters.toml`.

    Raises:
        BadInput: A declaration is missing or wrong; names file, parameter and rule.
    """
    return {
        prefix + name: parameter
        for path, prefix in _declarations(files).items()
        for name, parameter in _declared(path, files).items()
    }


def with_values(files: Mapping[str, bytes], point: Mapping[str, float]) -> Files:
    """The same files with other values of declared parameters. Nothing but these numbers changes.

    Args:
        files: The workspace.
        point: Full parameter name to value.

    Raises:
        BadInput: An unknown name, or a value out of its range.
    """
    changed = dict(files)
    known = parameters(files)
    for full, value in point.items():
        if full not in known:
            listed = ", ".join(known) or "none"
            raise BadInput(f"unknown parameter {full!r}; declared by this workspace: {listed}")
        low, high = known[full].low, known[full].high
        if not low <= value <= high:  # also refuses NaN
            raise BadInput(f"{full} = {value} is outside its declared range [{low}, {high}]")
        if value == known[full].value:
            continue
        block, _, name = full.rpartition(".")
        path = f"blocks/{block}.toml" if block else "parameters.toml"
        changed[path] = _replace_value(changed[path].decode(), path, name, value).encode()
    return changed


def _declarations(files: Mapping[str, bytes]) -> dict[str, str]:
    """Path of each declaration in force, to the prefix of its names."""
    found = {f"blocks/{block}.toml": f"{block}." for block in recipe(files).values()}
    if "parameters.toml" in files:
        found["parameters.toml"] = ""
    return found


def _declared(path: str, files: Mapping[str, bytes]) -> dict[str, Parameter]:
    tables = _toml(path, files).get("parameters", {})
    if not isinstance(tables, dict):
        raise BadInput(f"{path}: `parameters` must hold tables [parameters.<name>]")
    return {name: _parameter(f"{path}: parameter {name!r}", name, entry) for name, entry in tables.items()}


def _toml(path: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    if path not in files:
        raise BadInput(f"{path} is missing; a block in a slot declares its parameters there")
    try:
        return tomllib.loads(files[path].decode())
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not valid TOML: {error}") from None


def _parameter(where: str, name: str, entry: object) -> Parameter:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name):
        raise BadInput(f"{where} needs a name of letters, digits and _")
    if not isinstance(entry, dict):
        raise BadInput(f"{where} must be a table with value, low and high")
    numbers = {}
    for key in ("value", "low", "high"):
        number = entry.get(key)
        if isinstance(number, bool) or not isinstance(number, int | float) or not _is_finite(number):
            raise BadInput(f"{where}: {key} must be a finite number, not {number!r}")
        numbers[key] = float(number)
    value, low, high = numbers["value"], numbers["low"], numbers["high"]
    if not low <= value <= high:
        raise BadInput(f"{where}: value {value} is outside its own range [{low}, {high}]")
    unit, scale, source = entry.get("unit", ""), entry.get("scale", "linear"), entry.get("source", "search")
    if not isinstance(unit, str):
        raise BadInput(f"{where}: unit must be text, not {unit!r}")
    if scale not in get_args(Scale) or (scale == "log" and low <= 0):
        raise BadInput(f"{where}: scale must be linear or log (log needs low > 0), not {scale!r}")
    if source not in get_args(Source):
        raise BadInput(f"{where}: source must be search or identified, not {source!r}")
    return Parameter(value=value, low=low, high=high, unit=unit, scale=scale, source=source)


def _is_finite(number: int | float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer beyond the range of floats
        return False


_TABLE = re.compile(r"[ \t]*\[[ \t]*parameters[ \t]*\.[ \t]*[\"']?([A-Za-z0-9_-]+)[\"']?[ \t]*\][ \t]*(#.*)?")
_VALUE = re.compile(r"([ \t]*value[ \t]*=[ \t]*)([^ \t#\r]+)(.*)", re.DOTALL)


def _replace_value(text: str, path: str, name: str, value: float) -> str:
    """TOML text in which only the number after `value =` of one table differs."""
    lines = text.split("\n")
    inside = False
    for index, line in enumerate(lines):
        if line.lstrip().startswith("["):
            header = _TABLE.fullmatch(line.rstrip("\r"))
            inside = header is not None and header[1] == name
        elif inside and (match := _VALUE.fullmatch(line)):
            lines[index] = f"{match[1]}{_number(value, like=match[2])}{match[3]}"
            break
    edited = "\n".join(lines)
    expected = tomllib.loads(text)
    expected["parameters"][name]["value"] = value
    try:
        if tomllib.loads(edited) == expected:
            return edited
    except tomllib.TOMLDecodeError:
        pass  # the edit hit something that only looked like a table
    raise BadInput(f"{path}: write parameter {name!r} as a table [parameters.{name}] with a line `value = <number>`")


def _number(value: float, *, like: str) -> str:
    integral = re.fullmatch(r"[+-]?\d+", like) and float(value).is_integer()
    return str(int(value)) if integral else repr(float(value))


# ---------------------------------------------------------------------------- identity


def tree_id(files: Mapping[str, bytes]) -> str:
    """Git's tree id of these files (all mode 100644), without running Git: the content identity of a candidate."""
    return _tree({tuple(path.split("/")): content for path, content in files.items()}).hex()


def _tree(entries: dict[tuple[str, ...], bytes]) -> bytes:
    folders: dict[str, dict[tuple[str, ...], bytes]] = {}
    rows: list[tuple[bytes, bytes]] = []
    for parts, content in entries.items():
        name = parts[0].encode()
        if len(parts) > 1:
            folders.setdefault(parts[0], {})[parts[1:]] = content
        else:
            rows.append((name, b"100644 " + name + b"\0" + _object_id(b"blob", content)))
    for folder, inner in folders.items():
        name = folder.encode()
        rows.append((name + b"/", b"40000 " + name + b"\0" + _tree(inner)))
    return _object_id(b"tree", b"".join(row for _, row in sorted(rows)))


def _object_id(kind: bytes, content: bytes) -> bytes:
    return hashlib.sha1(b"%s %d\0" % (kind, len(content)) + content, usedforsecurity=False).digest()
