"""A coding agent in one file, for any server that speaks chat completions: a hosted model, or one on your own machine.

It has a shell, the research tools, and nothing else. Set `OPENAI_BASE_URL` and `OPENAI_API_KEY`, and name a model with
`--model minimal=NAME`. It is also the shortest complete example of an agent with a model.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from enpire.agents.adapter import AgentEvent, Began, Dialect, Ended, Failed, Job, Launch, Retried, Said, Upstream, Used
from enpire.agents.outcome import ModelAnswer, one_line
from enpire.core.records import Json
from enpire.core.usage import Usage

DIALECT: Dialect = "chat"
UPSTREAM = Upstream(
    url="https://api.openai.com", url_variable="OPENAI_BASE_URL", key_variable="OPENAI_API_KEY", header="bearer"
)

NEEDS_MODEL = True
STEPS = 80
"""Model calls of one run, unless the job says otherwise."""
RETRIES = 5
SHELL_S = 120.0
SHOWN = 10_000
"""Characters of a tool's output that the model sees."""
SHELL: Json = {
    "type": "function",
    "function": {
        "name": "shell",
        "description": "Run a command with bash in the workspace; its output, cut in the middle if long.",
        "parameters": {"type": "object", "required": ["command"], "properties": {"command": {"type": "string"}}},
    },
}


def check() -> None:
    """Python is all it needs."""


def command(job: Job) -> Launch:
    """How to run one session."""
    order = {
        "url": job.model_url,
        "model": job.model or "default",
        "tools_url": job.tools_url,
        "resume": bool(job.resume),
        "steps": job.max_steps or STEPS,
        "prompt": job.prompt,
    }
    return Launch(
        argv=[sys.executable, "-P", "-m", "enpire.agents.minimal", str(job.home)],
        environment={"MODEL_KEY": job.key},
        files={job.home / "order.json": json.dumps(order)},
    )


def parse(line: str) -> list[AgentEvent]:
    """Events of one line of its output."""
    try:
        event = json.loads(line)
        kind, text = str(event["type"]), str(event.get("text", ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
    if kind == "retry":
        return [Retried(int(text))] if text.isascii() and text.isdigit() else []
    if kind == "failed":
        status, _, words = text.partition(" ")
        answer = ModelAnswer(int(status) if status.isascii() and status.isdigit() else 0, words)
        trouble = answer.trouble
        return [Failed(trouble if trouble in ("auth", "rate_limited", "budget") else "error", text)]
    makers: dict[str, AgentEvent] = {"began": Began(text), "said": Said(text), "ended": Ended()}
    if kind == "used":
        return [Used(str(event.get("tool", "")), text)]
    return [makers[kind]] if kind in makers else []


def native_usage(job: Job) -> Usage | None:
    """It keeps no count of its own: the gateway has it."""
    return None


# ---------------------------------------------------------------------------- the program


class _Refused(Exception):
    """The model cannot be asked any more."""


def main(home: Path) -> int:
    """Run one session; returns the exit status."""
    order = json.loads((home / "order.json").read_text())
    memory = home / "messages.json"
    messages = json.loads(memory.read_text()) if order["resume"] and memory.is_file() else []
    messages.append({"role": "user", "content": order["prompt"]})
    tools = [SHELL, *_research_tools(order["tools_url"])]
    _tell("began", "minimal")
    try:
        for _ in range(order["steps"]):
            _remember(memory, messages)  # whole turns only, and now: a session may be killed at any time
            answer = _ask(order, messages, tools)
            messages.append(answer)
            if answer.get("content"):
                _tell("said", str(answer["content"]))
            if not answer.get("tool_calls"):
                _remember(memory, messages)
                _tell("ended", "")
                return 0
            for call in answer["tool_calls"]:
                output = _use(call["function"], order["tools_url"])
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": output})
        _tell("failed", f"no end after {order['steps']} model calls")
    except _Refused as refused:
        _tell("failed", str(refused))
    return 1


def _remember(memory: Path, messages: list[Json]) -> None:
    new = memory.with_suffix(".new")
    new.write_text(json.dumps(messages))
    new.replace(memory)


def _tell(kind: str, text: str, **more: str) -> None:
    print(json.dumps({"type": kind, "text": text} | more), flush=True)


def _post(url: str, body: Json, key: str = "") -> Json:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}", "Accept": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:
        found: Json = json.load(answer)
        return found


def _research_tools(url: str) -> list[Json]:
    if not url:
        return []
    listed = _post(url, {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}})["result"]["tools"]
    return [
        {
            "type": "function",
            "function": {"name": t["name"], "description": t["description"], "parameters": t["inputSchema"]},
        }
        for t in listed
    ]


def _ask(order: Json, messages: list[Json], tools: list[Json]) -> Json:
    """The model's next message."""
    body = {"model": order["model"], "messages": messages, "tools": tools}
    for attempt in range(RETRIES + 1):
        try:
            answer = _post(f"{order['url']}/v1/chat/completions", body, os.environ["MODEL_KEY"])
            message: Json = answer["choices"][0]["message"]
            return message
        except urllib.error.HTTPError as error:
            words = one_line(error.read(2000).decode(errors="replace"))
            if attempt == RETRIES or (error.code < 500 and error.code != 429):
                raise _Refused(f"{error.code} {words}") from None
            _tell("retry", str(error.code))
        except (OSError, ValueError, LookupError, TypeError) as error:
            if attempt == RETRIES:
                raise _Refused(f"0 {type(error).__name__}: {error}") from None
            _tell("retry", "0")
        time.sleep(2.0**attempt)
    raise AssertionError


def _use(call: Json, tools_url: str) -> str:
    name = str(call.get("name"))
    try:
        arguments = json.loads(call.get("arguments") or "{}")
        _tell("used", one_line(json.dumps(arguments)), tool=name)
        if name == "shell":
            return _shell(str(arguments["command"]))
        reply = _post(f"{tools_url.removesuffix('/mcp')}/tools/{name}", arguments)
        return str(reply["text"])
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}: {error.read(2000).decode(errors='replace')}"
    except (OSError, ValueError, LookupError, TypeError) as error:
        return f"the call failed: {type(error).__name__}: {error}"


def _shell(command_line: str) -> str:
    try:
        done = subprocess.run(
            ["bash", "-c", command_line],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SHELL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"stopped after {SHELL_S:g} s"
    text = done.stdout.decode(errors="replace")
    if len(text) > SHOWN:
        text = f"{text[: SHOWN // 2]}\n... {len(text) - SHOWN} characters left out ...\n{text[-SHOWN // 2 :]}"
    return f"{text}\n[exit status {done.returncode}]"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
