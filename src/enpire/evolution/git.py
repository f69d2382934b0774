"""The one way to call Git: a clean environment, an explicit repository, no hooks, errors in one line."""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from enpire.core.errors import BadInput, EnpireError, MissingProgram

TIMEOUT_S = 120.0
IDENTITY = b"enpire harness <harness@enpire.invalid>"
INSTALL = "install it with `apt install git` (or your system's package manager), version 2.38 or newer"


class GitFailed(EnpireError):
    """Git refused or failed; the message is the command and Git's last line."""


class Entry(NamedTuple):
    """A blob of a tree that passed the checks: its path, object id and size."""

    path: str
    oid: str
    size: int


def call(repository: Path, *arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """Run Git on a bare repository that only the harness writes, whatever its exit status.

    Nothing of the user's or the machine's Git configuration applies; hooks and replacement objects are off.

    Raises:
        MissingProgram: There is no Git on this machine.
        BadInput: There is no such folder.
        GitFailed: No end within two minutes.
    """
    command = ["git", f"--git-dir={repository}", "-c", "core.hooksPath=/dev/null", *arguments]
    try:
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            env=_environment(),
            cwd=repository,
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        if not repository.is_dir():
            raise BadInput(f"no hub at {repository}; expected a campaign folder made by `enpire run`") from None
        raise MissingProgram(f"git is not on this machine; {INSTALL}") from None
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git {arguments[0]} did not end within {TIMEOUT_S:.0f} s in {repository}") from None


def run(repository: Path, *arguments: str, stdin: bytes = b"", fine: tuple[int, ...] = (0,)) -> tuple[int, bytes]:
    """Exit status and standard output of `call`.

    Args:
        repository: The bare repository.
        arguments: Git command and its arguments.
        stdin: Bytes for its standard input.
        fine: Exit statuses that are answers, not failures.

    Raises:
        GitFailed: Another exit status; says Git's last line.
    """
    done = call(repository, *arguments, stdin=stdin)
    if done.returncode not in fine:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"]
        raise GitFailed(f"git {arguments[0]} failed in {repository}: {lines[-1]}")
    return done.returncode, done.stdout


def check_version() -> None:
    """Refuse a Git that is missing or too old.

    Raises:
        MissingProgram: Says what to install.
    """
    try:
        text = subprocess.run(
            ["git", "version"], capture_output=True, env=_environment(), timeout=TIMEOUT_S, check=True
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError):
        raise MissingProgram(f"git is not on this machine; {INSTALL}") from None
    found = re.search(r"(\d+)\.(\d+)", text)
    if found is None or (int(found[1]), int(found[2])) < (2, 38):
        raise MissingProgram(f"{text.strip()} is too old; {INSTALL}")


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "enpire harness",
        "GIT_AUTHOR_EMAIL": "harness@enpire.invalid",
        "GIT_COMMITTER_NAME": "enpire harness",
        "GIT_COMMITTER_EMAIL": "harness@enpire.invalid",
    }


# ---------------------------------------------------------------------------- reading objects


def tree_entries(repository: Path, tree: str, limit: int) -> list[Entry]:
    """Files of a tree or commit.

    Raises:
        BadInput: It holds a symlink, a submodule or another special entry, more than `limit` files, or names that
            are not text.
    """
    _, listing = run(repository, "ls-tree", "-r", "-z", "-l", "--full-tree", tree)
    rows = listing.split(b"\0")[:-1]
    if len(rows) > limit:
        raise BadInput(f"commit {tree[:12]} has {len(rows)} files; the limit is {limit}")
    entries = []
    for row in rows:
        facts, _, name = row.partition(b"\t")
        mode, kind, oid, size = facts.decode().split()
        path = name.decode(errors="replace")
        if mode not in ("100644", "100755"):
            what = {"120000": "a symbolic link", "160000": "a submodule"}.get(mode, f"a {kind} with mode {mode}")
            raise BadInput(f"{path!r} in commit {tree[:12]} is {what}; only regular files are allowed")
        entries.append(Entry(path, oid, int(size)))
    return entries


def read_objects(repository: Path, names: Iterable[str]) -> list[bytes | None]:
    """Contents of objects in one call; None for a name that does not exist.

    Args:
        repository: The bare repository.
        names: Object ids, or `<commit>:<path>`; no newlines.
    """
    wanted = list(names)
    if not wanted:
        return []
    _, output = run(repository, "cat-file", "--batch", stdin="".join(f"{name}\n" for name in wanted).encode())
    contents: list[bytes | None] = []
    at = 0
    for _ in wanted:
        end = output.index(b"\n", at)
        header = output[at:end].split(b" ")
        at = end + 1
        if header[-1] in (b"missing", b"ambiguous"):
            contents.append(None)
            continue
        size = int(header[-1])
        contents.append(output[at : at + size])
        at += size + 1
    return contents


# ---------------------------------------------------------------------------- writing commits


def commit_command(
    branch: str,
    mark: int,
    message: str,
    *,
    when_s: int,
    parents: Iterable[str],
    changes: Mapping[str, bytes] | None = None,
    whole: Mapping[str, bytes] | None = None,
) -> bytes:
    """One commit in the language of `git fast-import`.

    Args:
        branch: Ref that the stream builds on.
        mark: Name of this commit within the stream, from 1.
        message: Commit message.
        when_s: Unix time.
        parents: Commits or marks (`:1`), the first one first.
        changes: Files that differ from the first parent.
        whole: All files; replaces `changes`.
    """
    text = message.replace("\0", " ").encode(errors="replace")
    first, *others = [*parents] or [""]
    lines = [b"commit %s\nmark :%d\n" % (branch.encode(), mark)]
    lines.append(b"committer %s %d +0000\ndata %d\n%s\n" % (IDENTITY, when_s, len(text), text))
    if first:
        lines.append(b"from %s\n" % first.encode())
    lines.extend(b"merge %s\n" % other.encode() for other in others)
    if whole is not None:
        lines.append(b"deleteall\n")
    for path, content in sorted((whole if whole is not None else changes or {}).items()):
        lines.append(b'M 100644 inline "%s"\ndata %d\n%s\n' % (path.encode(), len(content), content))
    lines.append(b"\n")
    return b"".join(lines)


def import_commits(repository: Path, stream: bytes, marks: int, *options: str) -> list[str]:
    """Run a fast-import stream and return the commit id of every mark, 1 to `marks`."""
    asks = b"".join(b"get-mark :%d\n" % mark for mark in range(1, marks + 1))
    _, output = run(repository, *options, "fast-import", "--quiet", "--done", stdin=stream + asks + b"done\n")
    return output.decode().split()
