"""Chat completions (`/v1/chat/completions`): usage comes with the last chunk, if the request asks for it.

A streaming request that says nothing about usage is made to ask (`stream_options.include_usage`): the agent then gets
one more chunk, without choices. This and the mask are the only changes that the gateway makes to requests.
`prompt_tokens` includes the cached ones, which Moonshot reports beside it instead of inside `prompt_tokens_details`.
"""

from enpire.agents.gateway.dialects import meter
from enpire.agents.gateway.dialects.images import Images, survey, withhold
from enpire.agents.gateway.dialects.meter import part, tokens
from enpire.core.records import Json
from enpire.core.usage import Usage

ROUTE = "chat/completions"
FREE = ("models",)
CONVERSATION = ("messages",)

refusal = meter.openai_refusal


def prepare(body: Json) -> bool:
    """Ask for usage in streams."""
    options = body.get("stream_options")
    if body.get("stream") is not True or (isinstance(options, dict) and options.get("include_usage") is True):
        return False
    body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    return True


def output_bound(body: Json) -> int | None:
    """`max_completion_tokens`, or `max_tokens` as it was called before."""
    return tokens(body, "max_completion_tokens") or tokens(body, "max_tokens") or None


def count(event: Json, usage: Usage) -> Usage:
    """Usage of a chunk or of a whole completion; Moonshot also puts it into the last choice."""
    counts = part(event, "usage")
    choices = event.get("choices")
    if not counts and isinstance(choices, list) and choices and isinstance(choices[0], dict):
        counts = part(choices[0], "usage")
    if not counts:
        return usage
    details, written = part(counts, "prompt_tokens_details"), part(counts, "completion_tokens_details")
    read = tokens(counts, "prompt_tokens")
    return Usage(
        input=read,
        cached=min(max(tokens(details, "cached_tokens"), tokens(counts, "cached_tokens")), read),
        output=tokens(counts, "completion_tokens"),
        reasoning=tokens(written, "reasoning_tokens") if "reasoning_tokens" in written else None,
    )


def ends(event: Json) -> bool:
    """Never: the end of a stream is the line `[DONE]`, which is no event."""
    return False


def images(body: Json) -> Images:
    """Image parts."""
    return survey(body, CONVERSATION)


def mask(body: Json) -> int:
    """Withhold image parts."""
    return withhold(body, CONVERSATION, "text")
