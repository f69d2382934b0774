"""A virtual environment per set of requirements: created once, kept in the user's cache, never changed afterwards."""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from enpire.core.errors import EnvironmentFault

Progress = Callable[[str, float], None]
"""Called with one line of text and a fraction in [0, 1] that never falls."""

_MARKER = "installed.txt"
_IGNORED_FOLDERS = {".git", "__pycache__", "build", "dist"}
_REMEDIES = (
    (("no space left",), "free some disk space, or set ENPIRE_CACHE to a folder on a larger disk"),
    (("permission denied", "read-only file system"), "set ENPIRE_CACHE to a folder you may write to"),
    (
        ("newconnectionerror", "name resolution", "network is unreachable", "timed out", "proxyerror", "ssl"),
        "the package index was not reached: connect to the network and run again",
    ),
    (
        ("no matching distribution", "could not find a version", "resolutionimpossible", "conflicting dependencies"),
        "check name and version of this requirement; there may be no build of it for this Python version",
    ),
    (("invalid requirement", "expected end", "no such file", "looks like a"), "correct this line of `requirements`"),
    (("ensurepip",), "install your system's package for Python virtual environments, e.g. `python3-venv`"),
)


def cache_root() -> Path:
    """Folder for everything that can be made again: `$ENPIRE_CACHE`, `$XDG_CACHE_HOME/enpire` or `~/.cache/enpire`."""
    if chosen := os.environ.get("ENPIRE_CACHE"):
        return Path(chosen)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "enpire"


def ensure(requirements: tuple[str, ...], progress: Progress) -> Path:
    """Python executable of the virtual environment that holds exactly `requirements`; made on first use.

    Args:
        requirements: Lines as pip takes them. A path to a folder is installed from there, and its files count as part
            of the requirement: when they change, a new environment is made.
        progress: Told what happens while it is being made; not called when it is there already.

    Raises:
        EnvironmentFault: It could not be made. The message holds pip's reason and what to do.
    """
    folder = cache_root() / "environments" / _key(requirements)
    python = folder / "bin" / "python"
    if _complete(folder):
        return python
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_suffix(".lock")):
            if not _complete(folder):
                shutil.rmtree(folder, ignore_errors=True)
                _build(folder, requirements, progress)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot make a virtual environment in {folder.parent}: {error}. "
            "Set ENPIRE_CACHE to a folder you may write to"
        ) from None
    return python


def installed(python: Path) -> str:
    """What is installed beside a `python` that `ensure` returned: the lines of `pip freeze`."""
    return (python.parent.parent / _MARKER).read_text()


def _complete(folder: Path) -> bool:
    """The marker is written last; a removed base interpreter leaves a dangling link."""
    return (folder / _MARKER).exists() and (folder / "bin" / "python").exists()


def _key(requirements: tuple[str, ...]) -> str:
    """Folder name: hash of what will be installed, and for which Python."""
    contents = [_folder_hash(Path(line)) for line in requirements if Path(line).is_dir()]
    identity = [list(requirements), contents, list(sys.version_info[:2]), platform.machine()]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:24]


def _folder_hash(folder: Path) -> str:
    """Hash of the source files below a folder, without what building and running leaves there."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(p in _IGNORED_FOLDERS or p.endswith(".egg-info") for p in inside.parts):
            digest.update(f"{inside}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Exclusive between processes; released by the kernel if the holder dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(folder: Path, requirements: tuple[str, ...], progress: Progress) -> None:
    """Create in place (a virtual environment cannot be moved), install, and write the marker last."""
    progress("creating a virtual environment", 0.0)
    python = str(folder / "bin" / "python")
    _run([sys.executable, "-I", "-m", "venv", str(folder)], lambda line: None)
    pip = [python, "-I", "-m", "pip", "--no-input", "--disable-pip-version-check"]
    install = [*pip, "install", "--progress-bar", "off", *requirements]
    _run(install, _InstallProgress(len(requirements), progress))
    marker = folder / _MARKER
    unfinished = marker.with_suffix(".tmp")
    unfinished.write_text(_run([*pip, "freeze", "--all"], lambda line: None))
    unfinished.rename(marker)
    progress("virtual environment ready", 1.0)


class _InstallProgress:
    """Turns pip's lines into text and a fraction: one tenth to create, six tenths to collect, the rest to install."""

    def __init__(self, expected: int, report: Progress) -> None:
        self._expected = expected
        self._report = report
        self._collected = 0

    def __call__(self, line: str) -> None:
        text = line.strip()
        if text.startswith("Processing"):
            text = f"Processing {text.rpartition('/')[2]}"
        if text.startswith(("Collecting", "Processing")):
            self._collected += 1
        fraction = 0.1 + 0.6 * min(1.0, self._collected / max(self._expected, 1))
        if text.startswith(("Collecting", "Downloading", "Using cached", "Building wheel", "Processing")):
            self._report(text, fraction)
        elif text.startswith("Installing collected packages"):
            self._report(text, 0.75)
        elif text.startswith("Successfully installed"):
            self._report(text, 0.95)


def _run(command: list[str], on_line: Callable[[str], None]) -> str:
    """Run to the end and return all output.

    Raises:
        EnvironmentFault: It exited with an error.
    """
    lines: list[str] = []
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                on_line(line)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise EnvironmentFault(_explain(lines))
    return "\n".join(lines) + "\n"


def _explain(lines: list[str]) -> str:
    """The line that says why, and what to do about it."""
    useful = [line.strip() for line in lines if line.strip() and not line.startswith(("[notice]", "WARNING"))]
    errors = [line for line in useful if line.lower().startswith("error")]
    reason = (errors or useful or ["no output"])[-1]
    everything = "\n".join(lines).lower()
    remedy = next((fix for signs, fix in _REMEDIES if any(sign in everything for sign in signs)), "")
    return f"the environment could not be installed: {reason}{'. ' + remedy[0].upper() + remedy[1:] if remedy else ''}"
