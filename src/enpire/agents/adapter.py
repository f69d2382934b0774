"""What one coding agent must tell us about itself: pure functions and constants in one file, `agents/<name>.py`.

The session runner owns the process, the gateway owns metering. An adapter starts nothing and waits for nothing.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from enpire.core.usage import Usage

Dialect = Literal["responses", "messages", "chat"]
"""Wire form between an agent and its model: OpenAI Responses, Anthropic Messages, chat completions."""
Vision = Literal["native", "function", "none"]
"""native: the agent looks at images itself. function: only through the `frames` tool. none: every image is withheld."""
Trouble = Literal["auth", "rate_limited", "context", "budget", "limit", "error"]
"""Why an agent gave up, as far as it says; the gateway's word counts more."""


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """The provider behind an agent.

    Attributes:
        url: Root of its interface, without `/v1`.
        url_variable: Environment variable of the user's that overrides `url`; its `/v1` ending is optional.
        key_variable: Environment variable of the user's that holds the key. Only the gateway ever sees it.
        header: How the key travels.
    """

    url: str
    url_variable: str
    key_variable: str
    header: Literal["bearer", "x-api-key"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One session for one agent.

    Attributes:
        folder: Session folder (absolute). The agent works in `workspace`; its home and settings are `home`.
        prompt: Everything it is told.
        model: Model to ask for; empty for the agent's own default.
        model_url: The gateway for this session, without `/v1`; empty if the agent logs in by itself.
        key: What the agent shows the gateway. Worth nothing elsewhere.
        tools_url: MCP endpoint of the research tools (HTTP).
        resume: The agent's own id of a session to continue; empty for a new one.
        vision: What it may see.
        login: Folder with the user's own login of this agent, for a subscription that bypasses the gateway.
        max_steps: Model calls it may make in this run, where the agent has such a limit.
    """

    folder: Path
    prompt: str = ""
    model: str = ""
    model_url: str = ""
    key: str = ""
    tools_url: str = ""
    resume: str = ""
    vision: Vision = "native"
    login: Path | None = None
    max_steps: int | None = None

    @property
    def workspace(self) -> Path:
        """The candidate's files; the working directory of the agent."""
        return self.folder / "workspace"

    @property
    def home(self) -> Path:
        """The agent's HOME: settings, logs and sessions of its own."""
        return self.folder / "home"


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How to start an agent.

    Attributes:
        argv: Program and arguments.
        environment: Variables beside the few that are passed on.
        files: Settings to write first, by absolute path below `Job.home`.
        readable: What it must see of this machine beside system programs and its own.
    """

    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[Path, str] = field(default_factory=dict)
    readable: tuple[Path, ...] = ()


# ---------------------------------------------------------------------------- what an agent prints


@dataclass(frozen=True)
class Began:
    """The agent names its own session, for resuming it."""

    id: str


@dataclass(frozen=True)
class Said:
    """Text for people."""

    text: str


@dataclass(frozen=True)
class Used:
    """A tool was called; `text` is a short form of the call."""

    tool: str
    text: str


@dataclass(frozen=True)
class Retried:
    """A model call failed and is tried again."""

    status: int


@dataclass(frozen=True)
class Failed:
    """The agent gave up."""

    trouble: Trouble
    text: str


@dataclass(frozen=True)
class Ended:
    """The agent says that it is done. Its exit status says more."""

    usage: Usage | None = None


AgentEvent = Began | Said | Used | Retried | Failed | Ended


class Adapter(Protocol):
    """The module `agents/<name>.py` of an agent with a model. Agents without one define only `command`.

    It may also have `LOGIN` (a `Path` below the user's home: the file that shows that they have logged in),
    `LOGIN_VARIABLE` (a variable that may stand in for it) and `NEEDS_MODEL` (True without a default model).
    """

    DIALECT: Dialect
    UPSTREAM: Upstream

    def check(self) -> None:
        """See whether the program is here, in a version that works, without starting a session.

        Raises:
            MissingProgram: It is not; the message is one line that says what to install.
        """
        ...

    def command(self, job: Job) -> Launch:
        """How to run one session."""
        ...

    def parse(self, line: str) -> list[AgentEvent]:
        """Events of one line of output. Never raises: what is unknown or broken gives an empty list."""
        ...

    def native_usage(self, job: Job) -> Usage | None:
        """The agent's own count for everything it did in `job.home`; None if it keeps none."""
        ...
