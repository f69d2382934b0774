"""OpenAI Responses (`/v1/responses`): usage comes once, with the event that ends the stream.

`input_tokens` includes the cached ones, `output_tokens` includes reasoning. A stream that is cut before its end counted
nothing.
"""

from enpire.agents.gateway.dialects import meter
from enpire.agents.gateway.dialects.images import Images, survey, withhold
from enpire.agents.gateway.dialects.meter import part, tokens
from enpire.core.records import Json
from enpire.core.usage import Usage

ROUTE = "responses"
FREE = ("models",)
CONVERSATION = ("input", "instructions", "prompt")
_LAST = ("response.completed", "response.incomplete", "response.failed", "error")

refusal = meter.openai_refusal


def prepare(body: Json) -> bool:
    """Nothing to change."""
    return False


def output_bound(body: Json) -> int | None:
    """`max_output_tokens`."""
    return tokens(body, "max_output_tokens") or None


def count(event: Json, usage: Usage) -> Usage:
    """Usage of the response inside an event, or of a whole response."""
    counts = part(part(event, "response") or event, "usage")
    if not counts:
        return usage
    details, written = part(counts, "input_tokens_details"), part(counts, "output_tokens_details")
    read = tokens(counts, "input_tokens")
    cached = min(tokens(details, "cached_tokens"), read)
    return Usage(
        input=read,
        cached=cached,
        cache_write=min(tokens(details, "cache_write_tokens"), read - cached),
        output=tokens(counts, "output_tokens"),
        reasoning=tokens(written, "reasoning_tokens") if "reasoning_tokens" in written else None,
    )


def ends(event: Json) -> bool:
    """The response is over."""
    return event.get("type") in _LAST


def images(body: Json) -> Images:
    """Image parts."""
    return survey(body, CONVERSATION)


def mask(body: Json) -> int:
    """Withhold image parts."""
    return withhold(body, CONVERSATION, "input_text")
