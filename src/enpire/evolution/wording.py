"""How evidence and other people's words are put into text for a model: short, flat, and marked as quoted."""

import textwrap
from collections.abc import Mapping, Sequence
from math import hypot

from enpire.core.brief import FailureCard
from enpire.core.records import FAILURE_REASONS
from enpire.evolution.ideas import plain
from enpire.statistics.intervals import wilson


def quote(text: str, width: int = 160) -> str:
    """Untrusted text on one line of at most `width` characters, in double quotes that it cannot close."""
    clean = plain(text[: 4 * width]).replace('"', "'").replace("`", "'")
    return '"' + textwrap.shorten(clean, width, placeholder="...")[:width] + '"'


def word(text: str) -> str:
    """An untrusted name, flattened, at most 24 characters."""
    return plain(text[:100]).replace("`", "'").replace('"', "'")[:24]


def numbers(values: Sequence[float]) -> str:
    """A vector, shown to 16 entries."""
    return "[" + ", ".join(f"{value:g}" for value in values[:16]) + (", ..." if len(values) > 16 else "") + "]"


def point(values: Mapping[str, float]) -> str:
    """Parameter values that set a variant apart, shown to 8 entries."""
    shown = ", ".join(f"{word(name)} = {value:g}" for name, value in sorted(values.items())[:8])
    return (shown + (", ..." if len(values) > 8 else "")) or "files as they are"


def rate(successes: int, episodes: int) -> str:
    """Counts with the 95 % Wilson interval of the success rate."""
    low, high = wilson(successes, episodes)
    return f"{successes}/{episodes}, 95 % interval [{low:.2f}, {high:.2f}]"


def difference(successes: int, episodes: int, less_successes: int, less_episodes: int) -> str:
    """Difference of two success rates with its 95 % interval, or `unknown` without episodes on both sides.

    Source: method 10 of Newcombe, Statistics in Medicine 17 (1998). For display: races stop when they like.
    """
    if not (episodes and less_episodes):
        return "unknown"
    one, two = wilson(successes, episodes), wilson(less_successes, less_episodes)
    p, q = successes / episodes, less_successes / less_episodes
    low = p - q - hypot(p - one.low, two.high - q)
    high = p - q + hypot(one.high - p, q - two.low)
    return f"{p - q:+.2f} [{low:+.2f}, {high:+.2f}]"


def card_lines(title: str, card: FailureCard) -> list[str]:
    """A failure card as a short list."""
    lines = [f"- {title}: {card.successes}/{card.episodes} on search seeds"]
    for reason, count in sorted(card.reasons.items(), key=lambda item: (-item[1], item[0]))[:8]:
        lines.append(f"  - {count} x {word(reason)}: {FAILURE_REASONS.get(reason, 'unknown reason')}")
    if card.failure_progress:
        quartiles = ", ".join(f"{q:.2f}" for q in card.failure_progress)
        lines.append(
            f"  - progress of failures (quartiles) {quartiles}; {card.near_misses} near misses, "
            f"{card.lost_again} lost what they had reached"
        )
    steps = "-" if card.median_success_steps is None else f"{card.median_success_steps:g}"
    lines.append(
        f"  - steps to success {steps}, p99 action {card.p99_action_ms:.1f} ms, {card.missed_periods} periods missed"
    )
    if card.log_tail:
        lines.append(f"  - last words of a failed policy: {quote(card.log_tail[-300:], 300)}")
    return lines
