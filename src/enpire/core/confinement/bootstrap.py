"""How code starts on the untrusted side: by `python -c`, with the packages it needs and none of their parents' code.

Inside a jail or a worker's namespaces most of enpire is not there, and what is there shall not run: the packages above
stand empty, so a module finds what it imports by its full name, at every confinement level.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""Folder of the package `enpire`."""
CONFINEMENT = Path(__file__).resolve().parent
"""This package; it must be visible inside."""


_EMPTY = "import sys; [setattr(sys.modules.setdefault(n, type(sys)(n)), '__path__', [p]) for n, p in {!r}]"


def empty_packages(*names: str) -> str:
    """One line of Python that makes these packages, `enpire` first, without running their `__init__`."""
    return _EMPTY.format([(name, str(ROOT.joinpath(*name.split(".")[1:]))) for name in names])


def main_of(module: str, *arguments: object) -> str:
    """Python that calls `main(*arguments, sys.argv[1:])` of a module of enpire."""
    parents = module.split(".")[:-1]
    above = {".".join(parents[:depth]) for depth in range(1, len(parents) + 1)} | {"enpire.core"}
    given = "".join(f"{argument!r}, " for argument in arguments)
    return f"{empty_packages(*sorted(above))}; from {module} import main; main({given}sys.argv[1:])"
