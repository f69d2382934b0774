"""Anthropic Messages (`/v1/messages`): input comes with `message_start`, output with `message_delta`.

`input_tokens`, `cache_read_input_tokens` and `cache_creation_input_tokens` are disjoint: the input is their sum. All
figures of a stream are running totals, so the largest one seen is the last one. Reasoning is not told apart.
"""

from enpire.agents.gateway.dialects.images import Images, survey, withhold
from enpire.agents.gateway.dialects.meter import part, tokens
from enpire.core.records import Json
from enpire.core.usage import Usage

ROUTE = "messages"
FREE = ("messages/count_tokens", "models")
CONVERSATION = ("messages", "system")
_KINDS = {
    401: "authentication_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    502: "api_error",
}


def prepare(body: Json) -> bool:
    """Nothing to change."""
    return False


def output_bound(body: Json) -> int | None:
    """`max_tokens`."""
    return tokens(body, "max_tokens") or None


def count(event: Json, usage: Usage) -> Usage:
    """Usage of `message_start`, `message_delta` or a whole message."""
    counts = part(event, "usage") or part(part(event, "message"), "usage")
    if not counts:
        return usage
    cached = max(tokens(counts, "cache_read_input_tokens"), usage.cached)
    written = max(tokens(counts, "cache_creation_input_tokens"), usage.cache_write)
    plain = max(tokens(counts, "input_tokens"), usage.fresh - usage.cache_write)
    return Usage(
        input=plain + cached + written,
        cached=cached,
        cache_write=written,
        output=max(tokens(counts, "output_tokens"), usage.output),
    )


def ends(event: Json) -> bool:
    """The message is over."""
    return event.get("type") in ("message_stop", "error")


def images(body: Json) -> Images:
    """Image parts."""
    return survey(body, CONVERSATION)


def mask(body: Json) -> int:
    """Withhold image parts, those inside tool results included."""
    return withhold(body, CONVERSATION, "text")


def refusal(status: int, text: str) -> Json:
    """Error body of this dialect."""
    return {"type": "error", "error": {"type": _KINDS.get(status, "invalid_request_error"), "message": text}}
