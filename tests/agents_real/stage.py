"""A stage for real agents: a scripted model, research tools, and processes that leave nothing behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Image

from enpire.agents.adapter import AgentEvent, Job, Launch
from enpire.agents.scripted_model import make_app
from enpire.agents.scripted_model.app import ScriptedModel
from enpire.core.usage import Usage

TOKEN = "ENPIRE_TEST_RUN"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
LIMIT_S = 60.0


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """Root address of an ASGI application on a free port of this machine."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


@dataclass
class Lab:
    """Research tools of a stand-in: `score` and `submit` with text, `picture` with an image."""

    calls: list[tuple[str, str]] = field(default_factory=list)

    def app(self) -> Any:
        server = MCPServer("lab", log_level="ERROR")

        def score(name: str) -> str:
            """Score of a name."""
            self.calls.append(("score", name))
            return f"the score of {name} is 0.42"

        def picture() -> list[str | Image]:
            """A picture of the scene."""
            self.calls.append(("picture", ""))
            return ["one frame", Image(data=PNG, format="png")]

        def submit(
            hypothesis: str,
            kind: str = "",
            parent: str | None = None,
            inspired_by: list[str] | None = None,
            adopt: list[str] | None = None,
            revert: list[str] | None = None,
            predicted_effect: float = 0.0,
            variants: list[dict[str, float]] | None = None,
        ) -> str:
            """Hand in the workspace with a hypothesis."""
            self.calls.append(("submit", json.dumps({k: v for k, v in locals().items() if k != "self"})))
            return "idea 0042 is in"

        server.add_tool(submit)
        server.add_tool(score)
        server.add_tool(picture, structured_output=False)
        return server.streamable_http_app(stateless_http=True, json_response=True)


@dataclass
class Run:
    """One run of an agent."""

    adapter: ModuleType
    job: Job
    process: "subprocess.Popen[str]"
    token: str
    stdout: str = ""
    stderr: str = ""

    @property
    def events(self) -> list[AgentEvent]:
        """Everything it said, stdout first."""
        lines = self.stdout.splitlines() + self.stderr.splitlines()
        return [event for line in lines for event in self.adapter.parse(line)]

    @property
    def status(self) -> int:
        """Exit status."""
        return self.process.returncode

    def finish(self, limit_s: float = LIMIT_S) -> "Run":
        """Wait for its end; one that takes too long is killed and fails the test."""
        try:
            self.stdout, self.stderr = self.process.communicate(timeout=limit_s)
        finally:
            self.kill()
        return self

    def left(self) -> list[int]:
        """Living processes that this run started, wherever they are in the process tree."""
        mark = f"{TOKEN}={self.token}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                started = entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0")
                if started and ") Z " not in (entry / "stat").read_text():
                    found.append(int(entry.name))
        return found

    def kill(self) -> None:
        """Kill what is left of it."""
        for pid in self.left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def start(adapter: ModuleType, job: Job, launch: Launch, programs: Path) -> Run:
    """Start one session as the session runner does: own home, small environment, no stdin."""
    job.workspace.mkdir(parents=True, exist_ok=True)
    for path, text in launch.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    job.home.mkdir(exist_ok=True)
    token = uuid.uuid4().hex
    environment = {"PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin", "HOME": str(job.home), "TMPDIR": str(job.home)}
    process = subprocess.Popen(
        launch.argv,
        cwd=job.workspace,
        env=environment | launch.environment | {TOKEN: token},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    return Run(adapter, job, process, token)


InBetween = Callable[[str, str], str]
"""Address of the model for a session, from the root of the scripted model and the session's name."""


class Theatre:
    """One agent, one scripted model, and the runs in between."""

    def __init__(
        self, adapter: ModuleType, programs: Path, in_between: InBetween, tools_url: str, folder: Path
    ) -> None:
        self.adapter, self.programs, self.in_between = adapter, programs, in_between
        self.tools_url, self.folder = tools_url, folder
        self._open = contextlib.ExitStack()
        self._runs: list[Run] = []

    def __enter__(self) -> "Theatre":
        return self

    def __exit__(self, *exception: object) -> None:
        for run in self._runs:
            run.kill()
            run.process.wait()
        self._open.close()

    def script(self, text: str) -> None:
        """Give the model its script, in TOML."""
        path = self.folder / "script.toml"
        path.write_text(text)
        self.mind(str(path))

    def mind(self, script: str) -> None:
        """Start the model."""
        app = make_app(script, self.folder.joinpath)
        self.model: ScriptedModel = app.state.model
        self.root = self._open.enter_context(served(app))

    def job(self, session: str = "first", **more: Any) -> Job:
        """A session in its own folder."""
        settings = {"prompt": "Do your work.", "key": "nothing-worth", "tools_url": self.tools_url} | more
        url = self.in_between(self.root, session)
        return Job(folder=self.folder / session, model_url=url, **settings)

    def start(self, job: Job, launch: Launch | None = None) -> Run:
        """Start a run, by another command line if one is given; it is cleaned up at the end of the test."""
        run = start(self.adapter, job, launch or self.adapter.command(job), self.programs)
        self._runs.append(run)
        return run

    def run(self, session: str = "first", **more: Any) -> Run:
        """A whole run."""
        return self.start(self.job(session, **more)).finish()

    def told(self, session: str = "first") -> Usage:
        """What the model really told a session."""
        return sum((told.usage for told in self.model.truth if told.session == session), Usage())
