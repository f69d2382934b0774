"""The file name is the registered name: `agents/codex.py` makes `--agent codex` work, nothing to edit.

Out-of-tree objects are given as `package.module:Name`.
"""

import importlib
import pkgutil
from types import ModuleType

from enpire.core.errors import BadInput, UnknownName

PACKAGES = {
    "task": "enpire.tasks",
    "agent": "enpire.agents",
    "block": "enpire.policy_improvement.blocks",
}


def names(kind: str) -> list[str]:
    """Registered names of a kind, sorted. Modules whose name starts with `_` are not registered."""
    package = importlib.import_module(PACKAGES[kind])
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def load(kind: str, name: str) -> ModuleType:
    """Module registered under `name`.

    Raises:
        UnknownName: No such file.
    """
    if name not in names(kind):
        raise UnknownName(kind, name, names(kind))
    return importlib.import_module(f"{PACKAGES[kind]}.{name}")


def load_object(path: str) -> object:
    """Object at `package.module:Name`.

    Raises:
        BadInput: The module or the name does not exist.
    """
    module_name, _, attribute = path.partition(":")
    try:
        found: object = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise BadInput(f"cannot load {path!r}: {error}; expected package.module:Name") from None
    return found
