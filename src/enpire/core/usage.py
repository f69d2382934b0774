"""What agents consume: one model call, and the tokens of one or many."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one or more model calls in normal form, whatever the provider's own form is.

    Attributes:
        input: Tokens read in all, the cached ones included.
        cached: Of these, read from the provider's cache.
        cache_write: Of the fresh ones, written to the cache.
        output: Tokens written, reasoning included.
        reasoning: Of these, reasoning; None where the provider does not say. Unknown is not zero.
    """

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int | None = None

    @property
    def fresh(self) -> int:
        """Input that was not cached."""
        return self.input - self.cached

    @property
    def total(self) -> int:
        """Input and output."""
        return self.input + self.output

    def __add__(self, other: "Usage") -> "Usage":
        known = [x.reasoning for x in (self, other) if x.reasoning is not None]
        return Usage(
            input=self.input + other.input,
            cached=self.cached + other.cached,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=sum(known) if known else None,
        )


@dataclass(frozen=True, kw_only=True)
class ModelCall:
    """One request to a model: a row of the token ledger.

    Attributes:
        session: Researcher session that made it.
        agent: Researcher.
        phase: `propose` until the session submits, `repair` after a refusal, `wait` after an idea is in.
        model: Model the request named.
        dialect: Wire form: `responses`, `messages` or `chat`.
        status: HTTP status that the agent got; 0 if the connection broke before one.
        usage: What the provider counted; zeros if it counted nothing.
        latency_s, first_byte_s: Until the last and the first byte of the answer.
        images, masked: Image parts in the request, and how many of them were withheld.
        error: Why it was not answered well, as one line; empty if it was.
        cost_usd: By the campaign's price list; 0 without a price for the model.
        source: `gateway`: counted on the wire. `native`: the agent's own figure for calls that bypassed the gateway.
    """

    session: str
    agent: str
    phase: str
    model: str
    dialect: str
    status: int
    usage: Usage
    latency_s: float = 0.0
    first_byte_s: float = 0.0
    images: int = 0
    masked: int = 0
    error: str = ""
    cost_usd: float = 0.0
    source: Literal["gateway", "native"] = "gateway"
