"""Who does research: `--agent codex:2,claude:2` as a list of members, each with a name and an adapter."""

import importlib
from collections import Counter
from dataclasses import dataclass
from types import ModuleType

from enpire.core import registry
from enpire.core.errors import BadInput

ALIASES = {"claude": "claude_code", "kimi": "kimi_code"}
"""Short names people say."""
MOST = 64


@dataclass(frozen=True)
class Member:
    """One researcher.

    Attributes:
        name: Unique in the team, e.g. `codex-2`; its branch is `agents/<name>`.
        agent: As the user wrote it, e.g. `claude`.
        adapter: Its module.
    """

    name: str
    agent: str
    adapter: ModuleType

    @property
    def has_model(self) -> bool:
        """Whether it asks a model through the gateway."""
        return hasattr(self.adapter, "DIALECT")


def _adapter(agent: str) -> ModuleType:
    if "." not in agent:
        return registry.load("agent", ALIASES.get(agent, agent))
    try:
        adapter = importlib.import_module(agent)
    except ImportError as error:
        raise BadInput(f"--agent {agent}: {error}; expected package.module of an adapter, see docs/agents.md") from None
    if not hasattr(adapter, "command"):
        raise BadInput(f"--agent {agent}: the module has no function `command`, see docs/agents.md")
    return adapter


def team(text: str, agents: int) -> list[Member]:
    """Members named by `text`: a name, or a mix of `name:number` with commas.

    Args:
        text: E.g. `builtin`, `codex`, `codex:2,claude:2`.
        agents: How many, if `text` gives no numbers; shared out as evenly as possible.

    Raises:
        BadInput: It cannot be read.
        UnknownName: There is no such agent.
    """
    numbers: dict[str, int | None] = {}
    for part in text.split(","):
        agent, colon, digits = part.strip().partition(":")
        if agent in numbers:
            raise BadInput(f"--agent {text!r} names {agent} twice; write {agent}:2 for two of them")
        if colon and not (digits.isdigit() and 0 < int(digits) <= MOST):
            raise BadInput(f"--agent {text!r}: {digits!r} is not a number from 1 to {MOST}; e.g. codex:2,claude:2")
        numbers[agent] = int(digits) if colon else None
    open_names = [agent for agent, number in numbers.items() if number is None]
    if open_names and len(open_names) < len(numbers):
        raise BadInput(f"--agent {text!r}: give every agent a number or none, e.g. codex:2,claude:2")
    if len(open_names) > agents:
        raise BadInput(f"--agent {text!r} names {len(open_names)} agents, but --agents is {agents}")
    share = Counter(open_names[i % len(open_names)] for i in range(agents)) if open_names else Counter()
    members = []
    for agent, number in numbers.items():
        adapter = _adapter(agent)
        places = share[agent] if number is None else number
        members += [Member(f"{agent.rpartition('.')[2]}-{place}", agent, adapter) for place in range(1, places + 1)]
    if len(members) > MOST:
        raise BadInput(f"--agent {text!r} asks for {len(members)} researchers; at most {MOST}")
    return members
