"""Research tools: over MCP with the real client, and plain."""

import asyncio
import base64
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from enpire.agents.gateway.messages import Answer, ToolSpec
from enpire.agents.gateway.questions import IN_FLIGHT, NO_ANSWER, PER_SECOND, Questions
from tests.agents.gateway.conftest import House
from tests.agents.gateway.upstream import Provider, responses_stream

Build = Callable[..., House]
SCHEMA = {
    "type": "object",
    "properties": {"idea": {"type": "string"}, "depth": {"type": "integer"}},
    "required": ["idea"],
    "additionalProperties": False,
}
TOOLS = (
    ToolSpec("show", "Show an idea.", SCHEMA),
    ToolSpec("frames", "Key frames.", {"type": "object", "properties": {}}),
)
PNG = base64.b64encode(b"\x89PNG not really").decode()


@contextmanager
def supervisor(h: House, reply: Callable[[Any], Answer | None]) -> Iterator[list[Any]]:
    """Answers questions in a thread, as the supervisor does."""
    asked: list[Any] = []

    def work() -> None:
        while (report := h.inbox.get()) is not None:
            asked.append(report)
            if (answer := reply(report)) is not None:
                h.gateway.answer(answer)

    thread = threading.Thread(target=work)
    thread.start()
    yield asked
    h.inbox.put(None)
    thread.join()


def talk(url: str, mode: str, conversation: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Client(f"{url}/mcp", mode=mode) as client:
            await conversation(client)

    asyncio.run(run())


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_real_client_lists_and_calls(house: Build, mode: str) -> None:
    h = house(Provider(responses_stream()), tools=TOOLS)
    url = h.open()

    def reply(asked: Any) -> Answer:
        if asked.tool == "frames":
            return Answer(asked.request, "two frames", images=(PNG, PNG))
        return Answer(asked.request, f"idea {asked.arguments['idea']}", refused=asked.arguments["idea"] == "9999")

    async def conversation(client: Client) -> None:
        listed = await client.list_tools()
        assert [(t.name, t.description, t.input_schema) for t in listed.tools] == [
            (t.name, t.description, t.schema) for t in TOOLS
        ]
        good = await client.call_tool("show", {"idea": "0007"})
        assert (good.is_error, good.content[0].text) == (False, "idea 0007")
        bad = await client.call_tool("show", {"idea": "9999"})
        assert (bad.is_error, bad.content[0].text) == (True, "idea 9999")
        frames = await client.call_tool("frames", {})
        assert [c.type for c in frames.content] == ["text", "image", "image"]
        assert (frames.content[1].data, frames.content[1].mime_type) == (PNG, "image/png")
        with pytest.raises(MCPError, match="unknown tool 'fly'; known: frames, show"):
            await client.call_tool("fly", {})

    with supervisor(h, reply) as asked:
        talk(url, mode, conversation)
    assert [(a.session, a.tool, a.arguments) for a in asked] == [
        ("s1", "show", {"idea": "0007"}),
        ("s1", "show", {"idea": "9999"}),
        ("s1", "frames", {}),
    ]


def test_without_vision_tools_show_no_images(house: Build) -> None:
    h = house(Provider(responses_stream()), tools=TOOLS)
    url = h.open(vision="none")

    async def conversation(client: Client) -> None:
        frames = await client.call_tool("frames", {})
        assert [c.type for c in frames.content] == ["text"]
        assert frames.content[0].text == "one frame\n[1 image withheld]"

    with supervisor(h, lambda asked: Answer(asked.request, "one frame", images=(PNG,))):
        talk(url, "legacy", conversation)
        plain = httpx2.post(f"{url}/tools/frames", json={}).json()
    assert plain == {"text": "one frame\n[1 image withheld]", "refused": False, "images": []}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, -32700),
        (b"[" * 100_000, 400, -32700),
        (b"[]", 400, -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "ping"}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": ["ping"]}', 200, -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "resources/list"}', 200, -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": 3}', 200, -32602),
        (
            b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "show", "arguments": [1]}}',
            200,
            -32602,
        ),
    ],
)
def test_broken_messages_get_json_rpc_errors(house: Build, body: bytes, status: int, code: int) -> None:
    h = house(Provider(responses_stream()), tools=TOOLS)
    answer = httpx2.post(f"{h.open()}/mcp", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert h.inbox.empty()


def test_the_rest_of_the_protocol(house: Build) -> None:
    h = house(Provider(responses_stream()), tools=TOOLS)
    url = f"{h.open()}/mcp"

    def ask(method: str, **params: Any) -> Any:
        return httpx2.post(url, json={"jsonrpc": "2.0", "id": "a", "method": method, "params": params}).json()["result"]

    assert ask("initialize", protocolVersion="2025-06-18")["protocolVersion"] == "2025-06-18"
    assert ask("initialize", protocolVersion="1999-01-01")["protocolVersion"] == "2025-11-25"
    assert ask("ping") == {}
    told = httpx2.post(url, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (told.status_code, told.content) == (202, b"")
    assert httpx2.get(url).status_code == httpx2.delete(url).status_code == 405


def test_the_plain_form(house: Build) -> None:
    h = house(Provider(responses_stream()), tools=TOOLS)
    url = f"{h.open()}/tools"
    with supervisor(h, lambda asked: Answer(asked.request, str(asked.arguments), images=(PNG,), refused=True)):
        answer = httpx2.post(f"{url}/show", json={"idea": "0001"})
        assert answer.json() == {"text": "{'idea': '0001'}", "refused": True, "images": [PNG]}
        assert httpx2.post(f"{url}/frames").json()["text"] == "{}"
    unknown = httpx2.post(f"{url}/fly", json={})
    assert (unknown.status_code, unknown.json()["text"]) == (404, "unknown tool 'fly'; known: frames, show")
    for garbage in (b"{", b"[1]", b"\xff"):
        answer = httpx2.post(f"{url}/show", content=garbage)
        assert (answer.status_code, answer.json()["refused"]) == (400, True)


def test_four_questions_at_a_time_and_closing_answers_them(house: Build) -> None:
    h = house(Provider(responses_stream()), tools=TOOLS)
    url, other = h.open(), h.open(name="s2")
    answers: list[httpx2.Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(httpx2.post(f"{url}/tools/frames", json={}, timeout=30)))
        for _ in range(IN_FLIGHT)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        h.asked()
    over = httpx2.post(f"{url}/tools/frames", json={})
    assert (over.status_code, over.json()["text"][:18]) == (429, "too many questions")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "frames"}}
    assert httpx2.post(f"{url}/mcp", json=call).json()["result"]["isError"] is True
    free = threading.Thread(target=lambda: answers.append(httpx2.post(f"{other}/tools/frames", json={}, timeout=30)))
    free.start()  # another session is not held up
    asked = h.asked()
    h.gateway.answer(Answer(asked.request, "yours"))
    free.join()
    assert answers.pop().json()["text"] == "yours"
    h.close()
    for thread in threads:
        thread.join()
    assert {a.json()["text"] for a in answers} == {"the session is over"}


def test_twenty_questions_in_a_second() -> None:
    async def run() -> None:
        posted: list[Any] = []
        questions = Questions(TOOLS, posted.append)  # type: ignore[arg-type]
        outcomes = []
        for _ in range(PER_SECOND + 1):
            task = asyncio.create_task(questions.ask("s1", "show", {}))
            await asyncio.sleep(0)
            if len(posted) > len(outcomes):
                questions.answer(Answer(posted[-1].request, "ok"))
            outcomes.append((await asyncio.gather(task, return_exceptions=True))[0])
        assert [getattr(o, "text", "refused") for o in outcomes] == ["ok"] * PER_SECOND + ["refused"]

    asyncio.run(run())


def test_patience_ends_and_late_answers_are_dropped() -> None:
    async def run() -> None:
        posted: list[Any] = []
        questions = Questions(TOOLS, posted.append, patience_s=0.01)  # type: ignore[arg-type]
        answer = await questions.ask("s1", "show", {})
        assert (answer.text, answer.refused) == (NO_ANSWER, True)
        questions.answer(Answer(posted[0].request, "too late"))

    asyncio.run(run())
