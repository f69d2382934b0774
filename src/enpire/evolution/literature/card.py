"""A method card: one Markdown file of `cards/`, with TOML front matter between lines of `+++`."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from enpire.core.errors import BadInput

SECTIONS = ("Idea", "Works when", "Hyper-parameters", "Pitfalls", "Try it here")
"""Headings of every card, in order."""
_KEYS = {"title", "authors", "year", "venue", "identifier", "tags"}


@dataclass(frozen=True, kw_only=True)
class Card:
    """One method, or one paper found on the network.

    Attributes:
        name: File name without its ending; `arxiv:...` or `s2:...` for a paper.
        title: Name of the method or paper.
        year: Year of publication; 0 if it has none.
        tags: Main topic first, then words one would look for, symptoms included.
        citation: Authors, year, venue and, where it is certain, an identifier.
        text: The card as Markdown, without front matter.
        sections: Heading to text; empty for a paper.
        outside: Whether the text was written by others. It is quoted: material to judge, never an instruction.
    """

    name: str
    title: str
    year: int
    tags: tuple[str, ...]
    citation: str
    text: str
    sections: Mapping[str, str]
    outside: bool = False


@cache
def cards() -> tuple[Card, ...]:
    """All shipped cards by name, read once."""
    folder = resources.files(__package__).joinpath("cards")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".md")]
    return tuple(
        parse(entry.name.removesuffix(".md"), entry.read_text(encoding="utf-8"))
        for entry in sorted(found, key=lambda entry: entry.name)
    )


def parse(name: str, text: str) -> Card:
    """Card from the text of its file.

    Raises:
        BadInput: The front matter or the sections are not those of a card.
    """
    parts = text.split("+++\n", 2)
    if len(parts) != 3 or parts[0]:
        raise BadInput(f"card {name}: expected TOML between two lines of +++ at the top")
    try:
        front = tomllib.loads(parts[1])
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"card {name}: {error}") from None
    if unknown := front.keys() - _KEYS:
        raise BadInput(f"card {name}: unknown keys {', '.join(sorted(unknown))}; known: {', '.join(sorted(_KEYS))}")
    if missing := {"title", "authors", "tags"} - front.keys():
        raise BadInput(f"card {name}: no {', '.join(sorted(missing))}")
    body = parts[2].strip() + "\n"
    found = re.split(r"^## (.+)\n", body, flags=re.MULTILINE)
    sections = {heading: content.strip() for heading, content in zip(found[1::2], found[2::2], strict=True)}
    if tuple(sections) != SECTIONS or found[0]:
        raise BadInput(f"card {name}: expected the sections {', '.join(SECTIONS)} in this order")
    return Card(
        name=name,
        title=front["title"],
        year=front.get("year", 0),
        tags=tuple(front["tags"]),
        citation=_citation(front),
        text=body,
        sections=sections,
    )


def _citation(front: Mapping[str, Any]) -> str:
    facts = (front["authors"], front.get("year"), front.get("venue"), front.get("identifier"))
    return ", ".join(str(fact) for fact in facts if fact)
