"""What an agent may see of this machine: system programs, its own program, our Python. Not the home of the user."""

import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "timezone", "mime.types", "services"),
    *("ssl/certs", "ssl/openssl.cnf", "ca-certificates", "ca-certificates.conf", "pki/tls/certs", "pki/ca-trust"),
)
"""Of /etc; none of them is about this machine's people or network."""
SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_MODULES = "node_modules"
_FIRST_LINE_BYTES = 256


@dataclass(frozen=True)
class Program:
    """A program with all it needs to run.

    Attributes:
        path: To start it by; as it was named if it is not on PATH.
        readable: Folders and files to show.
        folders: Where it and its interpreters lie, for PATH.
    """

    path: str
    readable: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()


def program(name: str, search: str, *, hidden: Path) -> Program:
    """Find a program and its interpreter, and what lies around them.

    npm, venv and the like put programs anywhere, often below the user's home: their folder is shown, never the home.

    Args:
        name: Name or path.
        search: PATH to look in.
        hidden: Folder that must not come into view, with all above it.
    """
    found = shutil.which(name, path=search)
    if found is None:
        return Program(name)
    path = Path(found).absolute()  # not what it is a link to: a virtual environment is told by its path
    steps = [path, path.resolve(), *_interpreters(path, search)]
    readable = dict.fromkeys(part for step in steps for part in _installation(step, hidden))
    return Program(str(path), tuple(readable), tuple(dict.fromkeys(step.parent for step in steps)))


def _interpreters(path: Path, search: str) -> Iterator[Path]:
    """What a script's first line names, and what that is a link to."""
    try:
        with path.open("rb") as file:
            first = file.read(_FIRST_LINE_BYTES).partition(b"\n")[0].decode(errors="replace")
    except OSError:
        return
    words = first.removeprefix("#!").split()
    if not first.startswith("#!") or not words:
        return
    if Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    found = shutil.which(words[0], path=search) if words else None
    if found is not None:
        yield Path(found).absolute()
        yield Path(found).resolve()


def _installation(path: Path, hidden: Path) -> Iterator[Path]:
    """The folder that a program was installed into; the program alone where no such folder can be told."""
    if _is_shown(path, SYSTEM):
        return
    folder = path
    if _MODULES in path.parts:
        folder = Path(*path.parts[: path.parts.index(_MODULES) + 1])
    elif path.parent.name == "bin":
        prefix = path.parent.parent
        if (prefix / "pyvenv.cfg").is_file() or (prefix / "lib").is_dir():
            folder = prefix
    yield path if _is_wide(folder, hidden) else folder


def _is_wide(folder: Path, hidden: Path) -> bool:
    home = Path.home()
    return any(place.is_relative_to(folder) for place in (hidden, home, home / ".local"))


def _is_shown(path: Path, folders: Iterable[str]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


@cache
def our_python() -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The Python that runs us with its packages and this package: what to show, and where its programs lie."""
    package = Path(__file__).resolve().parents[1]
    prefixes = tuple(dict.fromkeys(Path(p).resolve() for p in (sys.prefix, sys.base_prefix)))
    interpreter = Path(sys.executable).resolve()
    shown = [path for path in (*prefixes, interpreter, package) if not _is_shown(path, SYSTEM)]
    narrow = [path for path in shown if not any(path != other and path.is_relative_to(other) for other in shown)]
    return tuple(narrow), tuple(prefix / "bin" for prefix in prefixes)
