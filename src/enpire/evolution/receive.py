"""The hub's pre-receive hook: what comes in by `git push` is one agent's own branch, forward, with plain small files.

Git runs it with the pushed objects in quarantine: when it ends with another status than 0, nothing of them stays. The
harness itself never pushes; its writing (`evolution/git.py`) runs no hooks.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from enpire.core.errors import BadInput
from enpire.core.files import write_durably
from enpire.evolution.reading import MAX_BYTES, MAX_DEPTH, MAX_FILE_BYTES, MAX_FILES, check_files, check_path

PUSHER = "ENPIRE_PUSHER"
"""Variable in which whoever lets a push in says which agent pushes. Without it every push is refused."""
MAX_COMMITS = 100
MAX_MESSAGE_BYTES = 64 * 1024
TIMEOUT_S = 60.0
_NOTHING = "0" * 40
_FOLDER = "40000"
_FILES = ("100644", "100755")
_KINDS = {"120000": "a symbolic link", "160000": "a submodule"}


class Move(NamedTuple):
    """One ref that a push wants to move."""

    old: str
    new: str
    ref: str


def install(hub: Path) -> None:
    """Write the hook into a bare repository whose `core.hooksPath` is `hooks`.

    It runs this file with the interpreter that runs now. If that is gone one day, Git refuses every push.
    """
    (hub / "hooks").mkdir(exist_ok=True)
    script = f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -m enpire.evolution.receive\n"
    write_durably(hub / "hooks" / "pre-receive", script.encode(), mode=0o755)


def check(moves: Iterable[Move], pusher: str | None) -> None:
    """Refuse a push unless all of it is an agent's work on its own branch.

    Args:
        moves: All refs it wants to move.
        pusher: The agent, as the harness names it; None if nobody said.

    Raises:
        BadInput: Says which rule it breaks.
    """
    if pusher is None or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", pusher):
        raise BadInput(f"this hub takes no pushes: nobody said in {PUSHER} which agent this is")
    own = f"refs/heads/agents/{pusher}"
    wanted = list(moves)
    for move in wanted:
        if move.ref != own:
            raise BadInput(f"{_shown(move.ref)} is not yours; you may push to {own} only")
        if move.new == _NOTHING:
            raise BadInput(f"{own} cannot be deleted")
    for move in wanted:
        if move.old != _NOTHING and _git("merge-base", "--is-ancestor", move.old, move.new).returncode != 0:
            raise BadInput(f"{own} only moves forward: fetch it, build on it, push again; never with --force")
        commits = _said("rev-list", f"--max-count={MAX_COMMITS + 1}", move.new, "--not", "--all").split()
        if len(commits) > MAX_COMMITS:
            raise BadInput(f"more than {MAX_COMMITS} new commits in one push")
        with _Objects() as objects:
            for commit in commits:
                _check_commit(objects, commit)


def main() -> int:
    """Entry point of the hook: reads what Git says, prints why not."""
    try:
        rows = sys.stdin.buffer.read(1024 * 1024).decode(errors="replace").splitlines()
        check([Move(*row.split(" ", 2)) for row in rows], os.environ.get(PUSHER))
    except (BadInput, OSError, ValueError, TypeError, subprocess.SubprocessError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    return 0


def _check_commit(objects: "_Objects", commit: str) -> None:
    """The rules of workspaces, for everything that could be checked out from a commit."""
    kind, text = objects.read(commit, MAX_MESSAGE_BYTES)
    if kind != "commit" or not text.startswith(b"tree "):
        raise BadInput(f"{commit[:12]} is not a commit")
    files: dict[str, bytes] = {}
    total, folders = 0, [("", text[5:45].decode(errors="replace"), 1)]
    visited = 0
    while folders:
        prefix, oid, depth = folders.pop()
        visited += 1
        if depth > MAX_DEPTH or visited > MAX_FILES * MAX_DEPTH:
            raise BadInput(f"commit {commit[:12]} has too many or too deep folders, at {_shown(prefix)}")
        for mode, name, entry in _entries(objects, oid):
            path = prefix + name
            check_path(path)
            if mode == _FOLDER:
                folders.append((path + "/", entry, depth + 1))
            elif mode in _FILES:
                if len(files) >= MAX_FILES:
                    raise BadInput(f"commit {commit[:12]} has more than {MAX_FILES} files")
                files[path] = objects.read(entry, MAX_FILE_BYTES)[1]
                total += len(files[path])
                if total > MAX_BYTES:
                    raise BadInput(f"commit {commit[:12]} has more than {MAX_BYTES} bytes")
            else:
                raise BadInput(f"{_shown(path)} is {_KINDS.get(mode, 'special')}; only regular files are allowed")
    check_files(files)


def _entries(objects: "_Objects", oid: str) -> Iterable[tuple[str, str, str]]:
    kind, data = objects.read(oid, MAX_BYTES)
    if kind != "tree":
        raise BadInput(f"{oid[:12]} is not a folder")
    at = 0
    while at < len(data):
        end = data.index(b"\0", at)
        mode, _, name = data[at:end].partition(b" ")
        yield mode.decode(), name.decode(), data[end + 1 : end + 21].hex()
        at = end + 21


class _Objects:
    """Objects of the repository and of the quarantine, through one Git process."""

    def __enter__(self) -> "_Objects":
        command = ["git", "cat-file", "--batch-command", "--buffer"]
        self._git = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment())
        return self

    def __exit__(self, *_: object) -> None:
        self._git.kill()
        self._git.communicate()

    def read(self, oid: str, limit: int) -> tuple[str, bytes]:
        """Kind and content; an object larger than the limit is never loaded."""
        kind, size = self._ask("info", oid)
        if size > limit:
            raise BadInput(f"object {oid[:12]} has {size} bytes; the limit is {limit}")
        self._ask("contents", oid)
        assert self._git.stdout is not None
        data = self._git.stdout.read(size)
        self._git.stdout.read(1)
        return kind, data

    def _ask(self, verb: str, oid: str) -> tuple[str, int]:
        assert self._git.stdin is not None and self._git.stdout is not None
        self._git.stdin.write(f"{verb} {oid}\nflush\n".encode())
        self._git.stdin.flush()
        header = self._git.stdout.readline().split()
        if len(header) != 3:
            raise BadInput(f"object {oid[:12]} is missing")
        return header[1].decode(), int(header[2])


def _git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["git", *arguments], capture_output=True, env=_environment(), timeout=TIMEOUT_S, check=False)


def _said(*arguments: str) -> str:
    done = _git(*arguments)
    if done.returncode != 0:
        raise BadInput(f"git {arguments[0]} failed on what was pushed")
    return done.stdout.decode(errors="replace")


def _environment() -> dict[str, str]:
    """What Git told the hook (repository, quarantine), and none of the pusher's other settings."""
    passed = ("PATH", "GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
    fixed = {
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_NO_REPLACE_OBJECTS": "1",
    }
    return {name: os.environ[name] for name in passed if name in os.environ} | fixed


def _shown(text: str) -> str:
    return repr(text[:100])


if __name__ == "__main__":
    sys.exit(main())
