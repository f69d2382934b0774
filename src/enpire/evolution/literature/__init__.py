"""What is known already: method cards in our own words, shipped with the package, and papers from the network."""

from enpire.evolution.literature.answer import answer, contents, search
from enpire.evolution.literature.card import Card, cards
from enpire.evolution.literature.online import PUBLIC, Sources

__all__ = ["PUBLIC", "Card", "Sources", "answer", "cards", "contents", "search"]
