"""Kimi Code, Moonshot's coding agent (npm package `@moonshot-ai/kimi-code`). It needs Node 22.19 or newer.

It has no default model: without a model name, `MODEL` is asked for. With `login` it runs on the user's own
subscription, from a copy of the settings and credentials in that folder, and nothing is metered on the wire (never
tried with a real account). It always reads AGENTS.md of the workspace: no setting stops it. It prints its session's id
only when all went well.
"""

import json
from pathlib import Path

from enpire.agents._programs import (
    TOOL_LIMIT_S,
    TOOLS,
    count,
    failed,
    read_event,
    read_login,
    require,
    short,
    toml,
    with_prompt,
    written_lines,
)
from enpire.agents.adapter import AgentEvent, Began, Dialect, Ended, Job, Launch, Retried, Said, Upstream, Used
from enpire.core.records import Json
from enpire.core.usage import Usage

DIALECT: Dialect = "chat"
UPSTREAM = Upstream(
    url="https://api.moonshot.ai", url_variable="MOONSHOT_BASE_URL", key_variable="MOONSHOT_API_KEY", header="bearer"
)
LOGIN = Path(".kimi-code/config.toml")
"""Where the user's own login is, below the user's home."""
MODEL = "kimi-k2.7-code"
"""Asked for without a model name."""

_CONTEXT_TOKENS = 262_144
_OFF = (
    *("WebSearch", "FetchURL", "Agent", "AgentSwarm", "CronCreate", "CronList", "CronDelete"),
    *("AskUserQuestion", "EnterPlanMode", "ExitPlanMode"),
    *("Skill", "CreateGoal", "GetGoal", "UpdateGoal", "SetGoalBudget", "WaitFor"),
)
"""Tools that reach out to the network, start agents of their own, outlast the session, wait for a person, or have no
use here and cost tokens in every request."""


def check() -> None:
    """See whether the program is here.

    Raises:
        MissingProgram: It is not, or it is too old, or its Node is.
    """
    require("kimi", package="@moonshot-ai/kimi-code", version="2.1.0", also="it needs Node 22.19 or newer on PATH")


def command(job: Job) -> Launch:
    """How to run one session. A prompt on the command line implies that nothing is asked."""
    home = job.home / ".kimi-code"
    argv = ["kimi", "--output-format", "stream-json", *(["-r", job.resume] if job.resume else []), "-p"]
    environment = {
        "KIMI_CODE_HOME": str(home),
        "KIMI_CODE_NO_AUTO_UPDATE": "1",
        "KIMI_DISABLE_TELEMETRY": "1",
        "KIMI_CODE_BACKGROUND_PRINT_BACKGROUND_MODE": "exit",
        "KIMI_CODE_BUILTIN_PRODUCT_SKILLS": "0",
        "KIMI_CODE_DANGEROUS_COMMAND_GUARD": "0",
        "KIMI_MCP_TOOL_TIMEOUT_MS": str(TOOL_LIMIT_S * 1000),
    }
    if job.max_steps is not None:
        environment["KIMI_LOOP_MAX_STEPS_PER_TURN"] = str(job.max_steps)
    files = {home / "mcp.json": json.dumps({"mcpServers": _servers(job)})}
    if job.login is not None:
        argv[1:1] = ["--model", job.model] if job.model else []
        files[home / "config.toml"] = read_login(job.login, "config.toml", "kimi login")
        files |= {home / "credentials" / path.name: path.read_text() for path in job.login.glob("credentials/*.json")}
    else:
        files[home / "config.toml"] = toml(_settings(job))
    return with_prompt(Launch(argv=argv, environment=environment, files=files), job.prompt, job.home)


def parse(line: str) -> list[AgentEvent]:
    """Events of one line of `--output-format stream-json`; its last words on stderr begin with `error:`."""
    if line.startswith("error:"):
        return [failed(line.removeprefix("error:").strip())]
    event = read_event(line)
    role, kind = event.get("role"), event.get("type")
    if role == "meta" and kind == "session.resume_hint":
        return [Began(str(event.get("session_id", ""))), Ended()]
    if role == "meta" and kind == "turn.step.retrying":
        status = event.get("status_code")
        return [Retried(status if isinstance(status, int) else 0)]
    if role == "assistant":
        return _message(event)
    return []


def native_usage(job: Job) -> Usage | None:
    """Sum over the agents of all sessions in its home, sub-agents included. No number for reasoning."""
    found: list[Usage] = []
    for lines in written_lines(job.home, ".kimi-code/sessions", "wire.jsonl"):
        for line in lines:
            record = read_event(line)
            if record.get("type") == "usage.record" and isinstance(record.get("usage"), dict):
                found.append(_usage(record["usage"]))
    return sum(found, Usage()) if found else None


def _settings(job: Job) -> Json:
    name = job.model or MODEL
    sees = ["image_in"] if job.vision == "native" else []
    model = {"provider": "enpire", "model": name, "max_context_size": _CONTEXT_TOKENS}
    return {
        "default_model": "main",
        "telemetry": False,
        "providers": {"enpire": {"type": "kimi", "base_url": f"{job.model_url}/v1", "api_key": job.key}},
        "models": {"main": model | {"capabilities": [*sees, "thinking"]}},
        "tools": {"disabled": list(_OFF)},
    }


def _servers(job: Job) -> Json:
    return {TOOLS: {"transport": "http", "url": job.tools_url}} if job.tools_url else {}


def _message(event: Json) -> list[AgentEvent]:
    events: list[AgentEvent] = []
    if isinstance(event.get("content"), str):
        events.append(Said(event["content"]))
    calls = event.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            name = str(function.get("name", "")).removeprefix(f"mcp__{TOOLS}__")
            events.append(Used(name, short(function.get("arguments", ""))))
    return events


def _usage(numbers: Json) -> Usage:
    names = ("inputOther", "inputCacheRead", "inputCacheCreation", "output")
    other, cached, written, output = (count(numbers, name) for name in names)
    return Usage(input=other + cached + written, cached=cached, cache_write=written, output=output)
