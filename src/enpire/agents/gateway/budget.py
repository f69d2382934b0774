"""What may still be spent, by session, idea and campaign.

**Rule.** A call is refused once a limit is reached, so one call may overshoot it, and only one, even if many agents
call at the same time. For that, every call in flight holds a reservation of what it may cost at most. A further call
starts at once only if the limit would still not be reached after all those in flight have cost that much; otherwise it
waits until some are over. With nothing in flight it may always start. So of the calls that run together, only the last
one to start can pass the limit.

A reservation is an upper bound as far as one can know before: half a token per byte of the request (text has three to
four bytes per token), a fixed amount per image, the answer's own limit, and never less than the largest call so far.
"""

import asyncio
from dataclasses import dataclass, field

from enpire.agents.gateway.messages import Limits

BYTES_PER_TOKEN = 2
"""Fewer than any text has, on average over a request."""
IMAGE_TOKENS = 4000
"""More than providers count for one image."""
OUTPUT_TOKENS = 32_000
"""Length of an answer whose request does not limit it."""


class UsedUp(Exception):
    """A limit is reached; the message says which one."""


@dataclass
class Account:
    """Spending under one limit.

    Attributes:
        name: `session`, `idea` or `campaign`.
        tokens, usd: Spent.
        calls: In flight.
        held_tokens, held_usd: Reserved for these.
        largest_tokens, largest_usd: The costliest call so far.
    """

    name: str
    limits: Limits = field(default_factory=Limits)
    tokens: int = 0
    usd: float = 0.0
    calls: int = 0
    held_tokens: int = 0
    held_usd: float = 0.0
    largest_tokens: int = 0
    largest_usd: float = 0.0

    def used_up(self) -> str:
        """Which limit is reached, as a sentence; empty if none is."""
        if self.limits.tokens is not None and self.tokens >= self.limits.tokens:
            return f"enpire budget: {self.name} limit of {self.limits.tokens} tokens is used up"
        if self.limits.usd is not None and self.usd >= self.limits.usd:
            return f"enpire budget: {self.name} limit of {self.limits.usd:.2f} USD is used up"
        return ""

    @property
    def safe(self) -> bool:
        """Whether the limit is not reached even if every call in flight costs all that it holds."""
        if not self.calls:
            return True
        tokens, usd = self.tokens + self.held_tokens, self.usd + self.held_usd
        return not (
            (self.limits.tokens is not None and tokens >= self.limits.tokens)
            or (self.limits.usd is not None and usd >= self.limits.usd)
        )


class Reservation:
    """One call's part of some accounts. `settle` it exactly once, or again without effect."""

    def __init__(self, accounts: tuple[Account, ...], tokens: int, usd: float, changed: "Changed") -> None:
        self._changed = changed
        self._held = [(a, max(tokens, a.largest_tokens), max(usd, a.largest_usd)) for a in accounts]
        for account, held_tokens, held_usd in self._held:
            account.calls += 1
            account.held_tokens += held_tokens
            account.held_usd += held_usd

    def settle(self, tokens: int, usd: float) -> None:
        """Book what the call did cost and wake those who wait."""
        for account, held_tokens, held_usd in self._held:
            account.calls -= 1
            account.held_tokens -= held_tokens
            account.held_usd = account.held_usd - held_usd if account.calls else 0.0
            account.tokens += tokens
            account.usd += usd
            account.largest_tokens = max(account.largest_tokens, tokens)
            account.largest_usd = max(account.largest_usd, usd)
        self._held = []
        self._changed.tell()


class Changed:
    """Wakes everybody who waits for the next change."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        """There is a change."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Until the next change."""
        await self._event.wait()


class Budget:
    """Decides which call may start, and when. For one event loop."""

    def __init__(self) -> None:
        self._changed = Changed()

    async def reserve(self, accounts: tuple[Account, ...], tokens: int, usd: float) -> Reservation:
        """Wait until a call that may cost this much may start.

        Raises:
            UsedUp: A limit is reached, before or while waiting.
        """
        while True:
            for account in accounts:
                if reason := account.used_up():
                    raise UsedUp(reason)
            if all(account.safe for account in accounts):
                return Reservation(accounts, tokens, usd, self._changed)
            await self._changed.wait()


def tokens_at_most(text_bytes: int, images: int, output: int | None) -> tuple[int, int]:
    """Upper bounds for the input and output tokens of a request.

    Args:
        text_bytes: Size of the request without its images.
        images: Image parts in it.
        output: Limit of its answer; None if it has none.
    """
    return text_bytes // BYTES_PER_TOKEN + images * IMAGE_TOKENS, output or OUTPUT_TOKENS
