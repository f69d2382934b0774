"""Reading a folder that somebody else writes: what may be in a workspace, and how it is read without being fooled."""

import os
import stat
from collections.abc import Collection, Iterator, Mapping

from enpire.core.errors import BadInput

Files = dict[str, bytes]
"""Relative path with `/` to content. Regular files only."""

MAX_FILES = 200
MAX_FILE_BYTES = 256 * 1024
MAX_BYTES = 1024 * 1024
MAX_PATH = 200
MAX_DEPTH = 8
MAX_ENTRIES = 5000

INSTRUCTIONS = frozenset({"agents.md", "claude.md", "gemini.md"})
"""Files that coding agents obey on sight, in lower case. They never travel from one agent to another."""


def check_files(files: Mapping[str, bytes]) -> None:
    """Refuse what may not be in a workspace.

    Raises:
        BadInput: Too many or too large files, or a path that is not safe on every machine; names the file.
    """
    if len(files) > MAX_FILES:
        raise BadInput(f"the workspace has {len(files)} files; the limit is {MAX_FILES}")
    folded: dict[str, str] = {}
    for path, content in files.items():
        check_path(path)
        if len(content) > MAX_FILE_BYTES:
            raise BadInput(f"{path} has {len(content)} bytes; the limit is {MAX_FILE_BYTES} per file")
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            prefix = "/".join(parts[:depth])
            if (other := folded.setdefault(prefix.casefold(), prefix)) != prefix:
                raise BadInput(f"{path!r} and {other!r} differ only in case; rename one")
            if depth < len(parts) and prefix in files:
                raise BadInput(f"{prefix!r} is both a file and a folder")
    if (total := sum(map(len, files.values()))) > MAX_BYTES:
        largest = max(files, key=lambda path: len(files[path]))
        raise BadInput(
            f"the workspace has {total} bytes; the limit is {MAX_BYTES} in all (largest file: {largest}). "
            "Keep data in data/, which is not handed in"
        )


def check_path(path: str) -> None:
    """Refuse a path that is absolute, leaves the folder, is hidden, or cannot be shown.

    Raises:
        BadInput: Names the path and the rule.
    """
    parts = path.split("/")
    problem = ""
    if not path or len(path.encode(errors="replace")) > MAX_PATH or len(parts) > MAX_DEPTH:
        problem = f"must have 1 to {MAX_PATH} bytes and at most {MAX_DEPTH} levels"
    elif not path.isprintable() or "\\" in path or '"' in path:
        problem = "must be printable, without backslash or double quote"
    elif any(part == "" or part.startswith(".") for part in parts):
        problem = "must be relative, without `..` and without hidden parts"
    elif any(part != part.strip() for part in parts):
        problem = "must not begin or end with a space"
    elif any(part.lower() in INSTRUCTIONS for part in parts):
        problem = "would give orders to other agents; write to program.md"
    if problem:
        raise BadInput(f"file name {path[:MAX_PATH]!r} {problem}")


def read_folder(path: os.PathLike[str] | str, *, leave_out: Collection[str] = ("data",)) -> Files:
    """Regular files of a folder that an agent writes, without following any link and without running anything.

    Links, sockets and pipes are not read. Hidden names (`.git` among them), `__pycache__` and the agents' own
    instruction files are left out.

    Args:
        path: The workspace folder.
        leave_out: Further top-level names to leave out.

    Raises:
        BadInput: A limit or a path rule is broken; names the file.
    """
    try:
        root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise BadInput(f"cannot read the workspace {os.fspath(path)!r}: {error.strerror}") from None
    reader = _Reader(frozenset(leave_out))
    try:
        reader.read(root, "", 1)
    except OSError as error:
        raise BadInput(f"cannot read the workspace: {error.strerror} ({error.filename!r})") from None
    finally:
        os.close(root)
    check_files(reader.files)
    return reader.files


class _Reader:
    """One walk over a hostile folder: every name is opened relative to its parent, so no swap can redirect it."""

    def __init__(self, leave_out: frozenset[str]) -> None:
        self.files: Files = {}
        self._leave_out = leave_out
        self._entries = 0
        self._bytes = 0

    def read(self, folder: int, prefix: str, depth: int) -> None:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in self._counted(entries, prefix))
        for name in names:
            skipped = name.startswith(".") or name == "__pycache__" or name.lower() in INSTRUCTIONS
            if not skipped and not (depth == 1 and name in self._leave_out):
                self._read_entry(folder, name, prefix + name, depth)

    def _counted(self, entries: "Iterator[os.DirEntry[str]]", prefix: str) -> "Iterator[os.DirEntry[str]]":
        for entry in entries:
            self._entries += 1
            if self._entries > MAX_ENTRIES:
                raise BadInput(f"the workspace has more than {MAX_ENTRIES} entries (at {prefix or 'the top'!r})")
            yield entry

    def _read_entry(self, folder: int, name: str, path: str, depth: int) -> None:
        kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if not stat.S_ISDIR(kind) and not stat.S_ISREG(kind):
            return
        check_path(path)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags | (os.O_DIRECTORY if stat.S_ISDIR(kind) else 0), dir_fd=folder)
        try:
            if stat.S_ISDIR(kind):
                self.read(descriptor, path + "/", depth + 1)
            else:
                self._read_file(descriptor, path)
        finally:
            os.close(descriptor)

    def _read_file(self, descriptor: int, path: str) -> None:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return
        if found.st_nlink > 1:
            raise BadInput(f"{path} is a hard link to another file; make it a copy")
        if len(self.files) >= MAX_FILES:
            raise BadInput(f"the workspace has more than {MAX_FILES} files (at {path})")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        self._bytes += len(content)
        if len(content) > MAX_FILE_BYTES:
            raise BadInput(f"{path} has more than {MAX_FILE_BYTES} bytes, the limit per file")
        if self._bytes > MAX_BYTES:
            raise BadInput(f"the workspace has more than {MAX_BYTES} bytes, the limit in all (at {path})")
        self.files[path] = content
