"""What tokens cost."""

from enpire.agents.gateway.messages import Price
from enpire.core.usage import Usage

PER = 1_000_000
"""Tokens a price is for."""


def price_of(model: str, prices: dict[str, Price]) -> Price | None:
    """Price of a model: the longest listed name that it begins with; None if there is none."""
    names = [name for name in prices if model.startswith(name)]
    return prices[max(names, key=len)] if names else None


def cost_usd(usage: Usage, price: Price | None) -> float:
    """US dollars for some tokens; 0 without a price."""
    if price is None:
        return 0.0
    cached = price.input if price.cached is None else price.cached
    written = price.input if price.cache_write is None else price.cache_write
    plain = usage.fresh - usage.cache_write
    dear = plain * price.input + usage.cached * cached + usage.cache_write * written + usage.output * price.output
    return dear / PER


def cost_at_most(read: int, written: int, price: Price | None) -> float:
    """US dollars that a call may cost if nothing of it is cached."""
    if price is None:
        return 0.0
    return (read * max(price.input, price.cache_write or 0.0) + written * price.output) / PER
