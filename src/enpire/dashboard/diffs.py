"""A unified diff, file by file."""

from dataclasses import dataclass

from enpire.dashboard.text import clean

MOST_LINES = 1500
"""Lines shown per file; the rest is counted."""


@dataclass(frozen=True)
class FileDiff:
    """Change of one file.

    Attributes:
        lines: (kind, text) with kind `add`, `del`, `hunk` or `same`.
        hidden: Lines left out because the file's diff is too long.
    """

    name: str
    added: int
    removed: int
    lines: tuple[tuple[str, str], ...]
    hidden: int


def split(diff: str) -> list[FileDiff]:
    """Files of a unified diff as Git prints it, in its order."""
    files: list[tuple[str, list[tuple[str, str]]]] = []
    in_hunk = False
    for line in diff.splitlines():
        if line.startswith("diff --git "):
            files.append((line.rsplit(" b/", 1)[-1], []))
            in_hunk = False
        elif not in_hunk and line.startswith("+++ ") and (not files or files[-1][1]):
            files.append((line[4:].removeprefix("b/"), []))
        elif line.startswith("@@") and files:
            in_hunk = True
            files[-1][1].append(("hunk", line))
        elif in_hunk and line.startswith("--- ") and not line.startswith("--- a/-"):
            in_hunk = files[-1][1][-1][0] == "hunk" or _add(files[-1][1], line)
        elif in_hunk:
            _add(files[-1][1], line)
    return [_file(name, lines) for name, lines in files]
