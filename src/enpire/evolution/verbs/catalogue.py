"""All verbs: which there are, what they take, and the one way to call one."""

import importlib
import pkgutil
from pathlib import Path

from enpire.core.errors import BadInput, EnpireError, UnknownName
from enpire.core.records import Json
from enpire.evolution.verbs import __path__ as folders
from enpire.evolution.verbs.desk import TEXT_CAP, Desk, Reply

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "array": (list, tuple),
    "object": (dict,),
}
_CUT = "\n... (cut; ask for less)"


def names() -> list[str]:
    """Verbs, sorted. Nothing is imported."""
    files = [Path(folder) / f"{found.name}.py" for folder in folders for found in pkgutil.iter_modules([folder])]
    return sorted(file.stem for file in files if "\nARGUMENTS" in file.read_text())


def specs() -> list[tuple[str, str, Json]]:
    """Name, description and JSON schema of the arguments of every verb, sorted by name."""
    modules = [(name, importlib.import_module(f"{__package__}.{name}")) for name in names()]
    return [(name, module.DESCRIPTION, module.ARGUMENTS) for name, module in modules]


def answer(desk: Desk, verb: str, arguments: Json) -> Reply:
    """Answer of a verb, at most `TEXT_CAP` characters of text.

    Args:
        desk: The desk of the session that asks.
        verb: Name of the verb. Untrusted, as are the arguments.
        arguments: What its schema asks for.

    Raises:
        BadInput: There is no such verb, the arguments do not fit its schema, or the verb cannot do what is asked; the
            message is for the agent.
    """
    try:
        if verb not in names():
            raise UnknownName("tool", verb[:60], names())
        module = importlib.import_module(f"{__package__}.{verb}")
        check(verb, arguments, module.ARGUMENTS)
        reply: Reply = module.answer(desk, arguments)
    except EnpireError as error:
        raise BadInput(str(error)[:TEXT_CAP]) from None
    if len(reply.text) <= TEXT_CAP:
        return reply
    return Reply(text=reply.text[: TEXT_CAP - len(_CUT)] + _CUT, images=reply.images)


def check(where: str, value: object, schema: Json) -> None:
    """Check a value against the part of JSON schema that verbs use: types, limits, known and required names.

    Raises:
        BadInput: The first thing that does not fit, with what would.
    """
    kind = schema["type"]
    if isinstance(value, bool) or not isinstance(value, _KINDS[kind]):
        raise BadInput(f"{where} must be {_article(kind)}, not {_shown(value)}")
    if isinstance(value, dict):
        _check_object(where, value, schema)
    elif isinstance(value, list | tuple):
        if len(value) > schema.get("maxItems", len(value)):
            raise BadInput(f"{where} has {len(value)} entries; the limit is {schema['maxItems']}")
        for place, entry in enumerate(value, start=1):
            check(f"{where}[{place}]", entry, schema["items"])
    elif isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            limits = f"{schema.get('minLength', 0)} to {schema.get('maxLength', 'any number of')}"
            raise BadInput(f"{where} must have {limits} characters, not {len(value)}: {_shown(value)}")
    elif isinstance(value, int | float):
        low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
        if not low <= value <= high:  # also refuses NaN
            raise BadInput(f"{where} must be a number in [{low:g}, {high:g}], not {_shown(value)}")


def _check_object(where: str, value: Json, schema: Json) -> None:
    known, others = schema.get("properties", {}), schema["additionalProperties"]
    listed = ", ".join(known) or "no arguments at all"
    for name, entry in value.items():
        if name not in known and others is False:
            raise BadInput(f"{where} does not know {_shown(name)}; it takes {listed}")
        check(f"{where}: {str(name)[:60]}", entry, known.get(name, others))
    for name in schema.get("required", ()):
        if name not in value:
            raise BadInput(f"{where} needs {name!r}; it takes {listed}")


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
