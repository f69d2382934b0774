"""A scripted model on a free port, and somebody who asks it in three dialects."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from enpire.agents.scripted_model import make_app
from enpire.agents.scripted_model.app import ScriptedModel
from enpire.core.usage import Usage

PATHS = {"responses": "responses", "messages": "messages", "chat": "chat/completions"}
SHELLS = {"responses": ("exec_command", "cmd"), "messages": ("Bash", "command"), "chat": ("Shell", "command")}


def tool(dialect: str, name: str, properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """An offer of a tool."""
    schema = {"type": "object", "properties": properties, "required": required or []}
    if dialect == "responses":
        return {"type": "function", "name": name, "parameters": schema}
    if dialect == "messages":
        return {"name": name, "input_schema": schema}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


@dataclass
class Heard:
    """An answer, whichever way it came."""

    status: int
    text: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    events: list[dict[str, Any]] = field(default_factory=list)


class Asker:
    """Asks the model as an agent would."""

    def __init__(self, root: str, model: ScriptedModel) -> None:
        self.root, self.model = root, model
        self.client = httpx2.Client(timeout=30, verify=False, trust_env=False)

    def body(self, dialect: str, words: list[str], *, stream: bool = False, tools: Any = None) -> dict[str, Any]:
        name, argument = SHELLS[dialect]
        offered = tools if tools is not None else [tool(dialect, name, {argument: {"type": "string"}})]
        said = [{"role": "user", "content": text} for text in words]
        key = "input" if dialect == "responses" else "messages"
        return {"model": "m", "stream": stream, "tools": offered, key: said}

    def ask(self, dialect: str, *words: str, session: str = "s", stream: bool = False, tools: Any = None) -> Heard:
        body = self.body(dialect, list(words), stream=stream, tools=tools)
        return self.send(dialect, body, session=session)

    def send(self, dialect: str, body: dict[str, Any], session: str = "s") -> Heard:
        url = f"{self.root}/{session}/v1/{PATHS[dialect]}"
        answer = self.client.post(url, json=body)
        if answer.status_code != 200 or not body["stream"]:
            return _whole(dialect, answer.status_code, answer.json())
        lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
        return _streamed(dialect, [json.loads(line) for line in lines if line != "[DONE]"])


@pytest.fixture
def playing(tmp_path: Path) -> Iterator[Callable[..., Asker]]:
    """Start a model with a script."""
    with contextlib.ExitStack() as stack:

        def start(script: str, folder_of: Callable[[str], Path] | None = None) -> Asker:
            path = tmp_path / "script.toml"
            path.write_text(script)
            app = make_app(script if script == "researcher" else str(path), folder_of)
            return Asker(stack.enter_context(_served(app)), app.state.model)

        yield start


@contextlib.contextmanager
def _served(app: Any) -> Iterator[str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def _whole(dialect: str, status: int, body: dict[str, Any]) -> Heard:
    if status != 200:
        return Heard(status, str(body["error"]["message"]))
    heard = Heard(200)
    if dialect == "responses":
        for item in body["output"]:
            if item["type"] == "message":
                heard.text += item["content"][0]["text"]
            elif item["type"] == "function_call":
                heard.calls.append((item["name"], json.loads(item["arguments"])))
            else:
                heard.calls.append((item["name"], item["input"]))
        heard.usage = _responses_usage(body["usage"])
    elif dialect == "messages":
        for block in body["content"]:
            if block["type"] == "text":
                heard.text += block["text"]
            else:
                heard.calls.append((block["name"], block["input"]))
        heard.usage = _messages_usage(body["usage"])
    else:
        message = body["choices"][0]["message"]
        heard.text = message["content"] or ""
        calls = [call["function"] for call in message.get("tool_calls", [])]
        heard.calls = [(call["name"], json.loads(call["arguments"])) for call in calls]
        heard.usage = _chat_usage(body["usage"])
    return heard


def _streamed(dialect: str, events: list[dict[str, Any]]) -> Heard:
    heard = Heard(200, events=events)
    for event in events:
        if dialect == "responses":
            if event["type"] == "response.output_text.delta":
                heard.text += event["delta"]
            elif event["type"] == "response.completed":
                whole = _whole(dialect, 200, event["response"])
                assert whole.text == heard.text
                heard.calls, heard.usage = whole.calls, whole.usage
        elif dialect == "messages":
            if event["type"] == "message_start":
                heard.usage = _messages_usage(event["message"]["usage"])
            elif event["type"] == "content_block_start" and event["content_block"]["type"] == "tool_use":
                heard.calls.append((event["content_block"]["name"], None))
            elif event["type"] == "content_block_delta":
                delta = event["delta"]
                if delta["type"] == "text_delta":
                    heard.text += delta["text"]
                else:
                    heard.calls[-1] = (heard.calls[-1][0], json.loads(delta["partial_json"]))
            elif event["type"] == "message_delta":
                usage, output = heard.usage, event["usage"]["output_tokens"]
                heard.usage = Usage(
                    input=usage.input, cached=usage.cached, cache_write=usage.cache_write, output=output
                )
        else:
            for choice in event["choices"]:
                heard.text += choice["delta"].get("content") or ""
                calls = [call["function"] for call in choice["delta"].get("tool_calls", [])]
                heard.calls += [(call["name"], json.loads(call["arguments"])) for call in calls]
            if "usage" in event:
                heard.usage = _chat_usage(event["usage"])
    return heard


def _responses_usage(numbers: dict[str, Any]) -> Usage:
    return Usage(
        input=numbers["input_tokens"],
        cached=numbers["input_tokens_details"]["cached_tokens"],
        cache_write=numbers["input_tokens_details"]["cache_write_tokens"],
        output=numbers["output_tokens"],
        reasoning=numbers["output_tokens_details"]["reasoning_tokens"],
    )


def _messages_usage(numbers: dict[str, Any]) -> Usage:
    cached, written = numbers["cache_read_input_tokens"], numbers["cache_creation_input_tokens"]
    total = numbers["input_tokens"] + cached + written
    return Usage(input=total, cached=cached, cache_write=written, output=numbers["output_tokens"])


def _chat_usage(numbers: dict[str, Any]) -> Usage:
    details = numbers.get("completion_tokens_details", {})
    return Usage(
        input=numbers["prompt_tokens"],
        cached=numbers["prompt_tokens_details"]["cached_tokens"],
        output=numbers["completion_tokens"],
        reasoning=details.get("reasoning_tokens"),
    )
