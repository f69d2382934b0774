"""JSON to what a tool's annotations say, and back. What is valid stands in `catalogue`."""

import dataclasses
import math
import reprlib
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np
from mink import SE3, SO3

from enpire.tools.bounds import MOST_ROWS, Range, Shape
from enpire.tools.errors import ToolError
from enpire.tools.kinematics.arm import Arm
from enpire.tools.station import DepthView, Station, View

MOST_NUMBERS = 65_536
"""Numbers in one array."""
MOST_CHARACTERS = 200
FAR_M = 10.0
"""Largest coordinate of a pose."""
_UNIT_TOLERANCE = 0.01
LARGEST = 1e6
"""Largest size of a number that is no integer; nothing of a robot in SI units comes near."""
_MOST_WHOLE = 2**31
_PLAIN = {float: "number", int: "whole number", bool: "true or false", str: "text", type(None): "null"}
_NAMED = {
    SE3: "pose [x, y, z, qw, qx, qy, qz]",
    SO3: "rotation [qw, qx, qy, qz]",
    Arm: "name of an arm",
    View: "name of a camera",
    DepthView: "name of a camera",
}


@cache
def hints(item: Callable[..., Any]) -> dict[str, Any]:
    """Annotations of a function or dataclass, resolved, with their bounds."""
    return typing.get_type_hints(item, include_extras=True)


# ------------------------------------------------------------------ in


def from_json(where: str, value: object, kind: Any, station: Station) -> Any:
    """A JSON value as what an annotation says.

    Args:
        where: Tool and parameter, for the message.
        value: Untrusted.
        kind: The annotation.
        station: Where names of arms and cameras are looked up.

    Raises:
        ToolError: It does not fit; the message says what would.
    """
    origin = get_origin(kind)
    if origin is typing.Annotated:
        return _bounded(where, value, kind, station)
    if origin is Literal:
        if value not in get_args(kind):
            raise ToolError(f"{where} must be one of {form(kind)}, not {_shown(value)}")
        return value
    if origin in (Union, types.UnionType):
        if value is None and type(None) in get_args(kind):
            return None
        (other,) = (member for member in get_args(kind) if member is not type(None))
        return from_json(where, value, other, station)
    if origin is tuple:
        return _tuple(where, value, get_args(kind), station)
    if origin is dict:
        entries = _object(where, value)
        return {key: from_json(f"{where}.{key[:40]}", v, get_args(kind)[1], station) for key, v in entries.items()}
    if kind in (SE3, SO3):
        return _rigid(where, value, kind)
    if kind in (Arm, View, DepthView):
        return _named(where, value, kind, station)
    if dataclasses.is_dataclass(kind):
        return _record(where, value, kind, station)
    return _scalar(where, value, kind)


def _scalar(where: str, value: object, kind: Any) -> Any:
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= LARGEST:  # also refuses NaN
            raise ToolError(f"{where} must be a finite number of size at most {LARGEST:g}, not {_shown(value)}")
        return float(value)
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MOST_WHOLE:
        return value
    if kind is bool and isinstance(value, bool):
        return value
    if kind is str and isinstance(value, str) and len(value) <= MOST_CHARACTERS:
        return value
    raise ToolError(f"{where} must be {form(kind)}, not {_shown(value)}")


def _bounded(where: str, value: object, kind: Any, station: Station) -> Any:
    base, *bounds = get_args(kind)
    for bound in bounds:
        if isinstance(bound, Shape):
            return _array(where, value, bound)
        if isinstance(bound, Range):
            number = from_json(where, value, base, station)
            if not bound.low <= number <= bound.high:
                raise ToolError(f"{where} must lie in [{bound.low:g}, {bound.high:g}], not {_shown(value)}")
            return number
    raise TypeError(f"{where}: {kind} has no Range or Shape")


def _array(where: str, value: object, shape: Shape) -> Any:
    if any(size is None for size in shape.sizes) and value == []:
        return np.zeros(tuple(size or 0 for size in shape.sizes))
    rows: list[Any] = [value]
    sizes: list[int] = []
    for axis, size in enumerate(shape.sizes):
        lengths = {len(row) if isinstance(row, list | tuple) else -1 for row in rows}
        length = lengths.pop()
        if lengths or length < 0 or size not in (None, length) or length > shape.most:
            raise ToolError(f"{where} must be {_array_form(shape)}; axis {axis + 1} does not fit: {_shown(value)}")
        sizes.append(length)
        if math.prod(sizes) > MOST_NUMBERS:
            raise ToolError(f"{where} holds more than {MOST_NUMBERS} numbers")
        rows = [entry for row in rows for entry in row]
    return np.array([_scalar(where, entry, float) for entry in rows], dtype=np.float64).reshape(sizes)


def _tuple(where: str, value: object, kinds: tuple[Any, ...], station: Station) -> tuple[Any, ...]:
    entries = _list(where, value)
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(entries)
    if len(entries) != len(kinds):
        raise ToolError(f"{where} must have {len(kinds)} entries, not {len(entries)}")
    return tuple(
        from_json(f"{where}[{i}]", v, kind, station) for i, (v, kind) in enumerate(zip(entries, kinds, strict=True))
    )


def _record(where: str, value: object, kind: Any, station: Station) -> Any:
    entries = _object(where, value)
    kinds, fields = hints(kind), {field.name: field for field in dataclasses.fields(kind)}
    listed = ", ".join(f"{name} ({form(kinds[name])})" for name in fields)
    needed = {
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    for name in [*(set(entries) - set(fields)), *(needed - set(entries))]:
        raise ToolError(f"{where} must be an object with {listed}; {_shown(name)} is missing or unknown")
    return kind(**{name: from_json(f"{where}.{name}", v, kinds[name], station) for name, v in entries.items()})


def _rigid(where: str, value: object, kind: Any) -> Any:
    numbers = _array(where, value, Shape((7 if kind is SE3 else 4,)))
    quat_wxyz = numbers[-4:]
    length = float(np.linalg.norm(quat_wxyz))
    if abs(length - 1.0) > _UNIT_TOLERANCE:
        raise ToolError(f"{where} must be a {form(kind)} whose quaternion has length 1, not {length:.4g}")
    if kind is SO3:
        return SO3(quat_wxyz / length)
    if np.abs(numbers[:3]).max() > FAR_M:
        raise ToolError(f"{where} must lie within {FAR_M:g} m of the origin, not at {numbers[:3].tolist()}")
    return SE3(np.concatenate([quat_wxyz / length, numbers[:3]]))


def _named(where: str, value: object, kind: Any, station: Station) -> Any:
    known: Mapping[str, object] = station.arms if kind is Arm else station.calibrations
    if not isinstance(value, str) or value not in known:
        raise ToolError(f"{where} must be {form(kind)} ({', '.join(known) or 'there is none'}), not {_shown(value)}")
    if kind is Arm:
        return station.arms[value]
    return station.depth_view(value) if kind is DepthView else station.view(value)


def _list(where: str, value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple) or len(value) > MOST_ROWS:
        raise ToolError(f"{where} must be a list of at most {MOST_ROWS} entries, not {_shown(value)}")
    return value


def _object(where: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict) or len(value) > MOST_ROWS or not all(isinstance(key, str) for key in value):
        raise ToolError(f"{where} must be an object, not {_shown(value)}")
    return value


# ------------------------------------------------------------------ out


def to_json(value: Any) -> Any:
    """JSON of what a tool returned.

    Raises:
        ToolError: It holds a number that is not finite.
    """
    if isinstance(value, SE3):
        return to_json(np.concatenate([value.translation(), value.rotation().wxyz]))
    if isinstance(value, SO3):
        return to_json(value.wxyz)
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ToolError("the answer is not finite; the input is outside what the tool can work with")
        return value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        raise ToolError("the answer is not finite; the input is outside what the tool can work with")
    if isinstance(value, tuple | list):
        return [to_json(entry) for entry in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(entry) for key, entry in value.items()}
    if dataclasses.is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a tool returned {type(value).__name__}, which has no JSON form")


# ------------------------------------------------------------------ in words


def form(kind: Any) -> str:
    """JSON form of an annotation, in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is typing.Annotated:
        base, *bounds = arguments
        bound = next(bound for bound in bounds if isinstance(bound, Range | Shape))
        return _array_form(bound) if isinstance(bound, Shape) else f"{form(base)} in [{bound.low:g}, {bound.high:g}]"
    if origin is Literal:
        return " | ".join(repr(argument) for argument in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(form(argument) for argument in arguments)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"list of {form(arguments[0])}"
        return f"[{', '.join(form(argument) for argument in arguments)}]"
    if origin is dict:
        return f"object of {form(arguments[1])}"
    if kind in _NAMED:
        return _NAMED[kind]
    if dataclasses.is_dataclass(kind):
        return str(getattr(kind, "__name__", kind))
    return _PLAIN[kind]


def records(kind: Any) -> dict[str, str]:
    """Fields, in words, of every record that an annotation is made of, by the record's name."""
    if kind in _NAMED or isinstance(kind, Shape | Range):
        return {}
    if not dataclasses.is_dataclass(kind):
        return {name: text for argument in get_args(kind) for name, text in records(argument).items()}
    kinds = hints(typing.cast(Callable[..., Any], kind))
    found = {form(kind): ", ".join(f"{field.name}: {form(kinds[field.name])}" for field in dataclasses.fields(kind))}
    for field in dataclasses.fields(kind):
        found |= records(kinds[field.name])
    return found


def _array_form(shape: Shape) -> str:
    sizes = ", ".join("N" if size is None else str(size) for size in shape.sizes)
    return f"array ({sizes})"


def _shown(value: object) -> str:
    return reprlib.repr(value)[:80]
