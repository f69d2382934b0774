"""A knowledge file that a user gives to a campaign."""

import re
from pathlib import Path

from enpire.core.errors import BadInput

READ_ROOM = 4_000
"""Characters of it that agents are shown, at most."""
MAX_FILE = 64 * 1024
_MORE = re.compile(r"- \(\d+ more\)")
"""What `distill` writes in place of lines: no longer right when more lines are cut."""


def read(path: Path) -> str:
    """Text of a knowledge file, whole lines of at most `READ_ROOM` characters in all.

    A longer file is cut fairly: each of its `## ` sections keeps its first lines.

    Raises:
        BadInput: It is not a readable UTF-8 text of up to 64 kB.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise BadInput(f"knowledge file {path} cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_FILE:
        raise BadInput(f"knowledge file {path} is larger than {MAX_FILE} bytes; `enpire distill` writes far less")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if not text.strip() or "\0" in text:
        raise BadInput(f"knowledge file {path} is not UTF-8 text; expected Markdown such as `enpire distill` writes")
    lines = ["".join(c if c.isprintable() else " " for c in line).rstrip() for line in text.splitlines()]
    if sum(len(line) + 1 for line in lines) > READ_ROOM:
        note = f"(shortened from {len(lines)} lines)"
        lines = [*_fairly([line for line in lines if not _MORE.fullmatch(line)], READ_ROOM - len(note) - 1), note]
    return "".join(line + "\n" for line in lines)


def _fairly(lines: list[str], room: int) -> list[str]:
    """Lines in order, at most `room` characters: first the head of each section, then line by line from all."""
    ranks, rank = [], 0
    for line in lines:
        rank = 0 if line.startswith("## ") else rank + bool(line)
        ranks.append(rank)
    kept: set[int] = set()
    for place in sorted(range(len(lines)), key=lambda place: (ranks[place], place)):
        if len(lines[place]) + 1 <= room:
            room -= len(lines[place]) + 1
            kept.add(place)
    return [line for place, line in enumerate(lines) if place in kept]
