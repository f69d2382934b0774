"""The research tools as an MCP server: streamable HTTP without state, one JSON answer per request.

Written by hand because it is small: the library's server would double the memory of the gateway and its start-up time.
The tests drive it with the library's client. Methods: `initialize`, `ping`, `tools/list`, `tools/call`; notifications
are taken and forgotten.
"""

from importlib.metadata import version
from typing import Any

import msgspec

from enpire.agents.gateway.questions import Questions, TooMany, shown
from enpire.agents.gateway.sessions import Session
from enpire.core.records import Json

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Protocol versions with this handshake, the newest first."""
PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602


class _Wrong(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


async def handle(body: bytes, session: Session, questions: Questions) -> tuple[int, Json | None]:
    """Answer one JSON-RPC message.

    Args:
        body: What the agent posted; anything.
        session: Who asks.
        questions: Way to the supervisor.

    Returns:
        HTTP status, and the JSON to send; None for an empty answer.
    """
    try:
        message = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return 400, _error(None, PARSE_ERROR, "not JSON")
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return 400, _error(None, INVALID_REQUEST, "not one JSON-RPC 2.0 message")
    if "id" not in message or "method" not in message:
        return 202, None
    number = message["id"]
    if not isinstance(number, (str, int)):
        return 400, _error(None, INVALID_REQUEST, "the id of a request is a string or an integer")
    try:
        result = await _result(message["method"], message.get("params"), session, questions)
    except _Wrong as wrong:
        return 200, _error(number, wrong.code, str(wrong))
    return 200, {"jsonrpc": "2.0", "id": number, "result": result}


async def _result(method: Any, params: Any, session: Session, questions: Questions) -> Json:
    given: Json = params if isinstance(params, dict) else {}
    match method:
        case "initialize":
            asked = given.get("protocolVersion")
            return {
                "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
                "capabilities": {"tools": {"listChanged": False}},
                "serverInfo": {"name": "enpire", "version": version("enpire")},
            }
        case "ping":
            return {}
        case "tools/list":
            tools = questions.tools.values()
            return {"tools": [{"name": t.name, "description": t.description, "inputSchema": t.schema} for t in tools]}
        case "tools/call":
            return await _call(given, session, questions)
    raise _Wrong(UNKNOWN_METHOD, f"unknown method {str(method)[:80]!r}")


async def _call(params: Json, session: Session, questions: Questions) -> Json:
    name, arguments = params.get("name"), params.get("arguments")
    if not isinstance(name, str) or name not in questions.tools:
        raise _Wrong(INVALID_PARAMS, unknown_tool(name, questions))
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise _Wrong(INVALID_PARAMS, "arguments must be an object")
    try:
        answer = shown(await questions.ask(session.opened.session, name, arguments), session.opened.vision)
    except TooMany as refused:
        return {"content": [{"type": "text", "text": str(refused)}], "isError": True}
    content: list[Json] = [{"type": "text", "text": answer.text}]
    content += [{"type": "image", "data": image, "mimeType": "image/png"} for image in answer.images]
    return {"content": content, "isError": answer.refused}


def unknown_tool(name: object, questions: Questions) -> str:
    """What to say about a tool that does not exist."""
    return f"unknown tool {str(name)[:80]!r}; known: {', '.join(sorted(questions.tools)) or 'none'}"


def _error(number: str | int | None, code: int, text: str) -> Json:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": text}}
