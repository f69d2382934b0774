"""Researchers' words as they may leave a campaign: quoted, cut, and without what belongs to that campaign only."""

import re

from enpire.evolution.wording import quote

_MASKS = (
    (r"\w{1,8}://\S*|(?<!\w)[~.]{0,2}[/\\]\S+|\b[A-Za-z]:[/\\]\S*|[^\s/\\]+[/\\][^\s/\\]+[/\\]\S*", "(path)"),
    (r"(?i)\b(seed|ticket|episode)(s?)\W{0,3}(?:no|nr|number|id)?\W{0,3}\d[\d, ]*", r"\1\2 "),
    (r"(?i)\bideas?\W{1,3}\d{4}\b", "an earlier idea"),
    (r"(?i)(?:0x)?[0-9a-f]*\d{6,}[0-9a-f]*|\b(?:0x)?[0-9a-f]{7,}\b", "(number)"),
)


def quoted(text: str, width: int = 120) -> str:
    """Text on one line in quotes, without paths, numbered episodes and ideas, long numbers and hashes."""
    return quote(masked(text[: 8 * width]), width)


def masked(text: str) -> str:
    """Text without what could be a path, a seed, a ticket or a commit."""
    for pattern, instead in _MASKS:
        text = re.sub(pattern, instead, text)
    return text
