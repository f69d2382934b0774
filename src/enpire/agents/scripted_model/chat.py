"""Chat completions: what kimi and many others speak."""

import json
from collections.abc import Iterator
from dataclasses import replace

from enpire.agents.scripted_model.wire import Answer, Request, Tool, event, plain_text
from enpire.core.records import Json
from enpire.core.usage import Usage

PATH = "/v1/chat/completions"


def read(body: Json) -> Request:
    """The request in a body."""
    messages = body.get("messages") or []
    offered = [tool["function"] for tool in body.get("tools") or [] if tool.get("type") == "function"]
    return Request(
        model=str(body.get("model", "")),
        stream=bool(body.get("stream")),
        tools=tuple(Tool(name=f["name"], schema=f.get("parameters") or {}) for f in offered),
        text="\n".join([plain_text(offered)] + [plain_text(m) for m in messages]),
        said="\n".join(_words(m.get("content")) for m in messages if m.get("role") == "user"),
        images=sum(
            part.get("type") == "image_url"
            for m in messages
            if isinstance(m.get("content"), list)
            for part in m["content"]
        ),
    )


def whole(answer: Answer) -> Json:
    """Answer as one JSON document."""
    message: Json = {"role": "assistant", "content": answer.text or None}
    if answer.call is not None:
        message["tool_calls"] = [_call(answer)]
    choice = {"index": 0, "message": message, "finish_reason": _reason(answer)}
    return _head(answer, "chat.completion") | {"choices": [choice], "usage": _usage(answer.usage)}


def stream(answer: Answer) -> Iterator[bytes]:
    """Answer as server-sent events; usage comes in the last chunk."""
    yield _chunk(answer, {"role": "assistant", "content": ""})
    if answer.text:
        yield _chunk(answer, {"content": answer.text})
    if answer.broken:
        return
    if answer.call is not None:
        yield _chunk(answer, {"tool_calls": [{"index": 0} | _call(answer)]})
    yield _chunk(answer, {}, _reason(answer))
    yield event(json.dumps(_head(answer, "chat.completion.chunk") | {"choices": [], "usage": _usage(answer.usage)}))
    yield event("[DONE]")


def told(answer: Answer) -> Usage:
    """All numbers come at the end. This wire has no word for what was written to a cache."""
    return Usage() if answer.broken else replace(answer.usage, cache_write=0)


def failure(status: int, text: str) -> Json:
    """Body of an error."""
    return {"error": {"message": text, "type": _KINDS.get(status, "server_error")}}


_KINDS = {400: "invalid_request_error", 401: "invalid_authentication_error", 429: "rate_limit_reached_error"}


def _head(answer: Answer, kind: str) -> Json:
    return {"id": answer.id, "object": kind, "created": 0, "model": answer.model}


def _chunk(answer: Answer, delta: Json, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return event(json.dumps(_head(answer, "chat.completion.chunk") | {"choices": [choice]}))


def _call(answer: Answer) -> Json:
    assert answer.call is not None
    function = {"name": answer.call.tool.name, "arguments": json.dumps(answer.call.arguments)}
    return {"id": answer.call.id, "type": "function", "function": function}


def _reason(answer: Answer) -> str:
    return "stop" if answer.call is None else "tool_calls"


def _usage(usage: Usage) -> Json:
    numbers: Json = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
    }
    if usage.reasoning is not None:
        numbers["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return numbers


def _words(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content)
    return str(content)
