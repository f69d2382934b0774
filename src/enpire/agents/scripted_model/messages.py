"""Anthropic Messages: what claude speaks."""

import json
from collections.abc import Iterator
from dataclasses import replace

from enpire.agents.scripted_model.wire import Answer, Request, Tool, event, plain_text
from enpire.core.records import Json
from enpire.core.usage import Usage

PATH = "/v1/messages"


def read(body: Json) -> Request:
    """The request in a body."""
    messages = body.get("messages") or []
    said = [_words(m.get("content")) for m in messages if m.get("role") == "user"]
    return Request(
        model=str(body.get("model", "")),
        stream=bool(body.get("stream")),
        tools=tuple(
            Tool(name=t["name"], schema=t["input_schema"]) for t in body.get("tools") or [] if "input_schema" in t
        ),
        text="\n".join(
            [plain_text(body.get("system")), plain_text(body.get("tools"))] + [plain_text(m) for m in messages]
        ),
        said="\n".join(said),
        images=sum(_images(m.get("content")) for m in messages),
    )


def whole(answer: Answer) -> Json:
    """Answer as one JSON document."""
    return _head(answer) | {
        "content": [dict(block) for block in _blocks(answer)],
        "stop_reason": _reason(answer),
        "usage": _usage(answer.usage),
    }


def stream(answer: Answer) -> Iterator[bytes]:
    """Answer as server-sent events; input counts come first, output counts last."""
    opening = _head(answer) | {"content": [], "stop_reason": None, "usage": _usage(answer.usage) | {"output_tokens": 1}}
    yield _event("message_start", message=opening)
    if answer.broken:
        return
    for index, block in enumerate(_blocks(answer)):
        if block["type"] == "text":
            start, delta = block | {"text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            start = block | {"input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield _event("content_block_start", index=index, content_block=start)
        yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    ending = {"stop_reason": _reason(answer), "stop_sequence": None}
    yield _event("message_delta", delta=ending, usage={"output_tokens": answer.usage.output})
    yield _event("message_stop")


def told(answer: Answer) -> Usage:
    """This wire has no number for reasoning. A broken stream has told the input and one token of output."""
    return replace(answer.usage, reasoning=None, output=1 if answer.broken else answer.usage.output)


def failure(status: int, text: str) -> Json:
    """Body of an error."""
    return {"type": "error", "error": {"type": _KINDS.get(status, "api_error"), "message": text}}


_KINDS = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}


def _head(answer: Answer) -> Json:
    head = {"id": f"msg_{answer.id}", "type": "message", "role": "assistant"}
    return head | {"model": answer.model, "stop_sequence": None}


def _blocks(answer: Answer) -> Iterator[Json]:
    if answer.text:
        yield {"type": "text", "text": answer.text}
    if answer.call is not None:
        yield {
            "type": "tool_use",
            "id": answer.call.id,
            "name": answer.call.tool.name,
            "input": answer.call.arguments,
        }


def _reason(answer: Answer) -> str:
    return "end_turn" if answer.call is None else "tool_use"


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.fresh - usage.cache_write,
        "cache_read_input_tokens": usage.cached,
        "cache_creation_input_tokens": usage.cache_write,
        "output_tokens": usage.output,
    }


def _event(kind: str, **fields: object) -> bytes:
    return event(json.dumps({"type": kind, **fields}), kind)


def _words(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if part.get("type") == "text")
    return str(content)


def _images(content: object) -> int:
    if not isinstance(content, list):
        return 0
    return sum((part.get("type") == "image") + _images(part.get("content")) for part in content)
