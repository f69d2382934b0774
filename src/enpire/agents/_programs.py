"""What the adapters of real programs share: versions, long prompts, and reading what a program prints."""

import fnmatch
import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from enpire.agents.adapter import Failed, Launch, Trouble
from enpire.agents.outcome import BUDGET_WORDS
from enpire.core.errors import BadInput, MissingProgram
from enpire.core.records import Json

TOOLS = "lab"
"""Name of our tool server in the settings of every agent."""
TOOL_LIMIT_S = 600
"""How long an agent waits for one research tool."""

_CHECK_LIMIT_S = 30.0
_FILES_READ = 200
_BYTES_READ = 32 << 20
_ARGUMENT_CAP_BYTES = 120_000
"""Linux allows 128 KiB for one argument."""

_SIGNS: tuple[tuple[Trouble, str], ...] = (
    ("budget", BUDGET_WORDS),
    ("context", r"context (length|window)|prompt is too long|token limit|context.overflow|maximum context"),
    ("rate_limited", r"\b429\b|rate.?limit|too many requests|overloaded|\b529\b"),
    ("auth", r"\b40[13]\b|unauthori[sz]ed|authenticat|api.key|log ?in|credential"),
    ("limit", r"max(imum)?.(turns|steps)|step limit"),
)


def require(program: str, *, package: str, version: str, also: str = "") -> None:
    """See whether a program is on PATH, runs, and is not older than `version`.

    Args:
        program: Its name.
        package: npm package that brings it.
        version: The oldest that works, and the one to install.
        also: What it needs beside, e.g. a version of Node.

    Raises:
        MissingProgram: It is not; the message says what to install.
    """
    install = f"install it with `npm install -g {package}@{version}`{f' ({also})' if also else ''}"
    if shutil.which(program) is None:
        raise MissingProgram(f"{program} is not on PATH; {install}")
    try:
        done = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_CHECK_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise MissingProgram(f"{program} does not run; {install}") from None
    found = re.search(r"\d+\.\d+\.\d+", done.stdout)
    if done.returncode != 0 or found is None:
        raise MissingProgram(f"{program} --version failed with status {done.returncode}; {install}")
    if _numbers(found[0]) < _numbers(version):
        raise MissingProgram(f"{program} is version {found[0]}, and {version} or newer is needed; {install}")


def with_prompt(launch: Launch, prompt: str, home: Path) -> Launch:
    """The launch with the prompt as its last argument; one that is too long for an argument goes into a file."""
    files = dict(launch.files)
    if len(prompt.encode()) > _ARGUMENT_CAP_BYTES:
        path = home / "prompt.md"
        files[path] = prompt
        prompt = f"Read the whole file {path} and do what it says."
    return Launch(argv=[*launch.argv, prompt], environment=launch.environment, files=files)


def read_login(login: Path, name: str, program: str) -> str:
    """Text of a file of the user's own login.

    Raises:
        BadInput: It is not there; the message says how to log in.
    """
    try:
        return (login / name).read_text()
    except (OSError, UnicodeDecodeError):
        raise BadInput(f"no login in {login}: {name} cannot be read; run `{program}` and log in first") from None


def written_lines(home: Path, below: str, name: str) -> Iterator[Iterator[str]]:
    """Lines of the files that an agent wrote in its home, one iterator per file, in order of path.

    The agent may have put anything there: links are not followed, only plain files are read, and not without end.

    Args:
        home: Its home.
        below: Folder in it, with `/`.
        name: Pattern of the file names.
    """
    root = home
    for part in below.split("/"):
        root = root / part
        if root.is_symlink():
            return
    found = [Path(folder) / file for folder, _, files in os.walk(root) for file in fnmatch.filter(files, name)]
    for path in sorted(found)[:_FILES_READ]:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        with os.fdopen(descriptor, "rb") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                yield iter(file.read(_BYTES_READ).decode(errors="replace").splitlines())


def count(numbers: Json, name: str) -> int:
    """A count of tokens in something that an agent wrote; 0 if it is none."""
    value = numbers.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40 else 0


def read_event(line: str) -> Json:
    """JSON object of one line; empty for anything else."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def failed(text: str, status: object = None) -> Failed:
    """The agent's last words as an event. `status` is the HTTP status behind it, where the agent says one."""
    signs = f"{status if isinstance(status, int) else ''} {text}"
    trouble = next((name for name, sign in _SIGNS if re.search(sign, signs, re.IGNORECASE)), None)
    return Failed(trouble or "error", text[:500])


def short(value: object) -> str:
    """A tool call's arguments in one line."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return " ".join(text.split())[:200]


def toml(table: Json) -> str:
    """TOML text of nested tables of strings, numbers, booleans and lists of strings. Keys need no quotes."""
    lines: list[str] = []

    def write(path: str, part: Json) -> None:
        plain = {key: value for key, value in part.items() if not isinstance(value, dict)}
        if path and plain:
            lines.append(f"\n[{path}]")
        lines.extend(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in plain.items())
        for key, value in part.items():
            if isinstance(value, dict):
                write(f"{path}.{key}" if path else key, value)

    write("", table)
    return "\n".join(lines) + "\n"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in version.split("."))
