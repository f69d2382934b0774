"""Full-text search over the shipped cards: SQLite's FTS5 in memory, or plain counting where it is missing."""

import math
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Protocol

from enpire.evolution.literature.card import Card, cards

WEIGHTS = {"title": 6.0, "tags": 5.0, "use": 2.0, "rest": 1.0}
"""Field to how much a word in it counts. `use` holds the idea, when it works and how to try it."""
MAX_QUERY = 400
MAX_WORDS = 24
_SILENT_WORDS = """
a about again all am an and any are as at be been but by can do does for from get gets had has have how i if in
into is it its just me more my near need no not of on or our so still than that the them then there they this to
too try up use used using very want was we were what when where which while why will with would you
"""


class Index(Protocol):
    """Something that ranks the shipped cards."""

    def rank(self, query: str) -> list[Card]:
        """Cards that match any word of the query, best first."""
        ...


def words(query: str) -> list[str]:
    """Words to look for, in order, each once. Words that say nothing count only if there are no others."""
    known = query[:MAX_QUERY].encode("utf-8", "ignore").decode().casefold()
    found = list(dict.fromkeys(re.findall(r"[^\W_]+", known)))
    return ([word for word in found if word not in _SILENT_WORDS.split()] or found)[:MAX_WORDS]


@cache
def index() -> Index:
    """The best index that this machine's SQLite can do, made once."""
    try:
        return FullText(cards())
    except sqlite3.OperationalError:  # SQLite was built without FTS5
        return Plain(cards())


def _fields(card: Card) -> Mapping[str, str]:
    use = " ".join(card.sections[name] for name in ("Idea", "Works when", "Try it here"))
    rest = " ".join(card.sections[name] for name in ("Hyper-parameters", "Pitfalls"))
    return {"title": f"{card.title} {card.name}", "tags": " | ".join(card.tags), "use": use, "rest": rest}


class FullText:
    """FTS5 with Porter stems and bm25, safe to use from several threads.

    Raises:
        sqlite3.OperationalError: This SQLite has no FTS5.
    """

    def __init__(self, known: Sequence[Card]) -> None:
        self._cards = known
        self._lock = threading.Lock()
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        columns = ", ".join(WEIGHTS)
        self._db.execute(f"CREATE VIRTUAL TABLE card USING fts5({columns}, tokenize='porter unicode61')")
        rows = [(number, *_fields(card).values()) for number, card in enumerate(known)]
        self._db.executemany(f"INSERT INTO card(rowid, {columns}) VALUES (?, ?, ?, ?, ?)", rows)

    def rank(self, query: str) -> list[Card]:
        """Cards with any of the words; below them, cards with a word that only begins like one of the query."""
        wanted = words(query)
        exact = self._match(f'"{word}"' for word in wanted)
        loose = self._match(f'"{word}" *' for word in wanted if len(word) > 2)
        return [self._cards[number] for number in dict.fromkeys(exact + loose)]

    def _match(self, terms: Iterable[str]) -> list[int]:
        asked = " OR ".join(terms)
        if not asked:
            return []
        weights = ", ".join(str(weight) for weight in WEIGHTS.values())
        order = f"SELECT rowid FROM card WHERE card MATCH ? ORDER BY bm25(card, {weights}), rowid"
        with self._lock:
            return [row[0] for row in self._db.execute(order, (asked,))]


class Plain:
    """The same without FTS5: stems cut off by hand, and words that few cards have count more."""

    def __init__(self, known: Sequence[Card]) -> None:
        self._cards = known
        self._counts = [
            {
                field: Counter(map(_stem, re.findall(r"[^\W_]+", text.casefold())))
                for field, text in _fields(card).items()
            }
            for card in known
        ]
        self._spread = Counter(stem for fields in self._counts for stem in set().union(*fields.values()))

    def rank(self, query: str) -> list[Card]:
        """Cards with any of the words, best first."""
        wanted = {_stem(word) for word in words(query)}
        scored = [(self._score(fields, wanted), -number) for number, fields in enumerate(self._counts)]
        return [self._cards[-number] for score, number in sorted(scored, reverse=True) if score > 0]

    def _score(self, fields: Mapping[str, Counter[str]], wanted: set[str]) -> float:
        total = 0.0
        for stem in wanted:
            seen = sum(WEIGHTS[field] * counts[stem] for field, counts in fields.items())
            total += math.log(1 + len(self._cards) / (1 + self._spread[stem])) * seen / (seen + 4.0)
        return total


def _stem(word: str) -> str:
    for ending in ("ings", "ing", "ies", "ed", "es", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word
