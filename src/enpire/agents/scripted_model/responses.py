"""OpenAI Responses: what codex speaks."""

import json
from collections.abc import Iterator
from dataclasses import replace

from enpire.agents.scripted_model.wire import Answer, Request, Tool, event, plain_text
from enpire.core.records import Json
from enpire.core.usage import Usage

PATH = "/v1/responses"


def read(body: Json) -> Request:
    """The request in a body; tools may also ride in the input (`additional_tools`)."""
    items = body.get("input") or []
    if isinstance(items, str):
        items = [{"type": "message", "role": "user", "content": items}]
    offered = [*body.get("tools", [])]
    texts, said, images = [str(body.get("instructions") or ""), json.dumps(offered)], [], 0
    for item in items:
        if item.get("type") == "additional_tools":
            offered += item.get("tools", [])
        parts = item.get("content") or item.get("output") or []
        images += sum(part.get("type") == "input_image" for part in parts if isinstance(parts, list))
        from_user = item.get("type", "message") == "message" and item.get("role") == "user"
        if from_user or item.get("type") == "agent_message":  # orders of a sub-agent
            said.append(_words(parts))
        texts.append(plain_text(item))
    return Request(
        model=str(body.get("model", "")),
        stream=bool(body.get("stream")),
        tools=tuple(_tools(offered)),
        text="\n".join(texts),
        said="\n".join(said),
        images=images,
    )


def whole(answer: Answer) -> Json:
    """Answer as one JSON document."""
    return {
        "id": answer.id,
        "object": "response",
        "status": "completed",
        "model": answer.model,
        "output": [item for item in (_message(answer), _call(answer)) if item],
        "usage": _usage(answer.usage),
    }


def stream(answer: Answer) -> Iterator[bytes]:
    """Answer as server-sent events."""
    begun = {"id": answer.id, "object": "response", "status": "in_progress", "model": answer.model, "output": []}
    yield _event("response.created", response=begun)
    index = 0
    if message := _message(answer):
        empty = message | {"status": "in_progress", "content": []}
        yield _event("response.output_item.added", output_index=index, item=empty)
        place = {"item_id": message["id"], "output_index": index, "content_index": 0}
        yield _event("response.output_text.delta", **place, delta=answer.text)
        if answer.broken:
            return
        yield _event("response.output_item.done", output_index=index, item=message)
        index += 1
    if answer.broken:
        return
    if call := _call(answer):
        yield _event("response.output_item.added", output_index=index, item=call | {"status": "in_progress"})
        yield _event("response.output_item.done", output_index=index, item=call)
    yield _event("response.completed", response=whole(answer))


def told(answer: Answer) -> Usage:
    """All numbers come at the end. This wire always has a number for reasoning."""
    return Usage() if answer.broken else replace(answer.usage, reasoning=answer.usage.reasoning or 0)


def failure(status: int, text: str) -> Json:
    """Body of an error."""
    kind, code = _KINDS.get(status, ("server_error", None))
    return {"error": {"message": text, "type": kind, "code": code, "param": None}}


_KINDS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    429: ("tokens", "rate_limit_exceeded"),
}


def _tools(offered: list[Json]) -> Iterator[Tool]:
    for tool in offered:
        if tool.get("type") == "namespace":
            for inner in _tools(tool.get("tools", [])):
                yield Tool(name=inner.name, namespace=tool["name"], schema=inner.schema, form=inner.form)
        elif tool.get("type") == "function":
            yield Tool(name=tool["name"], schema=tool.get("parameters") or {})
        elif tool.get("type") == "custom":
            yield Tool(name=tool["name"], form="text")


def _message(answer: Answer) -> Json | None:
    if not answer.text:
        return None
    content = [{"type": "output_text", "text": answer.text, "annotations": []}]
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": content,
    }


def _call(answer: Answer) -> Json | None:
    if answer.call is None:
        return None
    tool = answer.call.tool
    head = {"id": f"call_{answer.id}", "call_id": answer.call.id, "name": tool.name, "status": "completed"}
    if tool.namespace:
        head["namespace"] = tool.namespace
    if isinstance(answer.call.arguments, str):
        return {"type": "custom_tool_call", "input": answer.call.arguments} | head
    return {"type": "function_call", "arguments": json.dumps(answer.call.arguments)} | head


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": usage.total,
    }


def _event(kind: str, **fields: object) -> bytes:
    return event(json.dumps({"type": kind, **fields}), kind)


def _words(parts: object) -> str:
    if isinstance(parts, list):
        return "\n".join(str(part.get("text") or part.get("encrypted_content") or "") for part in parts)
    return str(parts)
