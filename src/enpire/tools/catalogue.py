"""All tools that policies may call: which there are, what they take, and the one way to call one.

How to add a tool, in any module `tools/<kind>/<file>.py`: write a typed function with a Google-style docstring and list
it in the module's `TOOLS`. Nothing else is edited. The tool's name is `<file>.<function>`.

    TOOLS = ("pixel_to_table",)

    def pixel_to_table(view: View, pixel_px: Annotated[NDArray[np.float64], Shape((2,))], z_m: float = 0.0) -> Point:
        \"\"\"Point of the plane z = `z_m` seen at a pixel, world frame.

        Args:
            view: Camera to look through.
            pixel_px: Column and row.
            z_m: Height of the plane.
        \"\"\"

The annotations are the contract: values on the wire are JSON and become what the annotation says, both ways.

| annotation | JSON |
|---|---|
| `float`, `int`, `bool`, `str`, `Literal[...]`, `X \\| None` | as they are; bounds: `Annotated[float, Range(0, 1)]` |
| `Annotated[NDArray[np.float64], Shape(...)]`, or `Point`, `Joints`, `Path` of `bounds.py` | nested lists |
| `SE3` (mink) | `[x, y, z, qw, qx, qy, qz]` |
| `SO3` (mink) | `[qw, qx, qy, qz]` |
| `tuple[X, ...]`, `tuple[X, Y]`, `dict[str, X]` | list, list, object |
| a frozen dataclass of these: results, state records, measurements | object with its fields |
| `Arm` | name of an arm: `"left"` |
| `View`, `DepthView` (`tools/station.py`) | name of a camera: `"top"` |
| `Station` | never on the wire: the station itself, if a tool needs more than an arm or a view |

A stateful tool is a pure function with its state in and out: `step(state, ...) -> tuple[State, Command]`. Every number
must be finite. Errors that a policy can cause are `ToolError` or another `EnpireError`, with a text for its author.
Whatever costs time must be bounded by its arguments' bounds.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from enpire.core.errors import EnpireError
from enpire.tools import __path__ as _folders
from enpire.tools.errors import ToolError

if TYPE_CHECKING:
    from enpire.tools.station import Station as _Station

PRIVILEGED = ("truth", "oracle", "reset", "verify", "world", "seed", "profile")
"""Words that no tool's name may hold: what they stand for stays behind the station's door."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One argument of a tool, as its author reads it.

    Attributes:
        type: JSON form with bounds, e.g. `number in [0, 1]`.
        doc: What it means; the unit is the suffix of the name.
        required: Whether a call must give it.
        default: JSON value used otherwise.
    """

    name: str
    type: str
    doc: str
    required: bool
    default: object = None


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One entry of the catalogue.

    Attributes:
        name: `<file>.<function>`.
        doc: First sentence of its docstring.
        returns: JSON form of the answer, and what it means.
        records: Fields of the records that parameters and answer are made of, by name.
    """

    name: str
    doc: str
    parameters: tuple[Parameter, ...]
    returns: str
    records: dict[str, str]


@cache
def _modules() -> dict[str, str]:
    """Module path of every tool by its name. Nothing is imported: `TOOLS` is read from the text."""
    found: dict[str, str] = {}
    for kind in (folder for root in _folders for folder in sorted(Path(root).iterdir()) if folder.is_dir()):
        for module in pkgutil.iter_modules([str(kind)]):
            file = kind / f"{module.name}.py"
            if file.is_file():
                path = f"enpire.tools.{kind.name}.{module.name}"
                found |= {f"{module.name}.{tool}": path for tool in _listed(file)}
    return dict(sorted(found.items()))


def _listed(file: Path) -> tuple[str, ...]:
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["TOOLS"]:
            listed: tuple[str, ...] = ast.literal_eval(node.value)
            return listed
    return ()


def names() -> list[str]:
    """Names of all tools, sorted. Nothing is imported."""
    return list(_modules())


def describe(name: str) -> Tool:
    """What a tool does and takes.

    Raises:
        ToolError: There is no such tool.
    """
    from enpire.tools import wire

    function = _function(name)
    text, kinds = inspect.getdoc(function) or "", wire.hints(function)
    arguments, returned = _section(text, "Args"), _section(text, "Returns")
    return Tool(
        name=name,
        doc=text.split("\n\n")[0].replace("\n", " "),
        parameters=tuple(
            Parameter(
                name=parameter.name,
                type=wire.form(kind),
                doc=arguments.get(parameter.name, ""),
                required=parameter.default is parameter.empty,
                default=None if parameter.default is parameter.empty else wire.to_json(parameter.default),
            )
            for parameter, kind in _wired(function)
        ),
        returns=" ".join([wire.form(kinds["return"]), *returned.values()]),
        records={name: fields for kind in kinds.values() for name, fields in wire.records(kind).items()},
    )


def call(name: str, arguments: Mapping[str, Any], station: "_Station") -> Any:
    """Answer of a tool as JSON.

    Args:
        name: Of the tool. Untrusted, as are the arguments.
        arguments: JSON values by parameter name.
        station: Where the call is made.

    Raises:
        ToolError: There is no such tool, it is not for policies, an argument is missing, unknown, of the wrong form,
            out of bounds or not finite, or the tool cannot do what is asked.
    """
    from mink import MinkError

    from enpire.tools import wire
    from enpire.tools.station import Station

    function = _function(name)
    wired = _wired(function)
    listed = ", ".join(f"{parameter.name} ({wire.form(kind)})" for parameter, kind in wired)
    known = {parameter.name for parameter, _ in wired}
    for given in arguments:
        if given not in known:
            raise ToolError(f"{name} does not know {str(given)[:40]!r}; it takes {listed}")
    values: dict[str, Any] = {}
    for parameter, kind in wired:
        if parameter.name in arguments:
            values[parameter.name] = wire.from_json(
                f"{name}: {parameter.name}", arguments[parameter.name], kind, station
            )
        elif parameter.default is parameter.empty:
            raise ToolError(f"{name} needs {parameter.name!r}; it takes {listed}")
    values |= {key: station for key, kind in wire.hints(function).items() if kind is Station}
    try:
        return wire.to_json(function(**values))
    except ToolError:
        raise
    except (EnpireError, ArithmeticError, ValueError, MinkError) as error:  # whatever the numbers, the station lives
        raise ToolError(f"{name}: {str(error)[:500]}") from None


def _function(name: str) -> Callable[..., Any]:
    if name not in _modules():
        listed = ", ".join(names())
        shown = str(name)[:60]
        if any(word in shown.lower() for word in PRIVILEGED):
            raise ToolError(f"{shown!r} is not for policies: it would touch what judges them; tools: {listed}")
        raise ToolError(f"unknown tool {shown!r}; tools: {listed}")
    function: Callable[..., Any] = getattr(importlib.import_module(_modules()[name]), name.partition(".")[2])
    return function


def _wired(function: Callable[..., Any]) -> list[tuple[inspect.Parameter, Any]]:
    """Parameters that come over the wire, with their annotations."""
    from enpire.tools import wire
    from enpire.tools.station import Station

    kinds = wire.hints(function)
    parameters = inspect.signature(function).parameters.values()
    return [(p, kinds[p.name]) for p in parameters if kinds[p.name] is not Station]


def _section(text: str, title: str) -> dict[str, str]:
    """Entries of a section of a Google-style docstring; a `Returns` section is one entry."""
    match = re.search(rf"^{title}:\n((?:[ ].*\n?|\n)+)", text, re.MULTILINE)
    if match is None:
        return {}
    block = inspect.cleandoc(match.group(1))
    if title != "Args":
        return {"": " ".join(block.split())}
    entries = re.split(r"^(\w[\w, ]*):[ ]", block, flags=re.MULTILINE)[1:]
    pairs = zip(entries[::2], entries[1::2], strict=True)
    return {name: " ".join(doc.split()) for key, doc in pairs for name in re.split(r",\s*", key)}
