"""The file name is the registered name: `agents/codex.py` makes `--agent codex` work, nothing to edit.

A module is registered when it defines the one function that its kind needs; other modules of the folder are support.

Out-of-tree objects are given as `package.module:Name`.
"""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from enpire.core.errors import BadInput, UnknownName

PACKAGES = {"task": "enpire.tasks", "agent": "enpire.agents"}
CONTRACTS = {"task": "make", "agent": "command"}
"""The function each kind of module must define."""


def names(kind: str) -> list[str]:
    """Registered names of a kind, sorted. Nothing is imported but the package itself."""
    package = importlib.import_module(PACKAGES[kind])
    definition = f"def {CONTRACTS[kind]}("
    files = [Path(folder) / f"{m.name}.py" for folder in package.__path__ for m in pkgutil.iter_modules([folder])]
    return sorted(f.stem for f in files if f.is_file() and f"\n{definition}" in f.read_text())


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
