"""A unified diff, file by file."""

import re
from dataclasses import dataclass, field

from enpire.dashboard.text import clean

MOST_LINES = 1500
"""Lines shown per file; the rest is counted."""
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_KINDS = {"+": "add", "-": "del", " ": "same", "\\": "note", "": "same"}


@dataclass
class FileDiff:
    """Change of one file.

    Attributes:
        lines: (kind, text); kind is `add`, `del`, `same`, `hunk` or `note`.
        hidden: Lines left out because the file's diff is too long.
    """

    name: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    added: int = 0
    removed: int = 0
    hidden: int = 0

    def append(self, kind: str, text: str) -> None:
        """Add a line, or only count it when the file has enough."""
        self.added += kind == "add"
        self.removed += kind == "del"
        if len(self.lines) < MOST_LINES:
            self.lines.append((kind, clean(text)))
        else:
            self.hidden += 1


def split(diff: str) -> list[FileDiff]:
    """Files of a unified diff as Git prints it, in its order. The lengths in hunk headers tell text from headers."""
    files: list[FileDiff] = []
    old_left = new_left = 0
    named = False  # by a `diff --git` line, which plain diffs lack
    for line in diff.split("\n"):
        if old_left > 0 or new_left > 0:
            kind = _KINDS.get(line[:1], "same")
            old_left -= kind in ("del", "same")
            new_left -= kind in ("add", "same")
            files[-1].append(kind, line)
        elif line.startswith("diff --git "):
            files.append(FileDiff(clean(line.rsplit(" b/", 1)[-1])))
            named = True
        elif line.startswith("+++ ") and named:
            named = False
        elif line.startswith("+++ "):
            files.append(FileDiff(clean(line[4:].removeprefix("b/"))))
        elif (hunk := _HUNK.match(line)) and files:
            old_left, new_left = (int(length) if length is not None else 1 for length in hunk.groups())
            files[-1].append("hunk", line)
        elif files and line.startswith(("Binary files", "new file", "deleted file", "rename ", "\\")):
            files[-1].append("note", line)
    return files
